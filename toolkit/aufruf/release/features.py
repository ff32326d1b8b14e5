"""The columns of a release, made from the label scheme, and how names become class labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import polars as pl

from aufruf.errors import InputError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from datasets import Features

    from aufruf.label_scheme import Label, LabelScheme

SPLITS = ("train", "validation", "test")
FOLDERS = {"default": "data", "annotations": "annotations", "dehydrated": "dehydrated"}
"""Each config and the folder of its files."""
SECONDS = ("under 5", "5 to 14", "15 to 29", "30 to 59", "60 to 119", "120 or more")
SECONDS_BREAKS = (5, 15, 30, 60, 120)
NEVER_RELEASED_FLAGS = ("urgent",)
GROUPS = {
    "group": None,
    "duplicate_group": "duplicate",
    "author_group": "author",
    "conversation_group": "conversation",
    "article_group": "article",
}
"""Each column of groups with the relation that must hold for it not to cross splits; None: always."""
WORDS = ("text", "context_before", "context_after")
"""Columns that hold words of others."""

_VALUES: dict[str, pl.DataType] = {
    "string": pl.String(),
    "bool": pl.Boolean(),
    "int32": pl.Int32(),
    "int64": pl.Int64(),
    "float64": pl.Float64(),
}


def released_flags(scheme: LabelScheme) -> tuple[str, ...]:
    """Return the flags that a release may hold: all but the report of a danger."""
    return tuple(name for name in scheme.flag_names if name not in NEVER_RELEASED_FLAGS)


def default_features(scheme: LabelScheme) -> Features:
    """Return the columns of config ``default``: one row a record, with text and gold labels.

    Raises:
        SettingsError: if a label and an attribute of the scheme make the same column.
    """
    from datasets import ClassLabel, List, Value

    label = ClassLabel(names=list(scheme.label_names))
    strings = ("id", "text", "context_before", "context_after", "language", "kind", "source", "month")
    columns: list[tuple[str, Any]] = [(name, Value("string")) for name in strings]
    for entry in scheme.labels:
        columns += _label_columns(entry, scheme)
    columns += [
        ("spans", List({"label": label, "start": Value("int64"), "end": Value("int64")})),
        ("labels", List(label)),
        ("asked", List(label)),
        ("weight", Value("float64")),
    ]
    columns += [(name, Value("string")) for name in ("stratum", *GROUPS)]
    return _features(columns)


def dehydrated_features(scheme: LabelScheme) -> Features:
    """Return the columns of config ``dehydrated``: ``default`` without words, with what finds them."""
    from datasets import Value

    found_by = {"match_sha256": "string", "platform_id": "string", "url": "string", "article": "string"}
    found_by |= dict.fromkeys(("excerpt_start", "excerpt_end", "length"), "int64")
    columns = cast("dict[str, Any]", default_features(scheme))
    described = [(name, feature) for name, feature in columns.items() if name not in WORDS]
    return _features([*described, *((name, Value(dtype)) for name, dtype in found_by.items())])


def annotation_features(scheme: LabelScheme) -> Features:
    """Return the columns of config ``annotations``: one row a judgement by one annotator."""
    from datasets import ClassLabel, List, Value

    label = ClassLabel(names=list(scheme.label_names))
    voice = ClassLabel(names=list(scheme.voice_names))
    attribute = ClassLabel(names=[attribute.name for attribute in scheme.attributes])
    return _features(
        [
            ("id", Value("string")),
            ("annotator", Value("string")),
            ("pass", Value("string")),
            ("round", Value("string")),
            ("purpose", Value("string")),
            ("labels", List(label)),
            ("asked", List(Value("string"))),
            ("voices", List({"label": label, "voice": voice})),
            ("attributes", List({"label": label, "attribute": attribute, "value": Value("string")})),
            ("spans", List({"label": label, "start": Value("int64"), "end": Value("int64")})),
            ("flags", List(ClassLabel(names=list(released_flags(scheme))))),
            ("seconds", ClassLabel(names=list(SECONDS))),
            ("guideline_version", Value("string")),
            ("suggested_by", Value("string")),
            ("scheme_sha256", Value("string")),
        ]
    )


FEATURES: dict[str, Callable[[LabelScheme], Features]] = {
    "default": default_features,
    "annotations": annotation_features,
    "dehydrated": dehydrated_features,
}


def named_schema(features: Mapping[str, Any]) -> pl.Schema:
    """Return the Polars types of a config's columns with class labels as their names (Enum)."""
    return pl.Schema({name: _dtype(feature, names=True) for name, feature in features.items()})


def stored_schema(features: Mapping[str, Any]) -> pl.Schema:
    """Return the Polars types of a config's columns as its files hold them: class labels as int64."""
    return pl.Schema({name: _dtype(feature, names=False) for name, feature in features.items()})


def encode(named: pl.DataFrame, features: Mapping[str, Any]) -> pl.DataFrame:
    """Return the frame with its names of labels, voices and so on as class label numbers.

    Raises:
        InputError: if a column holds a name that the label scheme does not have, such as an answer by
            an older label scheme. Names the column.
    """
    names, stored = named_schema(features), stored_schema(features)
    try:
        return named.select(_encoded(name, names[name], stored[name]) for name in stored)
    except pl.exceptions.InvalidOperationError:
        for name in stored:
            _check_names(named, name, names[name])
        raise


def _encoded(name: str, named: pl.DataType, stored: pl.DataType) -> pl.Expr:
    return pl.col(name).cast(named).to_physical().cast(stored)


def _check_names(frame: pl.DataFrame, name: str, named: pl.DataType) -> None:
    try:
        frame.get_column(name).cast(named)
    except pl.exceptions.InvalidOperationError as error:
        raise InputError(
            f"column {name}: holds a name that the label scheme does not have; "
            "were the answers given by another version of the scheme?"
        ) from error


def _label_columns(label: Label, scheme: LabelScheme) -> list[tuple[str, Any]]:
    from datasets import ClassLabel, List, Value

    name = label.name
    return [
        (f"{name}_contained", Value("bool")),
        (f"{name}_author", Value("bool")),
        (f"{name}_share", Value("float64")),
        (f"{name}_n", Value("int32")),
        (f"{name}_voice", List(ClassLabel(names=list(scheme.voice_names)))),
        *(
            (f"{name}_{attribute.name}", ClassLabel(names=list(attribute.value_names)))
            for attribute in scheme.attributes_of(name)
        ),
    ]


def _features(columns: list[tuple[str, Any]]) -> Features:
    from datasets import Features

    names = [name for name, _ in columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SettingsError(
            f"schemas/label_scheme.toml: labels and attributes make {twice} twice; rename one"
        )
    return Features(dict(columns))


def _dtype(feature: Any, *, names: bool) -> pl.DataType:
    if isinstance(feature, dict):
        fields = cast("dict[str, Any]", feature).items()
        return pl.Struct({name: _dtype(inner, names=names) for name, inner in fields})
    if hasattr(feature, "names"):
        return pl.Enum(feature.names) if names else pl.Int64()
    if hasattr(feature, "feature"):
        return pl.List(_dtype(feature.feature, names=names))
    return _VALUES[feature.dtype]
