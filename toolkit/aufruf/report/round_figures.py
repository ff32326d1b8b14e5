"""What the page of a round shows, as values: no markup, and text only of the disputed records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from aufruf.agreement import agreement
from aufruf.agreement.answers import LABELS, compared_annotations, compared_answers
from aufruf.errors import InputError
from aufruf.label_scheme import NONE
from aufruf.labelstudio.progress import round_status
from aufruf.prevalence import prevalence
from aufruf.report.disagreement import confusion_of, disputed_records
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, RECORDS
from aufruf.views import first_answers, main_answers, question_answers

if TYPE_CHECKING:
    from datetime import datetime

    from aufruf.agreement import AgreementRow
    from aufruf.labelstudio.progress import AnnotatorStatus
    from aufruf.prevalence import PrevalenceRow
    from aufruf.report.disagreement import ConfusionMap, Disputed
    from aufruf.workspace import Workspace

DISPUTED = 20
_BINS = 20
_LONGEST = 0.95


@dataclass(frozen=True)
class PassProgress:
    """Tasks of one pass: ``tasks`` = ``done`` + ``skipped`` + ``left``; ``released``: in Label Studio."""

    in_pass: str
    tasks: int
    released: int
    done: int
    skipped: int
    left: int


@dataclass(frozen=True)
class PassSeconds:
    """Seconds for an answer, as Label Studio measures them: quartiles, and a histogram.

    ``counts`` are answers in classes of equal width from 0 to ``end``, the 95th percentile; ``beyond`` are
    the others.
    """

    in_pass: str
    n: int
    low: float
    median: float
    high: float
    end: float
    counts: list[int]
    beyond: int


@dataclass(frozen=True)
class RoundFigures:
    """A round as of its last pull. ``texts`` are those of the disputed records, by id.

    ``no_prevalence`` says why nothing can be told of how common labels are; empty where it can.
    """

    round: str
    pulled_at: datetime | None
    records: int
    annotators: int
    progress: list[PassProgress]
    seconds: list[PassSeconds]
    agreement: list[AgreementRow]
    prevalence: list[PrevalenceRow]
    no_prevalence: str
    labels: ConfusionMap
    voices: ConfusionMap
    disputed: list[Disputed]
    texts: dict[str, str]


def round_figures(workspace: Workspace, round_name: str, *, seed: int = 0) -> RoundFigures:
    """Return the figures of a round.

    Raises:
        InputError: if nothing was planned for it, or nothing answered yet.
    """
    status = round_status(workspace, round_name)
    live = _live(workspace, round_name)
    scheme = workspace.label_scheme
    answers = question_answers(first_answers(live.lazy()), scheme).collect()
    if answers.is_empty():
        raise InputError(
            f"round '{round_name}' has no answers yet: get them with `aufruf annotate pull {round_name}`"
        )
    compared = compared_answers(compared_annotations(workspace, round_name), scheme)
    disputed = disputed_records(answers, DISPUTED)
    people = status.annotators
    common, no_prevalence = _prevalence(workspace, round_name)
    return RoundFigures(
        round=round_name,
        pulled_at=status.pulled_at,
        records=live["record_id"].n_unique(),
        annotators=live["annotator"].n_unique(),
        progress=[
            _progress(in_pass, [person for person in people if person.in_pass == in_pass])
            for in_pass in dict.fromkeys(person.in_pass for person in people)
        ],
        seconds=[
            _seconds(in_pass, part["seconds"].drop_nulls())
            for (in_pass,), part in live.sort("pass", descending=True)
            .partition_by("pass", as_dict=True)
            .items()
            if part["seconds"].count()
        ],
        agreement=agreement(workspace, round_name, by=("language", "design", "pair"), seed=seed),
        prevalence=common,
        no_prevalence=no_prevalence,
        labels=confusion_of(compared, [LABELS], [*scheme.label_names, NONE]),
        voices=confusion_of(
            compared, [f"{label}_voice" for label in scheme.label_names], list(scheme.voice_names)
        ),
        disputed=disputed,
        texts=_texts(workspace, [record.record_id for record in disputed]),
    )


def _prevalence(workspace: Workspace, round_name: str) -> tuple[list[PrevalenceRow], str]:
    try:
        return prevalence(workspace, round_name, by=("language",)), ""
    except InputError as error:
        return [], str(error)


def _live(workspace: Workspace, round_name: str) -> pl.DataFrame:
    store = workspace.store
    main = main_answers(store.scan(ANNOTATIONS), store.scan(ASSIGNMENTS))
    return main.filter((pl.col("round") == round_name) & (pl.col("state") == "live")).collect()


def _progress(in_pass: str, people: list[AnnotatorStatus]) -> PassProgress:
    done, skipped, left = (sum(getattr(one, name) for one in people) for name in ("done", "skipped", "left"))
    released = sum(one.released for one in people)
    return PassProgress(in_pass, done + skipped + left, released, done, skipped, left)


def _seconds(in_pass: str, seconds: pl.Series) -> PassSeconds:
    end = seconds.quantile(_LONGEST, "higher") or 1.0
    within = seconds.filter(seconds <= end)
    place = (within / end * _BINS).floor().clip(0, _BINS - 1).cast(pl.Int64)
    counts = dict(place.value_counts(name="n").iter_rows())
    low, median, high = (seconds.quantile(q, "linear") or 0.0 for q in (0.25, 0.5, 0.75))
    in_classes = [counts.get(n, 0) for n in range(_BINS)]
    return PassSeconds(in_pass, len(seconds), low, median, high, end, in_classes, len(seconds) - len(within))


def _texts(workspace: Workspace, records: list[str]) -> dict[str, str]:
    found = workspace.store.scan(RECORDS).filter(pl.col("record_id").is_in(records))
    return dict(found.select("record_id", "text").collect().iter_rows())
