"""Look for what is wrong with a labelled set. Nothing is dropped because of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aufruf.crosswalks.reading import LabelledFile

_MASKED = r"(?i)\[@\w+\]|@(?:user(?:name)?|url|mention)\b|@user_[0-9a-f]{8}\b"
_HANDLE = r"(?:^|[^\w/])@\w*[^\W\d]\w*"
_MOST_CLASSES = 20
_LEAST_DIFFERENCE = 0.1
_SIGNIFICANT = 0.001
_LEAST_ROWS = 20


@dataclass(frozen=True)
class Contradiction:
    """Identical texts in one file: groups of them, and groups in which a category has several values."""

    file: str
    column: str
    groups: int
    contradicting: int


@dataclass(frozen=True)
class SharedTexts:
    """Texts that stand in several official splits."""

    splits: tuple[str, ...]
    texts: int


@dataclass(frozen=True)
class ClassShare:
    """Texts of one class, and the share of them with an unmasked handle."""

    rows: int
    share: float


@dataclass(frozen=True)
class Handles:
    """Unmasked handles that are much more common in some classes: a model can learn who instead of what.

    ``p_value`` is that of Pearson's chi-squared test that handles and classes are independent.
    """

    file: str
    column: str
    classes: dict[str, ClassShare]
    p_value: float


@dataclass(frozen=True)
class Defects:
    """What is wrong with the files of a set; empty tuples where nothing was found."""

    contradicting: tuple[Contradiction, ...] = ()
    in_several_splits: tuple[SharedTexts, ...] = ()
    handles: tuple[Handles, ...] = ()


def find_defects(files: Iterable[LabelledFile]) -> Defects:
    """Look at the files that hold texts; texts are the same if they are but for white space around them.

    Categories of single annotators are left out: that people differ is no defect. Handles count as
    concentrated if the shares of two classes of 20 texts or more differ by 0.1 or more, and p < 0.001.
    """
    contradictions: list[Contradiction] = []
    handles: list[Handles | None] = []
    places = [pl.DataFrame(schema={"text": pl.String, "split": pl.String})]
    for file in files:
        if file.layout.text is None:
            continue
        rows = _with_texts(file)
        places.append(rows.select("text", "split"))
        columns = file.layout.labels if file.layout.annotator is None else ()
        for column in columns:
            known = rows.select("text", "handle", value=column).drop_nulls("value")
            where = (file.name, file.layout.categories[column])
            contradictions.append(_contradiction(*where, known))
            handles.append(_handles(*where, known))
    return Defects(
        tuple(found for found in contradictions if found.groups),
        tuple(_in_several_splits(pl.concat(places))),
        tuple(found for found in handles if found is not None),
    )


def _with_texts(file: LabelledFile) -> pl.DataFrame:
    """Return the rows with their ``text``, whether it has a ``handle``, and their ``split``."""
    said = pl.lit(file.layout.split_of(file.name), pl.String)
    split = said if file.layout.split_column is None else pl.col(file.layout.split_column)
    text = pl.col(file.layout.text or "").str.strip_chars()
    handle = text.str.replace_all(_MASKED, "").str.contains(_HANDLE)
    return file.rows.with_columns(text=text, handle=handle, split=split).filter(pl.col("text") != "")


def _contradiction(file: str, column: str, rows: pl.DataFrame) -> Contradiction:
    groups = rows.group_by("text").agg(n=pl.len(), values=pl.col("value").n_unique()).filter(pl.col("n") > 1)
    return Contradiction(file, column, groups.height, groups.filter(pl.col("values") > 1).height)


def _in_several_splits(places: pl.DataFrame) -> Iterator[SharedTexts]:
    several = places.drop_nulls().group_by("text").agg(splits=pl.col("split").unique().sort())
    counts = several.filter(pl.col("splits").list.len() > 1).group_by("splits").len().sort("splits")
    for splits, texts in counts.iter_rows():
        yield SharedTexts(tuple(splits), texts)


def _handles(file: str, column: str, rows: pl.DataFrame) -> Handles | None:
    classes = (
        rows.group_by("value")
        .agg(rows=pl.len(), having=pl.col("handle").sum())
        .with_columns(share=pl.col("having") / pl.col("rows"))
        .sort("share", "value", descending=[True, False])
    )
    compared = classes.filter(pl.col("rows") >= _LEAST_ROWS)
    if compared.height < 2 or classes.height > _MOST_CLASSES:  # noqa: PLR2004 -- a comparison takes two
        return None
    if compared.item(0, "share") - compared.item(-1, "share") < _LEAST_DIFFERENCE:
        return None
    p_value = _chi_squared_p(compared.select("having", pl.col("rows") - pl.col("having")))
    shares = {
        value: ClassShare(n, share)
        for value, n, share in classes.select("value", "rows", "share").iter_rows()
    }
    return Handles(file, column, shares, p_value) if p_value < _SIGNIFICANT else None


def _chi_squared_p(table: pl.DataFrame) -> float:
    import scipy.stats

    stats: Any = scipy.stats  # untyped
    return float(stats.chi2_contingency(table.to_numpy()).pvalue)
