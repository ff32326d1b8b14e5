"""A random split flatters where copies stand on both sides, and only there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest
from msgspec.structs import replace

from aufruf.baselines.random_split import compare_with_random
from aufruf.baselines.recipes import load_recipe
from aufruf.errors import InputError
from aufruf.label_scheme import load_label_scheme
from aufruf.release.features import SPLITS, default_features
from aufruf.release.manifest import MANIFEST, canonical_json, list_files, read_manifest, seal
from aufruf.release.parquet import read_split, write_split

if TYPE_CHECKING:
    from pathlib import Path

HALF = pl.col("group").str.extract(r"(\d+)$").cast(pl.Int64) * 7919 % 101 % 2
"""Of each unit, in an order that the digits of its number do not tell."""


def with_texts(release: Path, word: pl.Expr) -> None:
    """Write texts by a rule of their own into a release, and a label that half of the units have."""
    features = default_features(load_label_scheme(release / "docs" / "label_scheme.toml"))
    for split in SPLITS:
        rows = read_split(release, "default", split, features)
        half = HALF == 0
        changed = rows.with_columns(text=word, threat_contained=half, threat_author=half)
        write_split(release, "default", split, changed, features)
    manifest = replace(read_manifest(release), files=list_files(release))
    (release / MANIFEST).write_bytes(canonical_json(seal(manifest)))


def gap(release: Path) -> tuple[float, float]:
    rows = compare_with_random(release, load_recipe("tfidf-logreg"), draws=2)
    found = next(r for r in rows if (r.label, r.metric) == ("threat_contained", "average_precision"))
    assert found.released is not None
    assert found.random is not None
    return found.released, found.random


def test_texts_that_tell_their_unit_are_known_again_in_a_random_split_only(filled_release: Path):
    with_texts(filled_release, pl.format("alles über {} und noch mehr", pl.col("group").str.replace("-", "")))
    released, random = gap(filled_release)
    assert random > released + 0.1


def test_texts_that_tell_the_label_score_alike_both_ways(filled_release: Path):
    with_texts(filled_release, pl.format("wort{} steht hier {}", HALF, pl.int_range(pl.len())))
    assert gap(filled_release) == pytest.approx((1.0, 1.0), abs=0.02)


def test_a_split_without_texts_leaves_nothing_to_compare(filled_release: Path):
    with_texts(filled_release, pl.lit(None, pl.String))
    with pytest.raises(InputError, match="a split has no texts"):
        compare_with_random(filled_release, load_recipe("tfidf-logreg"))
