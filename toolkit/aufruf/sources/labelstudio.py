"""Label Studio: tasks of an export, full (`JSON`) or flat (`JSON_MIN`), their texts and their annotations.

A text is what the task shows: the field that a map names, else the one with a usual name. Drafts and
predictions are nobody's word and are not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import msgspec

from aufruf.errors import InputError
from aufruf.sources.fields import choose_columns, kind_of
from aufruf.sources.items import BATCH, FIELDS, Batch, Post, Refusal
from aufruf.sources.json_posts import PostBatch, digits, why
from aufruf.sources.json_values import values_of
from aufruf.sources.signatures import platform_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aufruf.sources.fields import FieldMap

_OF_TASK = ("id", "annotation_id", "annotator", "lead_time", "created_at", "updated_at")
_HEAD = 200_000
_Scalar = str | int | float | bool | None


class Annotation(msgspec.Struct):
    """What one account answered to one task, as the export tells it; ``id`` is the server's number."""

    id: int | str | None = None
    completed_by: dict[str, Any] | int | str | None = None
    result: list[Any] = []
    was_cancelled: bool = False
    created_at: str | None = None
    updated_at: str | None = None
    lead_time: float | None = None

    @property
    def account(self) -> str | None:
        """Who answered, in the server's own terms: never to be stored."""
        by = self.completed_by
        return (
            digits(cast("int | str | None", by.get("id") or by.get("email")))
            if isinstance(by, dict)
            else digits(by)
        )


@dataclass(frozen=True)
class Task:
    """A task: its data, and its annotations as they came. A flat one mixes data and the answers of one."""

    item: str
    data: dict[str, Any]
    annotations: list[Any]
    is_flat: bool = False


def is_export(stream: BinaryIO) -> bool:
    """Say whether a file is an export by its beginning, and leave the stream at its start."""
    head = stream.read(_HEAD)
    stream.seek(0)
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    return start.startswith((b"{", b"[")) and platform_of(start) == "labelstudio"


def read_labelstudio(stream: BinaryIO, file: str, given: FieldMap) -> Iterator[Batch]:
    """Read the texts of tasks in batches.

    Raises:
        InputError: if no field with the text can be found, or a field map numbers columns.
    """
    if given.by_number:
        raise InputError(f"{file}: the field map numbers columns, but tasks have names")
    chosen: dict[str, str] | None = None
    gathered = PostBatch(file, given.kind or "post")
    for task in tasks_of(stream):
        if isinstance(task, Refusal):
            gathered.refusals.append(task)
            continue
        if chosen is None:
            chosen = choose_columns(_usable(task.data), given, file)
            gathered.kind = kind_of(chosen, given)
        gathered.add(task.item, [_post(task.data, chosen)])
        if len(gathered) >= BATCH:
            yield gathered.take()
    yield gathered.take(last=True)


def tasks_of(stream: BinaryIO) -> Iterator[Task | Refusal]:
    """Yield the tasks of an export one by one, or why one is refused."""
    for value in values_of(stream):
        yield _decoded(value.item, value.content)


def _decoded(item: str, content: bytes | Refusal) -> Task | Refusal:
    if isinstance(content, Refusal):
        return content
    try:
        task = msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Refusal(item, *why(error))
    data = task.get("data")
    if not isinstance(data, dict):
        return _flat(item, task)
    annotations: Any = task.get("annotations") or []
    if not isinstance(annotations, list):
        return Refusal(item, "bad_field", "annotations that are no list")
    return Task(item, cast("dict[str, Any]", data), cast("list[Any]", annotations))


def _flat(item: str, task: dict[str, Any]) -> Task:
    data = {key: value for key, value in task.items() if key not in _OF_TASK}
    if "annotation_id" not in task:
        return Task(item, data, [], is_flat=True)
    told = {name: task.get(name) for name in ("lead_time", "created_at", "updated_at")}
    by = {"id": task["annotation_id"], "completed_by": task.get("annotator"), **told}
    return Task(item, data, [by], is_flat=True)


def _usable(data: dict[str, Any]) -> list[str]:
    return [key for key, value in data.items() if isinstance(value, _Scalar)]


def _post(data: dict[str, Any], chosen: dict[str, str]) -> Post:
    told = {name: _plain(data.get(column)) for name, column in chosen.items() if name in _FIELDS}
    return Post(told.get("text"))._replace(**told)


def _plain(value: Any) -> str | None:
    return digits(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None


_FIELDS = set(FIELDS) & set(Post._fields)
