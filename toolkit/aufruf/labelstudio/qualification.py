"""Qualification: items with known answers, and who has passed.

The figure for a label and a column (`contained` or `author`) is the mean of two shares: right answers among
the items where it holds, and among those where it does not. Whoever always says "none of these" gets 0.5
for every label, however rare it is. An annotator has passed in a language if every label's mark is reached
in both columns and enough items were judged; what was skipped or could not be judged counts neither way.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec
import polars as pl

from aufruf.errors import SettingsError
from aufruf.label_scheme import LANGUAGES
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, RECORDS
from aufruf.text import normalise
from aufruf.views import (
    QUALIFICATION,
    current_annotations,
    first_answers,
    triage_judgements,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from aufruf.label_scheme import LabelScheme, Language
    from aufruf.settings import Qualification
    from aufruf.workspace import Workspace

COLUMNS = ("contained", "author")
SERIOUS = "serious"
_ID_HEX = 32
_EXPECTED = pl.Schema(
    {
        "record_id": pl.String,
        "language": pl.String,
        "label": pl.String,
        "order": pl.Int64,
        "items": pl.Int64,
        "contained_expected": pl.Boolean,
        "author_expected": pl.Boolean,
    }
)


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One item: an invented text, its answer, and why.

    ``answer`` names the voices of each label that holds; empty, none does. ``serious`` names what is not
    meant seriously. ``section`` is a heading of the guidelines in the item's language.
    """

    id: str
    text: str
    why: str
    section: str
    answer: dict[str, tuple[str, ...]] = {}
    serious: dict[str, str] = {}
    kind: Literal["post", "news"] = "post"


@dataclass(frozen=True)
class LabelFigure:
    """How one annotator's answers about one label agree with the expected ones, in one column.

    Of the judged items, ``held`` have it and ``not_held`` do not, of which ``held_right`` and
    ``not_held_right`` were answered right. ``figure`` is null if one of both kinds was never judged.
    """

    label: str
    column: str
    held: int
    held_right: int
    not_held: int
    not_held_right: int
    figure: float | None
    mark: float
    passed: bool


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    items: tuple[Item, ...] = msgspec.field(name="item")


def load_items(path: Path, scheme: LabelScheme) -> tuple[Item, ...]:
    """Read and check a file of qualification items.

    Raises:
        SettingsError: if the file is missing or wrong, repeats an id or a text, or gives an answer that the
            label scheme does not have. Names the file and the item.
    """
    try:
        items = msgspec.convert(tomllib.loads(path.read_text("utf-8")), _File).items
    except FileNotFoundError as error:
        raise SettingsError(
            f"{path}: there are no qualification items here; copy them from a new workspace (`aufruf init`)"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not valid TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {error}") from error
    problems = _problems(items, scheme)
    if problems:
        raise SettingsError(f"{path}: " + "; ".join(problems))
    return items


def items_of(workspace: Workspace) -> dict[Language, tuple[Item, ...]]:
    """Return a workspace's own items, by language.

    Raises:
        SettingsError: if a file is missing or wrong.
    """
    folder = workspace.root / "annotation" / QUALIFICATION
    return {name: load_items(folder / f"{name}.toml", workspace.label_scheme) for name in LANGUAGES}


def record_id(language: Language, item: Item) -> str:
    """Return the id of the record behind an item: another text is another record."""
    return _sha256(f"{QUALIFICATION}\0{language}\0{item.text}")[:_ID_HEX]


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def item_records(items: Sequence[Item], language: Language) -> pl.DataFrame:
    """Return the rows of RECORDS behind items. Invented texts: nothing is masked, no key is used."""
    ids = [record_id(language, item) for item in items]
    named = pl.DataFrame({"record_id": ids, "kind": [i.kind for i in items], "text": [i.text for i in items]})
    fixed = {"import_id": QUALIFICATION, "source": QUALIFICATION, "language": language, "key_id": "none"}
    nothing = [pl.lit(None).alias(name) for name in RECORDS.schema if name not in {*named.columns, *fixed}]
    return RECORDS.conform(
        named.with_columns(
            *nothing, text=normalise(pl.col("text")), **{k: pl.lit(v) for k, v in fixed.items()}
        ).with_columns(
            post_id="record_id",
            quotes=pl.lit([], dtype=RECORDS.schema["quotes"]),
            match_sha256=pl.Series([_sha256(item.text) for item in items], dtype=pl.String),
        )
    )


def qualified(workspace: Workspace) -> pl.DataFrame:
    """Return who has passed, as of the last pull.

    Returns:
        ``annotator``, ``language``, ``passed``; one row for each annotator and language with an answer to a
        qualification item, sorted; no rows if nobody has taken it.
    """
    by_person = figures(workspace).group_by("annotator", "language")
    return by_person.agg(passed=pl.col("passed").all()).sort("annotator", "language")


def figures(workspace: Workspace) -> pl.DataFrame:
    """Return how each annotator's answers agree with the expected ones, as of the last pull.

    Returns:
        One row for each annotator, language, ``label`` and ``column`` (contained, author), sorted: ``held``
        and ``not_held`` count the judged items where the column holds and where it does not, ``held_right``
        and ``not_held_right`` those of them that were answered right; ``figure`` is the mean of both shares
        (null if there is no item of one kind among the judged), ``mark`` what it must reach; ``judged`` and
        ``items`` count the items of that language; ``passed`` is false where the figure is null.

    Raises:
        SettingsError: if the items' files or the marks in `aufruf.toml` are wrong.
    """
    given = answers_given(workspace)
    scheme = workspace.label_scheme
    expected = _expected({} if given.is_empty() else items_of(workspace), scheme)
    people = given.join(expected, on="record_id", how="semi").select("annotator", "language").unique()
    judged = triage_judgements(given.lazy(), scheme).collect().join(expected, on=["record_id", "label"])
    every = people.join(expected.select("language", "label", "order", "items").unique(), on="language")
    found = pl.concat(_agreement(every, judged, column) for column in COLUMNS)
    settings = workspace.settings.qualification
    return (
        found.with_columns(mark=_mark(settings, scheme))
        .with_columns(
            passed=(pl.col("figure") >= pl.col("mark")).fill_null(value=False)
            & (pl.col("judged") >= settings.judged * pl.col("items"))
        )
        .sort("annotator", "language", "order", "column", descending=[False, False, False, True])
        .drop("order")
    )


def answers_given(workspace: Workspace) -> pl.DataFrame:
    """Return each annotator's first answer to each item, skipped ones left out, with its ``language``."""
    store = workspace.store
    asked = store.scan(ASSIGNMENTS).filter(pl.col("purpose") == QUALIFICATION).select("task_key", "language")
    current = current_annotations(store.scan(ANNOTATIONS))
    return first_answers(current.join(asked, on="task_key")).collect()


def _expected(items: Mapping[Language, Sequence[Item]], scheme: LabelScheme) -> pl.DataFrame:
    """Return a row for each item and label: what holds of it, and how many items the language has."""
    rows = [
        {
            "record_id": record_id(language, item),
            "language": language,
            "label": label,
            "order": order,
            "items": len(those),
            "contained_expected": label in item.answer,
            "author_expected": not set(scheme.author_voices).isdisjoint(item.answer.get(label, ())),
        }
        for language, those in items.items()
        for item in those
        for order, label in enumerate(scheme.label_names)
    ]
    return pl.DataFrame(rows, schema=_EXPECTED)


def _agreement(every: pl.DataFrame, judged: pl.DataFrame, column: str) -> pl.DataFrame:
    """Count right answers by annotator, language and label, for one column."""
    holds = pl.col(f"{column}_expected")
    right = pl.col(column) == holds
    keys = ["annotator", "language", "label"]
    counts = judged.group_by(keys).agg(
        judged=pl.len(),
        held=holds.sum(),
        held_right=(holds & right).sum(),
        not_held=(~holds).sum(),
        not_held_right=(~holds & right).sum(),
    )
    numbers = ("judged", "held", "held_right", "not_held", "not_held_right")
    shares = [pl.col(f"{kind}_right") / pl.col(kind) for kind in ("held", "not_held")]
    return (
        every.join(counts, on=keys, how="left")
        .with_columns(pl.col(numbers).fill_null(0).cast(pl.Int64), column=pl.lit(column))
        .with_columns(figure=pl.mean_horizontal(shares).fill_nan(None))
    )


def _mark(settings: Qualification, scheme: LabelScheme) -> pl.Expr:
    unknown = sorted(settings.labels.keys() - set(scheme.label_names))
    if unknown:
        raise SettingsError(
            f"aufruf.toml: [qualification] labels names '{unknown[0]}', expected one of "
            f"{', '.join(scheme.label_names)}"
        )
    marks = {name: settings.labels.get(name, settings.pass_mark) for name in scheme.label_names}
    return pl.col("label").replace_strict(marks, return_dtype=pl.Float64)


def _problems(items: Sequence[Item], scheme: LabelScheme) -> list[str]:
    problems = [f"{name} stands twice" for name in _repeated(item.id for item in items)]
    problems += [f"the text of {name} stands twice" for name in _same_text(items)]
    for item in items:
        for label, voices in item.answer.items():
            if label not in scheme.label_names:
                problems.append(f"{item.id}: label '{label}' is not in the label scheme")
            elif not voices or not set(voices) <= set(scheme.voice_names):
                problems.append(f"{item.id}: {label} needs voices among {', '.join(scheme.voice_names)}")
        problems += _wrong_serious(item, scheme)
    return problems


def _wrong_serious(item: Item, scheme: LabelScheme) -> list[str]:
    known = {a.name: a.value_names for a in scheme.attributes if a.in_pass == "triage"}.get(SERIOUS, ())
    return [
        f"{item.id}: serious.{label} = '{value}' needs a label of the answer and one of {', '.join(known)}"
        for label, value in item.serious.items()
        if label not in item.answer or value not in known
    ]


def _repeated(values: Iterable[str]) -> list[str]:
    return [value for value, n in Counter(values).items() if n > 1]


def _same_text(items: Sequence[Item]) -> list[str]:
    twice = _repeated(item.text for item in items)
    return [item.id for item in items if item.text in twice]
