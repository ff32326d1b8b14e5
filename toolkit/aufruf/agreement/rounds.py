"""Agreement on the labels of a workspace, or of one of its rounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from aufruf.agreement.answers import (
    LABELS,
    compared_annotations,
    compared_answers,
    repeated_answers,
    require_answers,
    with_facts,
)
from aufruf.agreement.coefficients import MASI, NOMINAL, AgreementRow, Bootstrap, Question, coefficients
from aufruf.agreement.distances import masi_distances
from aufruf.agreement.groups import GROUPINGS, groups_of
from aufruf.agreement.spans import character_answers, marked_passages, passage_pairs, passage_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aufruf.agreement.groups import Grouping
    from aufruf.label_scheme import LabelScheme
    from aufruf.workspace import Workspace

_NO_YES = ("false", "true")
_SELF = "self"


def agreement(  # noqa: PLR0913 -- the command's options, in the same words
    workspace: Workspace,
    round_name: str | None = None,
    *,
    by: Sequence[Grouping] = GROUPINGS,
    seed: int = 0,
    resamples: int = 1000,
    crossed: bool = False,
) -> list[AgreementRow]:
    """Return how well annotators agree.

    The primary questions, ``contained`` and ``author`` of each label, come first; then voice and attributes,
    compared among those who chose the label; then marked passages; then all labels of a record as a set.
    Counted are each annotator's first answers for the main purpose. Questions have rows once somebody was
    asked. Last, in groups ``self=all`` and ``self=<annotator>``, comes how annotators agree with what they
    answered before, where records were shown again.

    Args:
        workspace: the workspace.
        round_name: the round; None: all of them.
        by: what to group by; all answers together always come first.
        seed: of the bootstrap.
        resamples: of the bootstrap; 0: no intervals.
        crossed: whether annotators are resampled too.

    Raises:
        InputError: if there is no answer, or none in that round.
    """
    return list(
        agreement_rows(
            workspace, round_name, by=by, bootstrap=Bootstrap(seed=seed, resamples=resamples, crossed=crossed)
        )
    )


def agreement_rows(
    workspace: Workspace, round_name: str | None, *, by: Sequence[Grouping], bootstrap: Bootstrap
) -> Iterator[AgreementRow]:
    """Yield the rows of `agreement`, computed question by question."""
    annotations = compared_annotations(workspace, round_name).collect().lazy()
    scheme = workspace.label_scheme
    answers = with_facts(compared_answers(annotations, scheme), workspace)
    require_answers(answers, round_name)
    wanted: list[Grouping] = [name for name in by if round_name is None or name != "round"]
    questions = question_names(scheme)
    yield from _single(answers, questions, wanted, scheme, bootstrap)
    yield from _spans(marked_passages(annotations, scheme), workspace, wanted, bootstrap)
    yield from _single(answers, [LABELS], wanted, scheme, bootstrap)
    yield from _with_oneself(repeated_answers(workspace, round_name), workspace, bootstrap)


def question_names(scheme: LabelScheme) -> list[str]:
    """Return the questions asked in words, ``contained`` and ``author`` of all labels first."""
    binary = [f"{label}_{column}" for label in scheme.label_names for column in ("contained", "author")]
    return binary + [
        f"{label}_{column}"
        for label in scheme.label_names
        for column in ("voice", *(attribute.name for attribute in scheme.attributes_of(label)))
    ]


def _single(
    answers: pl.DataFrame,
    names: Sequence[str],
    by: Sequence[Grouping],
    scheme: LabelScheme,
    bootstrap: Bootstrap,
) -> Iterator[AgreementRow]:
    parts = answers.partition_by("question", as_dict=True)
    for name in names:
        if (name,) in parts:
            part = parts[name,]
            question, values = _question(name, part, scheme)
            for group, coded in groups_of(part, by, values):
                yield from coefficients(coded, question, bootstrap, group=group)


def _question(name: str, answers: pl.DataFrame, scheme: LabelScheme) -> tuple[Question, list[str]]:
    """Return how answers to a question compare, and which there can be."""
    found: list[str] = answers.get_column("value").unique().sort().to_list()
    if name.endswith(("_contained", "_author", "_spans")):
        return Question(name, is_yes_no=True, yes=1), list(_NO_YES)
    if name.endswith("_voice") or name == LABELS:
        return Question(name, (NOMINAL, MASI), masi_distances(found)), found
    offered = next(
        list(attribute.value_names)
        for attribute in scheme.attributes
        if name in {f"{label}_{attribute.name}" for label in attribute.labels}
    )
    return Question(name), offered + [value for value in found if value not in offered]


def _spans(
    passages: pl.DataFrame, workspace: Workspace, by: Sequence[Grouping], bootstrap: Bootstrap
) -> Iterator[AgreementRow]:
    if passages.is_empty():
        return
    characters = with_facts(character_answers(passages, workspace), workspace).with_columns(
        record=pl.col("record_id"), unit=pl.format("{} {}", "record_id", "stretch")
    )
    pairs = with_facts(passage_pairs(passages), workspace)
    names = [f"{label}_spans" for label in workspace.label_scheme.label_names]
    for name in names:
        part = characters.filter(pl.col("question") == name)
        if part.is_empty():
            continue
        for group, coded in groups_of(part, by, _NO_YES):
            yield from coefficients(coded, Question(name, is_yes_no=True, yes=1), bootstrap, group=group)
            some = _pairs_in(pairs.filter(pl.col("question") == name), group)
            if some is not None:
                yield from passage_rows(some, name, group, bootstrap)


def _pairs_in(pairs: pl.DataFrame, group: str) -> pl.DataFrame | None:
    """Return the pairs of a group; None for weighted figures."""
    kind, _, value = group.partition("=")
    if kind == "all":
        return pairs
    if kind == "annotator":
        return pairs.filter((pl.col("annotator") == value) | (pl.col("other") == value))
    if kind == "pair":
        return pairs.filter(pl.format("{}|{}", "annotator", "other") == value)
    return None if group == "design=weighted" else pairs.filter(pl.col(kind) == value)


def _with_oneself(
    repeated: pl.DataFrame, workspace: Workspace, bootstrap: Bootstrap
) -> Iterator[AgreementRow]:
    if repeated.is_empty():
        return
    answers = with_facts(repeated.rename({"unit": "shown"}), workspace).with_columns(
        unit="shown", record="record_id"
    )
    people = answers.get_column("annotator").unique().sort()
    parts = answers.partition_by("question", as_dict=True)
    for name in (*question_names(workspace.label_scheme), LABELS):
        if (name,) not in parts:
            continue
        question, values = _question(name, parts[name,], workspace.label_scheme)
        for who in ("all", *people):
            some = parts[name,] if who == "all" else parts[name,].filter(pl.col("annotator") == who)
            for _, coded in groups_of(some, (), values):
                yield from coefficients(coded, question, bootstrap, group=f"{_SELF}={who}")
