"""What was answered in a project since a time, through the server's export snapshots.

They are the quickest way to read answers, and the only one with their UUIDs that can be undone: what the
plain export writes on the server's disk stays there.
"""

from __future__ import annotations

import hashlib
import time
from contextlib import ExitStack, contextmanager, suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

from aufruf.errors import ServerError
from aufruf.tables import EVENTS

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from datetime import datetime

    from aufruf.labelstudio.api import Api
    from aufruf.workspace import Workspace

PIECE = 2000
"""How many tasks are held in memory at a time, here and on the server."""
_PATIENCE = 600
_FAILED = "failed"


def mark_of(workspace: Workspace) -> str:
    """Return the title of whatever a pull of this workspace makes on the server, to find it again."""
    first = workspace.store.scan(EVENTS).filter(pl.col("n") == 1).select("sha256").collect().item()
    return f"aufruf pull {hashlib.sha256(str(first).encode()).hexdigest()[:8]}"


def answered_tasks(
    api: Api, project: int, mark: str, since: datetime | None = None
) -> Iterator[list[dict[str, Any]]]:
    """Yield the tasks with answers that were changed after a time, with all their answers, in pieces.

    A task changes when it is made and when an answer to it is made, changed, skipped or deleted; one without
    any answer left does not come. None stands for the beginning. Views and snapshots that an interrupted run
    has left are removed.
    """
    changed = [] if since is None else [_item("updated_at", "greater", "Datetime", _written(since))]
    first = _page(api, project, changed, 1, 1)
    if not first["total"]:
        return
    _tidy(api, project, mark)
    cuts = [
        _page(api, project, changed, place, 1)["tasks"][0]["id"]
        for place in range(PIECE + 1, first["total"] + 1, PIECE)
    ]
    for start, end in pairwise([0, *cuts, None]):
        bounds = [_item("id", "greater_or_equal", "Number", start)]
        bounds += [] if end is None else [_item("id", "less", "Number", end)]
        with _snapshot(api, project, mark, [*changed, *bounds]) as number:
            yield api.get(f"/api/projects/{project}/exports/{number}/download")


def _item(column: str, operator: str, kind: str, value: Any) -> dict[str, Any]:
    return {"filter": f"filter:tasks:{column}", "operator": operator, "type": kind, "value": value}


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _page(api: Api, project: int, items: list[dict[str, Any]], page: int, size: int) -> dict[str, Any]:
    query = {"filters": {"conjunction": "and", "items": items}, "ordering": ["tasks:id"]}
    asked = msgspec.json.encode(query).decode()
    return api.get("/api/tasks/", project=project, include="id", query=asked, page=page, page_size=size)


@contextmanager
def _snapshot(api: Api, project: int, mark: str, items: list[dict[str, Any]]) -> Generator[int]:
    """Make a snapshot of the tasks that meet the conditions, and remove it afterwards.

    A removal that fails is no error: the next run does it.
    """
    with ExitStack() as made:
        data = {"title": mark, "filters": {"conjunction": "and", "items": items}}
        view = api.ask("/api/dm/views/", {"project": project, "data": data})["id"]
        made.callback(_remove, api, f"/api/dm/views/{view}/")
        options = {"view": view, "only_with_annotations": True}
        content = {"title": mark, "task_filter_options": options}
        snapshot = api.ask(f"/api/projects/{project}/exports/", content)
        made.callback(_remove, api, f"/api/projects/{project}/exports/{snapshot['id']}")
        _await(api, project, snapshot)
        yield snapshot["id"]


def _await(api: Api, project: int, snapshot: dict[str, Any]) -> None:
    """Wait for a server that makes snapshots in the background."""
    deadline = time.monotonic() + _PATIENCE
    while snapshot["status"] != "completed":
        if snapshot["status"] == _FAILED or time.monotonic() > deadline:
            raise ServerError(
                f"{api.url}: Label Studio could not write down the answers of project {project}: its log "
                "says why"
            )
        time.sleep(0.5)
        snapshot = api.get(f"/api/projects/{project}/exports/{snapshot['id']}")


def _tidy(api: Api, project: int, mark: str) -> None:
    for snapshot in api.get(f"/api/projects/{project}/exports/"):
        if snapshot["title"] == mark:
            _remove(api, f"/api/projects/{project}/exports/{snapshot['id']}")
    for view in api.get("/api/dm/views/", project=project):
        if view["data"].get("title") == mark:
            _remove(api, f"/api/dm/views/{view['id']}/")


def _remove(api: Api, path: str) -> None:
    with suppress(ServerError):
        api.delete(path)
