"""What changed from one release to the next, and which number that makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import polars as pl

from aufruf.errors import InputError
from aufruf.label_scheme import load_label_scheme
from aufruf.release.decided import YES_NO
from aufruf.release.features import FOLDERS, SPLITS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from aufruf.label_scheme import LabelScheme

Level = Literal["major", "minor", "patch"]
_SCHEME = "docs/label_scheme.toml"
_LABEL_COLUMNS = tuple(f"_{column}" for column in YES_NO)
_ANSWERS = {True: "yes", False: "no", None: "not asked"}


@dataclass(frozen=True)
class Relabelled:
    """``n`` records of a language whose answer in ``column`` is another one.

    Answers are ``yes``, ``no`` and ``not asked`` (or undecided).
    """

    column: str
    language: str | None
    before: str
    after: str
    n: int


@dataclass(frozen=True)
class Changes:
    """What differs between two releases: ids of records, sorted.

    ``moved`` stand in another split. ``meanings`` says what the labels meant otherwise, ``new_columns``
    which labels, voices or attributes there were not. ``level`` is what a version must be raised by.
    """

    added: list[str]
    removed: list[str]
    changed_text: list[str]
    moved: list[str]
    relabelled: list[Relabelled]
    meanings: list[str]
    new_columns: list[str]

    @property
    def level(self) -> Level:
        """Meanings changed: major; records or columns were added: minor; anything else: patch."""
        if self.meanings:
            return "major"
        return "minor" if self.added or self.new_columns else "patch"


@dataclass(frozen=True)
class Labelled:
    """A release's scheme and ``id``, ``text``, ``language``, ``split`` and label columns of its rows."""

    rows: pl.DataFrame
    scheme: LabelScheme


def labelled(splits: Mapping[str, pl.DataFrame], scheme: LabelScheme) -> Labelled:
    """Return what is compared of a release's splits."""
    names = [f"{label}{column}" for label in scheme.label_names for column in _LABEL_COLUMNS]
    parts = [
        frame.select("id", "text", "language", *names, split=pl.lit(split)) for split, frame in splits.items()
    ]
    return Labelled(pl.concat(parts), scheme)


def read_labelled(release: Path) -> Labelled:
    """Read the same from a release's files.

    Raises:
        InputError: if it is no release or its rows are gone.
    """
    folder = release / FOLDERS["default"]
    if not _has_rows(release):
        raise InputError(f"{release}: no release with its rows; a withdrawn one cannot be compared")
    filled = [split for split in SPLITS if any(folder.glob(f"{split}-*.parquet"))]
    frames = {split: pl.read_parquet(folder / f"{split}-*.parquet") for split in filled}
    return labelled(frames, load_label_scheme(release / _SCHEME))


def _has_rows(release: Path) -> bool:
    return (release / _SCHEME).is_file() and any((release / FOLDERS["default"]).glob("*.parquet"))


def compare(before: Labelled, after: Labelled) -> Changes:
    """Return what differs between two releases.

    A label is compared where both releases have its columns. Null (not asked, or undecided) to yes or no
    is a change like any other, and named as such.
    """
    both = after.rows.join(before.rows, on="id", how="inner", suffix="@before")
    columns = [name for name in before.rows.columns if name in after.rows.columns]

    def differing(name: str) -> list[str]:
        differs = pl.col(name).ne_missing(pl.col(f"{name}@before"))
        return both.filter(differs).get_column("id").sort().to_list()

    return Changes(
        added=_beyond(after, before),
        removed=_beyond(before, after),
        changed_text=differing("text"),
        moved=differing("split"),
        relabelled=[
            entry for name in columns if name.endswith(_LABEL_COLUMNS) for entry in _relabelled(both, name)
        ],
        meanings=list(_meanings(before.scheme, after.scheme)),
        new_columns=sorted(_things(after.scheme).keys() - _things(before.scheme).keys()),
    )


def _beyond(one: Labelled, other: Labelled) -> list[str]:
    """Return the records of one release that the other does not have."""
    return one.rows.join(other.rows, on="id", how="anti").get_column("id").sort().to_list()


def _relabelled(both: pl.DataFrame, name: str) -> Iterator[Relabelled]:
    then = f"{name}@before"
    counts = (
        both.filter(pl.col(name).ne_missing(pl.col(then)))
        .group_by("language", before=pl.col(then), after=pl.col(name))
        .len()
        .sort("language", "before", "after", nulls_last=True)
    )
    for language, before, after, n in counts.iter_rows():
        yield Relabelled(name, language, _ANSWERS[before], _ANSWERS[after], n)


def _meanings(before: LabelScheme, after: LabelScheme) -> Iterator[str]:
    """Say what is gone or means something else; wording of the interface alone is no change of meaning."""
    old, new = _things(before), _things(after)
    for name, meaning in old.items():
        if name not in new:
            yield f"{name}: is gone"
        elif new[name] != meaning:
            yield f"{name}: is defined otherwise"


def _things(scheme: LabelScheme) -> dict[str, object]:
    """Return what each label, voice, attribute and answer of a scheme means."""
    found: dict[str, object] = {f"label {label.name}": label.definition for label in scheme.labels}
    found |= {f"voice {voice.name}": (voice.author, voice.definition) for voice in scheme.voices}
    for attribute in scheme.attributes:
        found |= {f"attribute {attribute.name} of {label}": True for label in attribute.labels}
        found |= {f"answer {value.name} to {attribute.name}": value.definition for value in attribute.values}
    return found


@dataclass(frozen=True)
class Since:
    """The releases before this one, the oldest first, and what changed since one of them.

    ``version`` is the newest that still has its rows; it and ``changes`` are None where there is none.
    """

    earlier: Sequence[Path]
    version: str | None = None
    changes: Changes | None = None


def changes_since(earlier: Sequence[Path], now: Labelled) -> Since:
    """Return what changed since the newest earlier release that has its rows."""
    known = [path for path in earlier if _has_rows(path)]
    if not known:
        return Since(earlier)
    return Since(earlier, known[-1].name, compare(read_labelled(known[-1]), now))


def changelog(version: str, since: Since) -> str:
    """Return the changelog with this version on top of what the newest earlier release's says."""
    if not since.earlier:
        return f"{_HEADING}## {version}\n\nThe first release.\n"
    path = since.earlier[-1] / "CHANGELOG.md"
    past = path.read_text("utf-8").removeprefix(_HEADING) if path.is_file() else ""
    return f"{_HEADING}## {version}\n\n{_described(since)}\n\n{past}"


_HEADING = "# Changes\n\n"


def _described(since: Since) -> str:
    changes = since.changes
    if changes is None:
        return f"The data of version {since.earlier[-1].name} is gone: nothing to compare with."
    moved = f"moved to another split: {len(changes.moved):,}"
    counts = [
        f"- records added: {len(changes.added):,}; removed: {len(changes.removed):,}",
        f"- records with changed text: {len(changes.changed_text):,}; {moved}",
        f"- records with another label: {'by column and language' if changes.relabelled else 'none'}",
    ]
    relabelled = [
        f"  - `{each.column}`, {each.language or 'no language'}: {each.before} → {each.after}: {each.n:,}"
        for each in changes.relabelled
    ]
    scheme = [f"- label scheme: {told}" for told in changes.meanings]
    scheme += [f"- label scheme: {name}: is new" for name in changes.new_columns]
    return "\n".join([f"Against version {since.version}:", "", *counts, *relabelled, *scheme])
