"""JSON Schemas of the label scheme's file, of the tables, and of an answer."""

from __future__ import annotations

from inspect import cleandoc
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

from aufruf.label_scheme import LabelScheme

if TYPE_CHECKING:
    from aufruf.label_scheme import Attribute
    from aufruf.tables import Table

_DIALECT = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
_NULL = {"type": "null"}
_NOTHING = {"type": "array", "maxItems": 0}


def label_scheme_schema() -> dict[str, Any]:
    """Return the JSON Schema of ``schemas/label_scheme.toml``, for editors that complete and check TOML."""
    schema: dict[str, Any] = {
        **_DIALECT,
        "title": "aufruf label scheme",
        **msgspec.json.schema(LabelScheme),
    }
    for entry in schema["$defs"].values():
        # Python 3.13 strips a docstring's indentation, earlier versions keep it.
        entry["description"] = cleandoc(entry.get("description", ""))
    return schema


def table_schema(table: Table) -> dict[str, Any]:
    """Return the JSON Schema of one row of a table; a column that may be null has null among its types."""
    properties = {
        column.name: {
            "description": column.meaning,
            **_nullable(_type(column.dtype), allowed=column.nullable),
        }
        for column in table.columns
    }
    return {
        **_DIALECT,
        "title": table.name,
        "description": f"{table.meaning} Key: {', '.join(table.key)}.",
        **_object(properties),
    }


def answer_schema(scheme: LabelScheme) -> dict[str, Any]:
    """Return the JSON Schema of an answer in the label scheme's names, columns as in table `annotations`."""
    label = {"enum": list(scheme.label_names)}
    voice = _object({"label": label, "voice": {"enum": list(scheme.voice_names)}})
    span = _object({"label": label, "start": _position(0), "end": _position(1)})
    shared = {"comment": _nullable({"type": "string"}, allowed=True)}
    triage = {
        "labels": _nullable(_set(label), allowed=True),
        "voices": _nullable(_set(voice), allowed=True),
        "attributes": _nullable(_attributes(scheme, "triage"), allowed=True),
        "spans": _NULL,
        "flags": _set({"enum": list(scheme.flag_names)}),
    }
    detail = {
        "labels": _NULL,
        "voices": _NULL,
        "attributes": _nullable(_attributes(scheme, "detail"), allowed=True),
        "spans": _nullable(_set(span), allowed=True),
        "flags": _NOTHING,
    }
    return {
        **_DIALECT,
        "title": "answer",
        "description": f"An annotator's answer by label scheme {scheme.version}, in triage or in detail.",
        "oneOf": [
            _object({"pass": {"const": "triage"}, **triage, **shared}),
            _object({"pass": {"const": "detail"}, **detail, **shared}),
        ],
    }


def _attributes(scheme: LabelScheme, in_pass: str) -> dict[str, Any]:
    asked = [attribute for attribute in scheme.attributes if attribute.in_pass == in_pass]
    return _set({"anyOf": [_attribute(attribute) for attribute in asked]}) if asked else _NOTHING


def _attribute(attribute: Attribute) -> dict[str, Any]:
    return _object(
        {
            "label": {"enum": list(attribute.labels)},
            "attribute": {"const": attribute.name},
            "value": {"enum": list(attribute.value_names)},
        }
    )


def _type(dtype: object) -> dict[str, Any]:
    if isinstance(dtype, pl.List):
        return {"type": "array", "items": _type(dtype.inner)}
    if isinstance(dtype, pl.Struct):
        return _object({field.name: _type(field.dtype) for field in dtype.fields})
    if isinstance(dtype, pl.Datetime):
        return {"type": "string", "format": "date-time"}
    return {"type": _SIMPLE[dtype]}


_SIMPLE: dict[object, str] = {
    pl.String: "string",
    pl.Int32: "integer",
    pl.Int64: "integer",
    pl.Float64: "number",
    pl.Boolean: "boolean",
}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _set(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items, "uniqueItems": True}


def _position(least: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": least}


def _nullable(schema: dict[str, Any], *, allowed: bool) -> dict[str, Any]:
    if not allowed:
        return schema
    return {**schema, "type": [schema["type"], "null"]}
