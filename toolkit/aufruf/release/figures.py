"""The figures of a data card, counted from a release's own rows: anyone can count them again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from aufruf.release.decided import YES_NO
from aufruf.release.features import SPLITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

BEGIN = "<!-- figures: counted from the files of this release; `aufruf verify` counts them again -->"
END = "<!-- end of figures -->"


def figures(frames: Mapping[tuple[str, str], pl.DataFrame], labels: Sequence[str]) -> str:
    """Return the Markdown of all figures, with the marks around it.

    Args:
        frames: the stored rows of each (config, split).
        labels: the label names in their order.
    """
    counted = ["language", "kind", *(f"{label}_{column}" for label in labels for column in YES_NO)]
    rows = pl.concat(
        [frames["default", split].select(*counted, split=pl.lit(split, dtype=pl.String)) for split in SPLITS]
    )
    parts = [
        BEGIN,
        "### Records",
        _record_counts(rows),
        "### Labels",
        "Yes / no / not asked or undecided. *Contained*: in any voice; *author*: in the author's own.",
        _label_counts(rows, labels),
        "### Judgements",
        judgement_counts(frames),
        END,
    ]
    return "\n\n".join(parts)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table; the first column is text, the others are numbers."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(value: object) -> str:
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")


def _record_counts(rows: pl.DataFrame) -> str:
    counts = rows.group_by("language", "kind", "split").len()
    kinds = counts.select("language", "kind").unique().sort("language", "kind").rows()
    found = {(language, kind, split): n for language, kind, split, n in counts.rows()}
    lines = [
        [f"{language}, {kind}", *(found.get((language, kind, split), 0) for split in SPLITS)]
        for language, kind in kinds
    ]
    total = ["all", *(rows.filter(pl.col("split") == split).height for split in SPLITS)]
    return table(["", *SPLITS], [*lines, total])


def _label_counts(rows: pl.DataFrame, labels: Sequence[str]) -> str:
    columns = [f"{label}_{column}" for label in labels for column in YES_NO]
    counted = rows.group_by("language", "split").agg(
        [pl.col(name).sum().alias(f"{name} yes") for name in columns]
        + [(~pl.col(name)).sum().alias(f"{name} no") for name in columns]
        + [pl.col(name).null_count().alias(f"{name} none") for name in columns]
    )
    found = {(row["language"], row["split"]): row for row in counted.iter_rows(named=True)}
    languages = sorted({language for language, _ in found})
    nothing = dict.fromkeys(counted.columns, 0)
    lines = [
        [
            f"{name.replace('_contained', ', contained').replace('_author', ', author')}, {language}",
            *(_yes_no_none(found.get((language, split), nothing), name) for split in SPLITS),
        ]
        for name in columns
        for language in languages
    ]
    return table(["", *SPLITS], lines)


def _yes_no_none(row: Mapping[str, int], name: str) -> str:
    return " / ".join(f"{row[f'{name} {answer}']:,}" for answer in ("yes", "no", "none"))


def judgement_counts(frames: Mapping[tuple[str, str], pl.DataFrame]) -> str:
    """Return the Markdown table of judgements by pass, and of annotators."""
    judgements = {split: frames["annotations", split] for split in SPLITS}

    def of(split: str, in_pass: str) -> int:
        return judgements[split].filter(pl.col("pass") == in_pass).height

    lines = [[in_pass, *(of(split, in_pass) for split in SPLITS)] for in_pass in ("triage", "detail")]
    annotators = ["annotators", *(judgements[split]["annotator"].n_unique() for split in SPLITS)]
    return table(["", *SPLITS], [*lines, annotators])
