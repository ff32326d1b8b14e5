"""The YAML at the top of a data card, which the Hub and `datasets` read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from aufruf.release.features import FEATURES, FOLDERS, SPLITS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aufruf.label_scheme import LabelScheme
    from aufruf.release.manifest import File
    from aufruf.settings import Release

_NAMED_LANGUAGES = ("de", "en")
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_TAGS = ["not-for-all-audiences", "threats", "calls-to-violence", "protest-mobilisation", "aufruf"]

_GATE: dict[str, Any] = {
    "extra_gated_heading": "Threats and calls to violence: access on agreement",
    "extra_gated_fields": {
        "Affiliation": "text",
        "What I will use it for": "text",
        "No decision about a person will rest on it": "checkbox",
        "I will not try to find out who wrote a text, nor use it against protest": "checkbox",
        "I will delete what is taken down in later versions": "checkbox",
    },
    "extra_gated_button_content": "Agree and ask for access",
}
"""What the Hub asks of users who want the data, beside the text that people stated."""


def front_matter(  # noqa: PLR0913 -- all that the Hub wants to know
    release: Release,
    scheme: LabelScheme,
    languages: Sequence[str],
    rows: Mapping[tuple[str, str], int],
    files: Mapping[str, File],
    *,
    gate: str | None = None,
) -> str:
    """Return the YAML between its marks.

    Args:
        release: what the settings say of all releases.
        scheme: the label scheme that the columns are made from.
        languages: of the records.
        rows: number of rows of each (config, split).
        files: the Parquet files by their paths, with their sizes.
        gate: what a user must agree to before getting the data, if people stated it.
    """
    import yaml

    n_records = sum(n for (config, _), n in rows.items() if config == "default")
    content: dict[str, Any] = {
        "pretty_name": release.title,
        "license": release.license,
        "language": [name for name in _NAMED_LANGUAGES if name in languages],
        "multilinguality": "multilingual" if len(languages) > 1 else "monolingual",
        "size_categories": [_size_category(n_records)],
        "task_categories": ["text-classification"],
        "task_ids": ["multi-label-classification"],
        "tags": _TAGS,
        "configs": [_config(config, rows) for config in _filled(rows)],
        **(_GATE | {"extra_gated_prompt": gate} if gate else {}),
        "dataset_info": dataset_info(scheme, rows, files),
    }
    return f"---\n{yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1000)}---\n"


def read_front_matter(card: str) -> dict[str, Any]:
    """Return the YAML of a data card; empty if it has none."""
    import yaml

    _, _, rest = card.partition("---\n")
    content, end, _ = rest.partition("\n---\n")
    try:
        found = yaml.safe_load(content) if end else None
    except yaml.YAMLError:
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def dataset_info(
    scheme: LabelScheme, rows: Mapping[tuple[str, str], int], files: Mapping[str, File]
) -> list[dict[str, Any]]:
    """Return columns, rows and sizes of each config, as the card names them.

    Sizes are those of the files: what Arrow takes in memory depends on who reads.
    """
    from datasets import DatasetInfo
    from datasets.info import DatasetInfosDict
    from huggingface_hub import DatasetCardData

    infos: dict[str, DatasetInfo] = {}
    for config in _filled(rows):
        folder = FOLDERS[config]
        sizes = {
            split: sum(file.bytes for path, file in files.items() if path.startswith(f"{folder}/{split}-"))
            for split in SPLITS
        }
        splits = {
            split: {"name": split, "num_bytes": sizes[split], "num_examples": rows[config, split]}
            for split in SPLITS
            if rows[config, split]
        }
        total = sum(sizes.values())
        infos[config] = DatasetInfo(
            features=FEATURES[config](scheme),
            splits=cast("Any", splits),
            download_size=total,
            dataset_size=total,
            config_name=config,
        )
    card = DatasetCardData()
    DatasetInfosDict(infos).to_dataset_card_data(card)
    return cast("list[dict[str, Any]]", card.to_dict()["dataset_info"])


def _filled(rows: Mapping[tuple[str, str], int]) -> list[str]:
    """Return the configs that have rows: the others have no files to load."""
    return [config for config in FOLDERS if any(rows[config, split] for split in SPLITS)]


def _config(config: str, rows: Mapping[tuple[str, str], int]) -> dict[str, Any]:
    folder = FOLDERS[config]
    splits = [split for split in SPLITS if rows[config, split]]
    files = [{"split": split, "path": f"{folder}/{split}-*.parquet"} for split in splits]
    return {"config_name": config, "data_files": files, **({"default": True} if config == "default" else {})}


def _size_category(n: int) -> str:
    return next((name for limit, name in _SIZES if n < limit), "n>1M")
