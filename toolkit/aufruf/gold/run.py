"""Decide the final labels of a workspace and keep each decision as a run."""

from __future__ import annotations

import hashlib
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from aufruf.errors import InputError
from aufruf.gold.changes import Change, changes_between
from aufruf.gold.decide import columns_of, decide, ties
from aufruf.gold.modelled import AnnotatorErrors, Modelled, ModelReport, by_model, errors_against_gold
from aufruf.gold.verdicts import read_verdicts, with_verdicts
from aufruf.kept_schemes import refuse_outdated
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, EVENTS, GOLD
from aufruf.views import main_answers

if TYPE_CHECKING:
    from aufruf.label_scheme import LabelScheme
    from aufruf.settings import GoldRule
    from aufruf.workspace import Workspace

_CELL = ("record_id", "label", "column")
_HASHED_AT_ONCE = 100_000


@dataclass(frozen=True)
class ColumnReport:
    """How one column of one label came out: records with an answer, values and their counts.

    ``undecided`` counts what is left for adjudication (see `ties`); what an adjudicator found truly ambiguous
    is decided, and has no value. ``values`` is empty for spans.
    """

    label: str
    column: str
    records: int
    decided: int
    undecided: int
    values: dict[str, int]


@dataclass(frozen=True)
class Tie:
    """A record whose label is for adjudication in one column, and what was answered.

    ``posterior`` is the probability of yes by a model of the annotators; null where none was asked.
    """

    record_id: str
    label: str
    column: str
    distribution: dict[str, int]
    posterior: float | None


@dataclass(frozen=True)
class GoldReport:
    """What was decided.

    ``changed`` counts what stood in the newest run and is other now, or gone. ``changes`` are those from the
    run ``compared_with``: the newest, or the one before it where nothing is new. ``modelled`` says of each
    yes/no column how the model went; empty without one. ``annotators`` are their confusion matrices.
    """

    gold_run: str
    round: str | None
    rule: GoldRule
    written: bool
    records: int
    decided: int
    undecided: int
    changed: int
    columns: list[ColumnReport]
    modelled: list[ModelReport]
    ties: list[Tie]
    annotators: list[AnnotatorErrors]
    compared_with: str | None
    changes: list[Change]


def decide_gold(
    workspace: Workspace,
    round_name: str | None = None,
    *,
    rule: GoldRule | None = None,
    dry_run: bool = False,
) -> GoldReport:
    """Decide the final labels from the answers for the main purpose, and keep them as the newest run.

    A run holds the final labels of all records: with a round, only records with answers in that round are
    decided anew, on all their answers, and the others keep what the newest run says of them. The run's name
    is a hash of what was decided, so the same answers give the same run, and nothing is written twice.

    Args:
        workspace: the workspace.
        round_name: the round; None: all of them.
        rule: who decides ``contained`` and ``author``: majorities, or a model of the annotators (see
            `aufruf.gold.modelled.by_model`); None: as the settings say.
        dry_run: whether to write nothing.

    Raises:
        InputError: if there is no answer, or none in that round.
    """
    refuse_outdated(workspace)
    with nullcontext() if dry_run else workspace.locked():
        old = newest_gold(workspace)
        chosen = rule or workspace.settings.gold.rule
        found = _decided(workspace, round_name, old, chosen)
        run = gold_run_of(found.rows)
        rows = found.rows.with_columns(gold_run=pl.lit(run))
        known = not old.is_empty() and old.item(0, "gold_run") == run
        compared = newest_gold(workspace, other_than=run) if known else old
        report = _report(
            replace(found, rows=rows),
            old,
            compared,
            workspace.label_scheme,
            round_name,
            chosen,
            written=not (known or dry_run),
        )
        if report.written:
            _write(workspace, rows, report)
    return report


def newest_gold(workspace: Workspace, *, other_than: str = "") -> pl.DataFrame:
    """Return the rows of the newest gold run, or of the newest other than one; none if there is none."""
    return scan_newest_gold(workspace, other_than=other_than).collect()


def scan_newest_gold(workspace: Workspace, *, other_than: str = "") -> pl.LazyFrame:
    """Return the same, not yet read: of a large run few columns may be wanted."""
    runs = workspace.store.scan(EVENTS).filter(pl.col("action") == "gold", pl.col("subject") != other_than)
    last = runs.sort("n").tail(1).collect()
    if last.is_empty():
        return GOLD.empty().lazy()
    run = last.item(0, "subject")
    return workspace.store.scan(GOLD).filter(pl.col("gold_run") == run)


def gold_run_of(rows: pl.DataFrame) -> str:
    """Return the name of the run: 16 hex digits of the SHA-256 over its rows, whatever their order."""
    counts = pl.col("distribution").list.eval(
        pl.format("{}={}", pl.element().struct.field("value"), pl.element().struct.field("n"))
    )
    line = pl.concat_str(
        *_CELL, "value", counts.list.join(","), "decided_by", separator="\t", ignore_nulls=False
    )
    fields = pl.col("value", "decided_by").fill_null("-")
    lines = rows.with_columns(fields).select(line=line).get_column("line").sort()
    digest = hashlib.sha256()
    for part in lines.to_frame().iter_slices(_HASHED_AT_ONCE):
        digest.update(("\n".join(part.get_column("line")) + "\n").encode())
    return digest.hexdigest()[:16]


def _decided(workspace: Workspace, round_name: str | None, old: pl.DataFrame, rule: GoldRule) -> Modelled:
    annotations, scheme = workspace.store.scan(ANNOTATIONS), workspace.label_scheme
    every = main_answers(annotations, workspace.store.scan(ASSIGNMENTS))
    counted, kept = every, old.clear()
    if round_name is not None:
        concerned = annotations.filter(pl.col("round") == round_name).select("record_id").unique()
        counted = every.join(concerned, on="record_id", how="semi")
        kept = old.lazy().join(concerned, on="record_id", how="anti").collect()
    rows = decide(counted, scheme, "")
    if rows.is_empty():
        raise InputError(_nothing_answered(annotations, round_name))
    verdicts = read_verdicts(workspace)
    if rule == "majority":
        rows = with_verdicts(rows, verdicts, scheme)
        found = Modelled(rows, [], errors_against_gold(rows, counted, scheme))
    else:
        found = by_model(rows, every, scheme, rule)
        found = replace(found, rows=with_verdicts(found.rows, verdicts, scheme))
    return replace(found, rows=pl.concat([kept, found.rows]).sort("record_id", maintain_order=True))


def _nothing_answered(annotations: pl.LazyFrame, round_name: str | None) -> str:
    if round_name is None:
        return "there is no answer to decide from: get them with `aufruf annotate pull ROUND`"
    rounds = annotations.select(pl.col("round").unique().sort()).collect().get_column("round")
    return (
        f"round '{round_name}' has no answer to decide from; rounds with answers: "
        f"{', '.join(rounds) or 'none'}; get answers with `aufruf annotate pull {round_name}`"
    )


def _write(workspace: Workspace, rows: pl.DataFrame, report: GoldReport) -> None:
    run = pl.col("gold_run") == report.gold_run
    if workspace.store.scan(GOLD).filter(run).limit(1).collect().is_empty():
        workspace.store.append(GOLD, rows)
    counts = {
        "round": report.round,
        "rule": report.rule,
        "records": report.records,
        "decided": report.decided,
    }
    left = {"undecided": report.undecided, "changed": report.changed}
    workspace.record_event("gold", report.gold_run, {**counts, **left})


def _report(  # noqa: PLR0913, PLR0917 -- what a report tells of
    found: Modelled,
    old: pl.DataFrame,
    compared: pl.DataFrame,
    scheme: LabelScheme,
    round_name: str | None,
    rule: GoldRule,
    *,
    written: bool,
) -> GoldReport:
    rows = found.rows
    open_rows = ties(rows)
    columns = _columns(rows, open_rows, scheme)
    return GoldReport(
        gold_run=rows.item(0, "gold_run"),
        round=round_name,
        rule=rule,
        written=written,
        records=rows.get_column("record_id").n_unique(),
        decided=sum(column.decided for column in columns),
        undecided=open_rows.height,
        changed=_changed(rows, old),
        columns=columns,
        modelled=found.columns,
        annotators=found.annotators,
        compared_with=None if compared.is_empty() else compared.item(0, "gold_run"),
        changes=changes_between(compared, rows),
        ties=[
            Tie(record, label, column, {entry["value"]: entry["n"] for entry in counts}, posterior)
            for record, label, column, counts, posterior in open_rows.select(
                *_CELL, "distribution", "posterior"
            ).iter_rows()
        ],
    )


def _columns(rows: pl.DataFrame, open_rows: pl.DataFrame, scheme: LabelScheme) -> list[ColumnReport]:
    cell = ["label", "column"]
    counts = (
        rows.group_by(cell)
        .agg(records=pl.len(), decided=pl.col("decided_by").is_not_null().sum())
        .sort(
            pl.col("label").cast(pl.Enum(scheme.label_names)),
            pl.col("column").cast(pl.Enum(columns_of(scheme))),
        )
    )
    undecided = open_rows.group_by(cell).agg(undecided=pl.len())
    listed = rows.filter(pl.col("value").is_not_null() & (pl.col("column") != "spans"))
    values = {
        (label, column): dict(zip(names, numbers, strict=True))
        for label, column, names, numbers in listed.group_by(*cell, "value")
        .len()
        .sort("len", "value", descending=[True, False])
        .group_by(cell, maintain_order=True)
        .agg("value", "len")
        .iter_rows()
    }
    joined = counts.join(undecided, on=cell, how="left", maintain_order="left").fill_null(0)
    return [
        ColumnReport(label, column, records, decided, left, values.get((label, column), {}))
        for label, column, records, decided, left in joined.iter_rows()
    ]


def _changed(rows: pl.DataFrame, old: pl.DataFrame) -> int:
    same = rows.select(*_CELL, "value")
    return old.join(same, on=[*_CELL, "value"], how="anti", nulls_equal=True).height
