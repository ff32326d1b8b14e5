"""Records that are shown again: some with known answers, some that one has answered before.

Neither is a second opinion: agreement and gold count answers for the main purpose alone.
"""

from __future__ import annotations

from collections import defaultdict
from random import Random
from typing import TYPE_CHECKING

import msgspec
import polars as pl

from aufruf.errors import InputError
from aufruf.gold.run import newest_gold
from aufruf.label_scheme import LANGUAGES
from aufruf.labelstudio.queues import GOLD_CHECK, REPEAT
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, RECORDS, SAMPLES
from aufruf.views import first_answers, main_answers, newest_records

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from aufruf.label_scheme import Pass
    from aufruf.labelstudio.annotators import Annotator
    from aufruf.workspace import Workspace

    Candidates = dict[tuple[str, str], Sequence[str]]

_HELD_OUT = ("validation", "test")
_FEWEST = 2


def gold_check_candidates(
    workspace: Workspace, round_name: str, people: Iterable[Annotator], seed: int
) -> Candidates:
    """Return the records with known answers in triage that an annotator has never seen, by language.

    Known are the answers that gold holds as unanimous (of two at least) or adjudicated for every label, of
    records that are in another round. Records that a release has put into validation or test stay out: what
    was checked may only be trained on. Those that were checked before come first, so that few are used up;
    records with a label alternate with records without one.

    Returns:
        record_ids by (annotator, language); the same seed gives the same order.
    """
    store = workspace.store
    known = _known(workspace)
    here = store.scan(SAMPLES).filter(pl.col("round") == round_name).select("record_id")
    used = store.scan(ASSIGNMENTS).filter(pl.col("purpose") == GOLD_CHECK).select("record_id").unique()
    rows = (
        _readable(workspace)
        .join(known, on="record_id")
        .join(here, on="record_id", how="anti")
        .join(used.with_columns(is_used=pl.lit(value=True)), on="record_id", how="left")
        .filter(~pl.col("record_id").is_in(_held_out(workspace)))
        .select("language", "has_label", pl.col("is_used").is_null(), "record_id")
        .sort("record_id")
        .collect()
    )
    order = _alternating(rows.rows(), Random(f"{seed}:{round_name}:{GOLD_CHECK}"))
    seen = _seen(workspace)
    return {
        (annotator.id, language): [record for record in order[language] if record not in seen[annotator.id]]
        for annotator in people
        for language in annotator.languages
    }


def repeat_candidates(  # noqa: PLR0913 -- what a choice depends on
    workspace: Workspace,
    in_pass: Pass,
    people: Iterable[Annotator],
    before: datetime,
    seed: int,
    *,
    among: pl.DataFrame | None = None,
) -> Candidates:
    """Return the records that an annotator answered for the main purpose before a time, by language.

    A record is repeated once in a pass. Records that were edited since are left out, and so are answers that
    could not judge. ``among`` holds the ``record_id`` of those that can still be asked about; None: all.
    """
    store = workspace.store
    repeated = store.scan(ASSIGNMENTS).filter((pl.col("purpose") == REPEAT) & (pl.col("pass") == in_pass))
    judged = pl.col("labels").is_not_null() if in_pass == "triage" else pl.lit(value=True)
    readable = _readable(workspace)
    if among is not None:
        readable = readable.join(among.lazy(), on="record_id", how="semi")
    rows = (
        first_answers(main_answers(store.scan(ANNOTATIONS), store.scan(ASSIGNMENTS)))
        .filter((pl.col("pass") == in_pass) & (pl.col("created_at") <= before) & judged)
        .join(repeated, on=["record_id", "annotator"], how="anti")
        .join(readable, on="record_id")
        .select("annotator", "language", "record_id")
        .sort("annotator", "language", "record_id")
        .collect()
    )
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for annotator, language, record in rows.iter_rows():
        found[annotator, language].append(record)
    for (annotator, language), records in found.items():
        Random(f"{seed}:{in_pass}:{annotator}:{language}:{REPEAT}").shuffle(records)
    return {
        (annotator.id, language): found.get((annotator.id, language), ())
        for annotator in people
        for language in annotator.languages
    }


def _readable(workspace: Workspace) -> pl.LazyFrame:
    records = newest_records(workspace.store.scan(RECORDS)).select("record_id", "language")
    return records.filter(pl.col("language").is_in(LANGUAGES))


def _known(workspace: Workspace) -> pl.LazyFrame:
    """Return ``record_id`` and ``has_label`` of the records whose answers in triage are all known."""
    sure = (pl.col("decided_by") == "adjudicated") | (
        (pl.col("decided_by") == "unanimous") & (pl.col("n") >= _FEWEST)
    )
    sure &= pl.col("value").is_not_null()
    contained = (pl.col("column") == "contained") & (pl.col("value") == "true")
    asked = newest_gold(workspace).lazy().filter(pl.col("column").is_in(["contained", "author"]))
    every = 2 * len(workspace.label_scheme.label_names)
    counted = asked.group_by("record_id").agg(
        is_known=sure.fill_null(value=False).all() & (pl.len() == every), has_label=contained.any()
    )
    return counted.filter("is_known").select("record_id", "has_label")


def _alternating(rows: Sequence[tuple[str, bool, bool, str]], rng: Random) -> dict[str, list[str]]:
    """Return records by language, from rows of language, whether it has a label, whether it is fresh."""
    shuffled = list(rows)
    rng.shuffle(shuffled)
    ranks: dict[tuple[str, bool], int] = defaultdict(int)
    places: list[tuple[str, int, bool, str]] = []
    for language, has_label, _, record in sorted(shuffled, key=lambda row: row[2]):
        places.append((language, ranks[language, has_label], not has_label, record))
        ranks[language, has_label] += 1
    order: dict[str, list[str]] = defaultdict(list)
    for language, _, _, record in sorted(places):
        order[language].append(record)
    return order


def _seen(workspace: Workspace) -> dict[str, set[str]]:
    """Return what each annotator has, or once had, before them."""
    store = workspace.store
    pairs = [store.scan(table).select("annotator", "record_id") for table in (ASSIGNMENTS, ANNOTATIONS)]
    seen: dict[str, set[str]] = defaultdict(set)
    for annotator, record in pl.concat(pairs).unique().collect().iter_rows():
        seen[annotator].add(record)
    return seen


def _held_out(workspace: Workspace) -> list[str]:
    """Return the records that releases have put into validation or test."""
    found: set[str] = set()
    for path in sorted((workspace.root / "releases").glob("*/splits.lock.json")):
        try:
            splits = msgspec.json.decode(path.read_bytes(), type=_Lock).splits
        except msgspec.DecodeError as error:
            raise InputError(f"{path}: no list of splits; restore it from a copy of the release") from error
        found.update(record for name in _HELD_OUT for record in splits.get(name, ()))
    return sorted(found)


class _Lock(msgspec.Struct, frozen=True):
    """What is needed of a release's list of splits."""

    splits: dict[str, list[str]]
