"""Label Studio: the texts of an export, full (`JSON`) or flat (`JSON_MIN`). Its annotations stay there.

A text is what the task shows: the field that a map names, else the one with a usual name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from aufruf.errors import InputError
from aufruf.sources.fields import choose_columns, kind_of
from aufruf.sources.items import BATCH, FIELDS, Batch, Post, Refusal
from aufruf.sources.json_posts import PostBatch, Remark, digits, why
from aufruf.sources.json_values import values_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aufruf.sources.fields import FieldMap

_ANNOTATED = Remark("annotated tasks (their texts were read, their annotations were not)")
_OF_TASK = ("id", "annotation_id", "annotator", "lead_time", "created_at", "updated_at")
_Scalar = str | int | float | bool | None


class _Task(msgspec.Struct):
    data: dict[str, Any]
    annotations: list[Any] = []


def read_labelstudio(stream: BinaryIO, file: str, given: FieldMap) -> Iterator[Batch]:
    """Read the texts of tasks in batches.

    Raises:
        InputError: if no field with the text can be found, or a field map numbers columns.
    """
    if given.by_number:
        raise InputError(f"{file}: the field map numbers columns, but tasks have names")
    chosen: dict[str, str] | None = None
    gathered = PostBatch(file, given.kind or "post")
    for value in values_of(stream):
        task = _decoded(value.item, value.content)
        if isinstance(task, Refusal):
            gathered.refusals.append(task)
            continue
        if chosen is None:
            chosen = choose_columns(_usable(task.data), given, file)
            gathered.kind = kind_of(chosen, given)
        gathered.add(value.item, [_post(task.data, chosen), *([_ANNOTATED] if task.annotations else [])])
        if len(gathered) >= BATCH:
            yield gathered.take()
    yield gathered.take(last=True)


def _decoded(item: str, content: bytes | Refusal) -> _Task | Refusal:
    if isinstance(content, Refusal):
        return content
    try:
        task = msgspec.json.decode(content, type=dict[str, Any])
        if isinstance(task.get("data"), dict):
            return msgspec.convert(task, _Task)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Refusal(item, *why(error))
    data = {key: value for key, value in task.items() if key not in _OF_TASK}
    return _Task(data, [True] if "annotation_id" in task else [])


def _usable(data: dict[str, Any]) -> list[str]:
    return [key for key, value in data.items() if isinstance(value, _Scalar)]


def _post(data: dict[str, Any], chosen: dict[str, str]) -> Post:
    told = {name: _plain(data.get(column)) for name, column in chosen.items() if name in _FIELDS}
    return Post(told.get("text"))._replace(**told)


def _plain(value: Any) -> str | None:
    return digits(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None


_FIELDS = set(FIELDS) & set(Post._fields)
