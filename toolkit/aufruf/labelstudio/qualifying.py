"""The qualification round: bring its items to annotators, and tell them how they did."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, fields, replace
from random import Random
from typing import TYPE_CHECKING, Any

import polars as pl

from aufruf.errors import InputError
from aufruf.files import write_text
from aufruf.labelstudio.apply import apply
from aufruf.labelstudio.feedback import ItemFeedback, feedback_page
from aufruf.labelstudio.notes import silent
from aufruf.labelstudio.qualification import (
    SERIOUS,
    LabelFigure,
    answers_given,
    figures,
    item_records,
    items_of,
    record_id,
)
from aufruf.labelstudio.rounds import annotators_of
from aufruf.labelstudio.routing import task_key
from aufruf.tables import ASSIGNMENTS, RECORDS
from aufruf.views import QUALIFICATION, qualification_records

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aufruf.label_scheme import Language
    from aufruf.labelstudio.annotators import Annotator
    from aufruf.labelstudio.apply import ApplyReport
    from aufruf.labelstudio.notes import Note
    from aufruf.labelstudio.qualification import Item
    from aufruf.workspace import Workspace

ROUND = QUALIFICATION
_FIGURE = tuple(field.name for field in fields(LabelFigure))


@dataclass(frozen=True)
class Asked:
    """Whom the items were given to in one language: ``new`` tasks, and those from before."""

    annotator: str
    language: Language
    new: int
    existing: int


@dataclass(frozen=True)
class QualifyReport:
    """Who was asked, and what was brought to Label Studio (null in a dry run)."""

    asked: list[Asked]
    applied: ApplyReport | None


@dataclass(frozen=True)
class Result:
    """One annotator in one language. ``page`` is the feedback page, null in a dry run."""

    annotator: str
    language: Language
    passed: bool
    judged: int
    items: int
    labels: list[LabelFigure]
    page: str | None


def qualify(  # noqa: PLR0913 -- the command's options
    workspace: Workspace,
    annotators: Sequence[str] = (),
    languages: Sequence[Language] = (),
    *,
    seed: int = 0,
    dry_run: bool = False,
    note: Note = silent,
) -> QualifyReport:
    """Give the qualification items to annotators: a project for each of them and each language.

    Nobody is asked an item twice: run it again for new people, or after items were changed or added.

    Args:
        workspace: the workspace.
        annotators: pseudonyms; none given, everybody in the annotators' file.
        languages: none given, all that a person reads.
        seed: decides in which order each person gets the items.
        dry_run: write nothing, and ask no server.
        note: is told how it goes.

    Raises:
        InputError: if somebody is not in the annotators' file, or nobody reads the languages.
        SettingsError: if an items' file is wrong.
        ServerError: if Label Studio cannot be reached or refuses.
    """
    with nullcontext() if dry_run else workspace.locked():
        people = _chosen(annotators_of(workspace), annotators)
        pairs = _pairs(people, languages)
        items = items_of(workspace)
        before = _asked_before(workspace)
        new = _new_assignments(workspace, pairs, items, before, seed)
        report = [_asked(name, language, new, before, items[language]) for name, language in pairs]
        if dry_run:
            return QualifyReport(report, None)
        if not new.is_empty():
            _keep(workspace, items, new)
        return QualifyReport(report, apply(workspace, ROUND, note=note))


def qualification_results(workspace: Workspace, *, dry_run: bool = False) -> list[Result]:
    """Score the answers that were pulled, and write a feedback page for each annotator and language.

    Pages lie in ``reports/qualification``; a page is written anew each time.

    Raises:
        InputError: if no answer was pulled yet.
        SettingsError: if the items' files or the marks in `aufruf.toml` are wrong.
    """
    scored = figures(workspace)
    if scored.is_empty():
        raise InputError(
            "nobody has answered a qualification item yet: ask with `aufruf annotate qualify`, then bring "
            f"the answers with `aufruf annotate pull {ROUND}`"
        )
    with nullcontext() if dry_run else workspace.locked():
        results = [_result(rows) for rows in _by_person(scored)]
        if dry_run:
            return results
        given, items = answers_given(workspace), items_of(workspace)
        written = [_with_page(workspace, result, given, items[result.language]) for result in results]
        counts = {"results": len(written), "passed": sum(result.passed for result in written)}
        workspace.record_event("qualify results", ROUND, counts)
    return written


def _chosen(everyone: Sequence[Annotator], names: Sequence[str]) -> list[Annotator]:
    known = {annotator.id: annotator for annotator in everyone}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError(
            f"'{unknown[0]}' is not in annotation/annotators.toml; it names {', '.join(sorted(known))}"
        )
    return [known[name] for name in dict.fromkeys(names)] if names else list(everyone)


def _pairs(people: Sequence[Annotator], languages: Sequence[Language]) -> list[tuple[str, Language]]:
    pairs: list[tuple[str, Language]] = [
        (person.id, language)
        for person in people
        for language in person.languages
        if not languages or language in languages
    ]
    if not pairs:
        raise InputError(
            f"none of {', '.join(person.id for person in people)} reads {', '.join(languages)}: see "
            "annotation/annotators.toml"
        )
    return pairs


def _asked_before(workspace: Workspace) -> pl.DataFrame:
    mine = pl.col("purpose") == QUALIFICATION
    return workspace.store.scan(ASSIGNMENTS).filter(mine).collect()


def _new_assignments(
    workspace: Workspace,
    pairs: Sequence[tuple[str, Language]],
    items: Mapping[Language, Sequence[Item]],
    before: pl.DataFrame,
    seed: int,
) -> pl.DataFrame:
    rows: list[dict[str, Any]] = []
    for annotator, language in pairs:
        mine = before.filter(pl.col("annotator") == annotator, pl.col("language") == language)
        known = set(mine.get_column("record_id"))
        missing = [record for item in items[language] if (record := record_id(language, item)) not in known]
        Random(f"{seed}:{annotator}:{language}").shuffle(missing)
        last: Any = mine.get_column("position").max()
        rows += [
            {
                "task_key": task_key(ROUND, "triage", record, annotator, QUALIFICATION),
                "record_id": record,
                "language": language,
                "annotator": annotator,
                "position": position,
            }
            for position, record in enumerate(missing, 0 if last is None else last + 1)
        ]
    fixed = {"round": ROUND, "pass": "triage", "purpose": QUALIFICATION, "release_day": 0, "project_id": None}
    scheme = {"scheme_sha256": workspace.label_scheme.sha256}
    return pl.DataFrame([row | fixed | scheme for row in rows], schema=ASSIGNMENTS.schema)


def _asked(
    annotator: str, language: Language, new: pl.DataFrame, before: pl.DataFrame, items: Sequence[Item]
) -> Asked:
    mine = (pl.col("annotator") == annotator) & pl.col("record_id").is_in(
        [record_id(language, item) for item in items]
    )
    return Asked(annotator, language, new.filter(mine).height, before.filter(mine).height)


def _keep(workspace: Workspace, items: Mapping[Language, Sequence[Item]], new: pl.DataFrame) -> None:
    """Write the records first: a plan that was cut off before it was written is made again."""
    store = workspace.store
    every = pl.concat([item_records(those, language) for language, those in items.items()])
    known = qualification_records(store.scan(RECORDS)).select("record_id").collect()
    fresh = every.join(known, on="record_id", how="anti").join(new, on="record_id", how="semi")
    if not fresh.is_empty():
        store.append(RECORDS, fresh)
    store.append(ASSIGNMENTS, new)
    counts = {"items": fresh.height, "new": new.height, "annotators": new.get_column("annotator").n_unique()}
    workspace.record_event("qualify", ROUND, counts)


def _by_person(scored: pl.DataFrame) -> list[pl.DataFrame]:
    return scored.partition_by("annotator", "language", maintain_order=True)


def _result(rows: pl.DataFrame) -> Result:
    first = rows.row(0, named=True)
    return Result(
        annotator=first["annotator"],
        language=first["language"],
        passed=bool(rows.get_column("passed").all()),
        judged=first["judged"],
        items=first["items"],
        labels=[LabelFigure(**row) for row in rows.select(*_FIGURE).to_dicts()],
        page=None,
    )


def _with_page(workspace: Workspace, result: Result, given: pl.DataFrame, items: Sequence[Item]) -> Result:
    mine = given.filter((pl.col("annotator") == result.annotator) & (pl.col("language") == result.language))
    rows = {row["record_id"]: row for row in mine.iter_rows(named=True)}
    shown = [_feedback(item, rows.get(record_id(result.language, item))) for item in items]
    scheme = workspace.label_scheme
    page = feedback_page(result.language, scheme, result.labels, shown, passed=result.passed)
    path = workspace.root / "reports" / ROUND / f"{result.annotator}.{result.language}.html"
    write_text(path, page)
    return replace(result, page=str(path))


def _feedback(item: Item, row: Mapping[str, Any] | None) -> ItemFeedback:
    """Pair an item with what was answered; null if the annotator did not or could not judge."""
    if row is None or row["labels"] is None:
        return ItemFeedback(item, None)
    voices = {
        label: tuple(entry["voice"] for entry in row["voices"] or () if entry["label"] == label)
        for label in row["labels"]
    }
    meant = {a["label"]: a["value"] for a in row["attributes"] or () if a["attribute"] == SERIOUS}
    return ItemFeedback(item, voices, {label: value for label, value in meant.items() if value != SERIOUS})
