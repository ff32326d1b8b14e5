"""The papers of a release: datasheet, data statement, notes on data protection, annotators' conditions.

People's words come from the data card's fields, figures from the same tables as the card's.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from aufruf.release.card import sections
from aufruf.release.features import SPLITS
from aufruf.statements import FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aufruf.release.card import CardFacts

PAPERS = ("datasheet", "data_statement", "data_protection", "annotators")
_TEMPLATES = Path(__file__).parent / "templates"
_MONTH = len("2031-01")
_NOT_STATED = "*Not stated.*"


def paper(name: str, facts: CardFacts, frames: Mapping[tuple[str, str], pl.DataFrame]) -> str:
    """Return one of `PAPERS` as Markdown; what people did not state is said to be missing.

    Args:
        name: which.
        facts: those of the card.
        frames: the stored rows of each (config, split).
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    rows = pl.concat([frames["default", split].select("month", "text") for split in SPLITS])
    environment = Environment(  # noqa: S701 -- Markdown for people, of what its maintainers wrote
        loader=FileSystemLoader(_TEMPLATES), undefined=StrictUndefined, keep_trailing_newline=True
    )
    settings, release = facts.settings, facts.settings.release
    before = f", those from {release.protest_before} on stay out" if release.protest_before else ""
    return environment.get_template(f"{name}.md.j2").render(
        version=facts.version,
        title=release.title,
        license=release.license,
        annotators=release.annotators.replace("_", " "),
        protest=f"by {release.protest_time}{before}".replace("by none", "not told"),
        blurred=settings.interface.blur,
        masked=", ".join(settings.privacy.mask).replace("_", " ") or "nothing",
        said={field.name: facts.statements.get(field.name, _NOT_STATED) for field in FIELDS},
        sections=sections(facts),
        records=f"{rows.height:,}",
        without_text=f"{rows.get_column('text').null_count():,}",
        period=_period(rows.get_column("month")),
    )


def _period(told: pl.Series) -> str:
    """Say from when to when; times that are told by year alone count only where no month is known."""
    known = told.drop_nulls()
    if known.is_empty():
        return "not known"
    months = known.filter(known.str.len_bytes() == _MONTH)
    span = months if len(months) else known
    unknown = f", {told.null_count():,} at a time not told" if told.null_count() else ""
    return f"from {span.min()} to {span.max()}{unknown}"
