"""Answers on the server that do not count, for the lead: why, where, whose; never what they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from aufruf.labelstudio.revisions import GONE, newest_answers
from aufruf.tables import ANNOTATIONS, QUARANTINE

if TYPE_CHECKING:
    from aufruf.workspace import Workspace


_NUMBERS = ("id", "task", "completed_by")


@dataclass(frozen=True)
class Refused:
    """An answer that does not count. ``annotator`` was asked, ``user`` (the server's number) answered."""

    reason: str
    annotator: str
    project: int
    task: int
    annotation: int
    user: int | None


def refused_answers(workspace: Workspace, round_name: str, planned: pl.DataFrame) -> list[Refused]:
    """Return the answers of some assignments' projects that are in quarantine now, as of the last pull.

    An answer that was put right, counted later or deleted is not among them. Sorted by reason, annotator,
    project and task.
    """
    projects = planned.select("project_id", "annotator").drop_nulls().unique()
    store = workspace.store
    number = {name: pl.col("raw").str.json_path_match(f"$.{name}").cast(pl.Int64) for name in _NUMBERS}
    counted = store.scan(ANNOTATIONS).select("annotation_uuid", "revision")
    here = pl.col("import_id") == f"pull:{round_name}"
    reasons = store.scan(QUARANTINE).filter(here).group_by("file", "item").agg(pl.col("reason").min())
    rows = (
        newest_answers(store, projects.get_column("project_id"))
        .filter(pl.col("raw") != GONE)
        .join(counted, on=["annotation_uuid", "revision"], how="anti")
        .with_columns(**number)
        .with_columns(
            file=pl.format("project {}", "project_id"),
            item=pl.format("annotation {}, revision {}", "id", "revision"),
        )
        .join(reasons, on=["file", "item"])
        .join(projects.lazy(), on="project_id")
        .select("reason", "annotator", "project_id", "task", "id", "completed_by")
        .sort("reason", "annotator", "project_id", "task", "id")
        .collect()
    )
    return [Refused(*row) for row in rows.iter_rows()]
