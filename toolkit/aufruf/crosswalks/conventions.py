"""How a labelled set writes what its texts held: undone, so that its texts are like those of others."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from aufruf.crosswalks.definition import Crosswalk

_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,30});", re.IGNORECASE)


def as_written(texts: pl.Series, crosswalk: Crosswalk) -> pl.Series:
    """Return texts with entities of HTML decoded once, then with the crosswalk's replacements, in order."""
    if crosswalk.html_entities:
        places = texts.str.contains("&", literal=True).fill_null(value=False).arg_true()
        decoded = [_ENTITY.sub(lambda found: html.unescape(found[0]), text) for text in texts.gather(places)]
        texts = texts.scatter(places, pl.Series(decoded, dtype=pl.String))
    for written, meant in crosswalk.replace.items():
        texts = texts.str.replace_all(written, meant, literal=True)
    return texts
