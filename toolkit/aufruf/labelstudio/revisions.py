"""What the workspace knows of answers, and what a piece of newly read ones adds to it; nothing is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

from aufruf.labelstudio.answers import Refusal
from aufruf.labelstudio.migration import in_force
from aufruf.labelstudio.rows import DELETED, Asked, RawAnnotation, from_annotation
from aufruf.tables import ANNOTATIONS, ANSWERS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from aufruf.labelstudio.scheme_versions import Versions
    from aufruf.store import Store

GONE = "null"
"""What ANSWERS holds for an annotation that was deleted on the server."""
_NO_ROW = {"revision": 0}
_SAID = ("state", "labels", "voices", "attributes", "spans", "flags", "comment")


@dataclass(frozen=True)
class Known:
    """What is known of some answers: revision and content as they came last, and their newest rows."""

    answers: dict[str, tuple[int, str]]
    rows: dict[str, dict[str, Any]]

    def revision(self, uuid: str) -> int:
        """Return the newest revision of either."""
        return max(self.answers.get(uuid, (0, ""))[0], self.rows.get(uuid, _NO_ROW)["revision"])


@dataclass
class Additions:
    """What a piece adds: rows of ANSWERS, ANNOTATIONS and QUARANTINE (without their import_id)."""

    answers: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    rows: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    refused: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    new: int = 0
    changed: int = 0
    pruned: int = 0


def newest_answers(store: Store, projects: Iterable[int]) -> pl.LazyFrame:
    """Return the newest revision of each answer of some projects, deleted ones among them.

    Returns:
        ``annotation_uuid``, ``revision``, ``project_id``, ``raw``.
    """
    newest = pl.col("revision") == pl.col("revision").max().over("annotation_uuid")
    return store.scan(ANSWERS).filter(newest).filter(pl.col("project_id").is_in(list(projects)))


def known_of(store: Store, uuids: Iterable[str]) -> Known:
    """Return what is known of these answers."""
    asked = pl.LazyFrame({"annotation_uuid": list(uuids)}, schema={"annotation_uuid": pl.String})
    newest = pl.col("revision") == pl.col("revision").max().over("annotation_uuid")
    answers, rows = pl.collect_all(
        store.scan(table).join(asked, on="annotation_uuid", how="semi").filter(newest)
        for table in (ANSWERS, ANNOTATIONS)
    )
    contents = answers.select("annotation_uuid", "revision", "raw").iter_rows()
    return Known(
        {uuid: (revision, raw) for uuid, revision, raw in contents},
        {row["annotation_uuid"]: row for row in rows.iter_rows(named=True)},
    )


@dataclass(frozen=True)
class Reader:
    """Reads the answers of a project's tasks against what is known of them."""

    versions: Versions
    project: int
    known: Known
    added: Additions = field(default_factory=Additions)

    def take(self, annotations: Iterable[RawAnnotation], asked: Asked | None) -> None:
        """Add what is new in the answers of one task; of several by one person the first counts."""
        answered: set[int | None] = set()
        for raw in sorted(annotations, key=lambda each: (each.was_cancelled, each.created_at, each.id)):
            self._take(raw, asked, is_first=raw.completed_by not in answered)
            answered.add(raw.completed_by)

    def _take(self, raw: RawAnnotation, asked: Asked | None, *, is_first: bool) -> None:
        uuid, added = raw.unique_id, self.added
        content = msgspec.json.encode(raw, order="deterministic").decode()
        revision, before = self.known.answers.get(uuid, (0, ""))
        changed = content != before
        if changed:
            added.new, added.changed = added.new + (revision == 0), added.changed + (revision > 0)
            revision = self.known.revision(uuid) + 1
            answer = {"annotation_uuid": uuid, "revision": revision, "project_id": self.project}
            added.answers.append({**answer, "raw": content})
        try:
            row, pruned = self._row(raw, asked, is_first=is_first)
        except Refusal as refusal:
            place = {"file": f"project {self.project}", "item": item_of(raw.id, revision)}
            added.refused.append({**place, "reason": refusal.reason, "message": refusal.message})
            return
        if changed or self._is_missing(uuid, row, revision):
            added.pruned += pruned
            added.rows.append({**row, "revision": revision})

    def _row(self, raw: RawAnnotation, asked: Asked | None, *, is_first: bool) -> tuple[dict[str, Any], int]:
        """Read an answer by the label scheme that its task asks by, and take it to the one in force."""
        versions = self.versions
        sha256 = asked.assignment["scheme_sha256"] if asked else versions.current.sha256
        scheme = versions.schemes.get(sha256, versions.current)
        row, pruned = from_annotation(raw, asked, scheme, is_first=is_first)
        if sha256 == versions.current.sha256 or sha256 not in versions.schemes:
            return row, pruned
        moved, _, lacking = in_force({"asked": None, **row}, versions)
        if lacking:
            names = ", ".join(f"{kind} '{name}'" for kind, name in sorted(lacking))
            raise Refusal("scheme_changed", f"the label scheme no longer has {names}; see `annotate migrate`")
        return moved, pruned

    def _is_missing(self, uuid: str, row: dict[str, Any], revision: int) -> bool:
        """Whether the row of a known answer was never written: it was refused then, or a run was cut off."""
        newest = self.known.rows.get(uuid)
        if newest is None:
            return True
        return newest["revision"] < revision and any(newest[name] != row[name] for name in _SAID)


def item_of(annotation: int, revision: int) -> str:
    """Return how QUARANTINE names an answer."""
    return f"annotation {annotation}, revision {revision}"


def deletions(
    store: Store, uuids: Iterable[str], project: int, now: datetime
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the last revisions of answers that are gone from the server, for ANNOTATIONS and ANSWERS."""
    wanted = list(uuids)
    known = known_of(store, wanted)
    revisions = {uuid: known.revision(uuid) + 1 for uuid in wanted}
    answers = [
        {"annotation_uuid": uuid, "revision": revision, "project_id": project, "raw": GONE}
        for uuid, revision in revisions.items()
    ]
    live = [row for row in known.rows.values() if row["state"] != DELETED]
    rows = pl.DataFrame(live, schema=ANNOTATIONS.schema)
    numbers = [revisions[row["annotation_uuid"]] for row in live]
    gone = rows.with_columns(
        revision=pl.Series(numbers, dtype=pl.Int64), state=pl.lit(DELETED), updated_at=pl.lit(now)
    )
    return gone, pl.DataFrame(answers, schema=ANSWERS.schema)
