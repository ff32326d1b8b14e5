"""Describe a release in Croissant 1.1, with the fields of its extension for responsible AI.

Formats: https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html and croissant-rai-spec.html there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import polars as pl

from aufruf.release.features import FEATURES, SPLITS
from aufruf.release.parquet import split_files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aufruf.label_scheme import LabelScheme
    from aufruf.release.card import CardFacts
    from aufruf.release.manifest import File

CROISSANT = "croissant.json"
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    **{
        name: f"cr:{name}"
        for name in (
            *("arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field"),
            *("fileObject", "fileProperty", "fileSet", "format", "includes", "isArray", "isLiveDataset"),
            *("jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex"),
            *("repeated", "replace", "samplingRate", "separator", "source", "subField", "transform"),
        )
    },
}
_TYPES = {
    "string": "sc:Text",
    "bool": "sc:Boolean",
    "int32": "cr:Int32",
    "int64": "cr:Int64",
    "float64": "cr:Float64",
}
_STATED = {
    "rai:dataCollection": ("rationale",),
    "rai:dataUseCases": ("uses",),
    "rai:dataLimitations": ("other_uses", "defects"),
    "rai:dataSocialImpact": ("protection",),
    "rai:annotatorDemographics": ("annotators",),
    "rai:dataReleaseMaintenancePlan": ("maintenance", "retention"),
    "citeAs": ("citation",),
}
"""The fields that hold what people stated, and which statements."""
_ABOUT = (
    "German and English posts and news excerpts, judged for threats, calls to violence and mobilisation to "
    "protest, in whose voice, and by how many people. Holds texts that are hard to bear."
)
_PREPARED = (
    "Texts are in Unicode's composed form with line feeds, without control characters; near-duplicates are "
    "clustered and kept; personal data is masked by rules."
)
_GUIDED = (
    "Written guidelines in German and English, docs/guidelines.de.md and docs/guidelines.en.md; labels as in "
    "docs/label_scheme.toml."
)
_MISSING = "Null stands for what was not asked or not decided, never for no."
_SENSITIVE = "Texts can reveal political opinions; names are pseudonyms, personal data is masked by rules."
_CHOSEN = "Validation and test hold only what chance drew; what terms or a model chose is in train alone."


def croissant(
    facts: CardFacts, frames: Mapping[tuple[str, str], pl.DataFrame], files: Mapping[str, File]
) -> dict[str, Any]:
    """Return the description of a release: its files, what is in them, and how it came about.

    Args:
        facts: those of the card.
        frames: the stored rows of each (config, split).
        files: by their paths, at least those of the configs.
    """
    release = facts.settings.release
    rows = {key: frame.height for key, frame in frames.items()}
    makers = facts.statements.get("curators")
    said = {name: _said(facts, fields) for name, fields in _STATED.items()}
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": release.title,
        "description": _ABOUT,
        "version": facts.version,
        "license": release.license,
        **({"creator": {"@type": "sc:Organization", "name": makers}} if makers else {}),
        **({"url": release.url} if release.url else {}),
        **({"datePublished": facts.as_of.isoformat()} if facts.as_of else {}),
        "inLanguage": _languages(frames),
        "keywords": ["threats", "calls to violence", "protest mobilisation", "incitement"],
        **{name: text for name, text in said.items() if text},
        **_responsible(facts, frames),
        **structure(facts.scheme, rows, files),
    }


def structure(
    scheme: LabelScheme, rows: Mapping[tuple[str, str], int], files: Mapping[str, File]
) -> dict[str, Any]:
    """Return what a release's own files say: each file with its hash, each file's records.

    Args:
        scheme: the label scheme that makes the columns.
        rows: number of rows of each (config, split).
        files: by their paths, at least those of the configs.
    """
    held = [
        (config, name, FEATURES[config](scheme))
        for (config, split), n in rows.items()
        for name in split_files(config, split, n)
    ]
    return {
        "distribution": [_file(name, files[name]) for _, name, _ in held],
        "recordSet": [_records(config, name, features) for config, name, features in held],
    }


def _file(name: str, file: File) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "contentSize": f"{file.bytes} B",
        "encodingFormat": "application/x-parquet",
        "sha256": file.sha256,
    }


def _records(config: str, file: str, features: Any) -> dict[str, Any]:
    name = file.removesuffix(".parquet")
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": f"Config {config}: the rows of {file}.",
        "field": [
            _field(f"{name}/{column}", file, column, feature)
            for column, feature in cast("dict[str, Any]", features).items()
        ],
    }


def _field(place: str, file: str, column: str, feature: Any) -> dict[str, Any]:
    """Return a column; a list is an array, a list of records has a field for each of their keys."""
    inner = getattr(feature, "feature", feature)
    array = {"isArray": True, "arrayShape": "-1"} if inner is not feature else {}
    field = {"@type": "cr:Field", "@id": place, "name": column, **array}
    if not isinstance(inner, dict):
        return field | _typed(inner) | {"source": _source(file, column)}
    parts = cast("dict[str, Any]", inner)
    return field | {
        "subField": [
            {"@type": "cr:Field", "@id": f"{place}/{key}", "name": key}
            | _typed(part)
            | {"source": _source(file, column) | {"transform": {"jsonPath": key}}}
            for key, part in parts.items()
        ]
    }


def _typed(feature: Any) -> dict[str, str]:
    """Return a value's type; a class label is the number of a name, and the names are told."""
    if hasattr(feature, "names"):
        names = ", ".join(f"{number} {name}" for number, name in enumerate(feature.names))
        return {"dataType": "cr:Int64", "description": f"Numbers of classes: {names}."}
    return {"dataType": _TYPES[feature.dtype]}


def _source(file: str, column: str) -> dict[str, Any]:
    return {"fileObject": {"@id": file}, "extract": {"column": column}}


def _responsible(facts: CardFacts, frames: Mapping[tuple[str, str], pl.DataFrame]) -> dict[str, Any]:
    """Return the fields on how the data came about that follow from tables."""
    told = _column(frames, "default", "month").drop_nulls()
    months = told.filter(told.str.len_bytes() == len("2031-01"))
    return {
        **({"rai:dataCollectionTimeFrame": [months.min(), months.max()]} if len(months) else {}),
        "rai:dataCollectionType": ["Document analysis", "User-generated content data"],
        "rai:dataCollectionMissingData": _MISSING,
        "rai:dataPreprocessingProtocol": [_PREPARED],
        "rai:dataAnnotationProtocol": [_GUIDED],
        "rai:dataAnnotationPlatform": ["Label Studio"],
        "rai:dataAnnotationAnalysis": _agreement(facts),
        "rai:annotationsPerItem": per_record(frames),
        "rai:dataBiases": [_CHOSEN],
        "rai:personalSensitiveInformation": [_SENSITIVE],
    }


def _agreement(facts: CardFacts) -> list[str]:
    return [
        f"{row.label}: Krippendorff's alpha {row.value:.3f}, 95 % {row.low:.3f} to {row.high:.3f}, "
        f"{row.records} records"
        for row in facts.agreement
        if row.coefficient == "krippendorff_alpha" and row.group == "all"
        if row.label.endswith(("_contained", "_author"))
        if row.value is not None and row.low is not None and row.high is not None
    ] or ["Not known: no record was judged by two annotators."]


def per_record(frames: Mapping[tuple[str, str], pl.DataFrame]) -> str:
    """Say how many judgements a record has in triage, from fewest to most, and on average."""
    judged = pl.concat([frames["annotations", split].select("id", "pass") for split in SPLITS])
    counts = judged.filter(pl.col("pass") == "triage").group_by("id").len().get_column("len")
    if counts.is_empty():
        return "No single judgement is released."
    told = f"{counts.min()} to {counts.max()}, {counts.mean():.2f} on average"
    return f"{told}, those who could not judge included"


def _languages(frames: Mapping[tuple[str, str], pl.DataFrame]) -> list[str]:
    return _column(frames, "default", "language").unique().sort().to_list()


def _column(frames: Mapping[tuple[str, str], pl.DataFrame], config: str, name: str) -> pl.Series:
    return pl.concat([frames[config, split].select(name) for split in SPLITS]).to_series()


def _said(facts: CardFacts, fields: tuple[str, ...]) -> str:
    return " ".join(facts.statements[name] for name in fields if name in facts.statements)
