"""Models as folders: ``model.skops``, ``model.json`` and a card. Never a pickle: a pickle runs code."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec

from aufruf.baselines.encoder import LocalEncoder, encoder_sha256
from aufruf.baselines.heads import Head
from aufruf.baselines.model import Model
from aufruf.baselines.record import FORMAT, ModelRecord, versions
from aufruf.errors import InputError
from aufruf.files import sha256_of, sync, write_bytes, write_text

if TYPE_CHECKING:
    from collections.abc import Iterator

MODEL = "model.skops"
RECORD = "model.json"
CARD = "README.md"
ENCODER = "encoder"
OURS = (
    "aufruf.baselines.cues.VoiceCues",
    "aufruf.baselines.descent.DualSvm",
    "aufruf.baselines.features.TfidfNgrams",
    "aufruf.baselines.hashing.HashedNgrams",
    "aufruf.baselines.lexicon_features.LexiconTerms",
    "aufruf.baselines.probes.TextLength",
)
TYPES = frozenset(
    {
        *OURS,
        "builtins.dict",
        "builtins.list",
        "builtins.str",
        "builtins.tuple",
        "numpy.float64",
        "numpy.ndarray",
        "sklearn.dummy.DummyClassifier",
        "sklearn.feature_extraction.text.TfidfTransformer",
        "sklearn.linear_model._logistic.LogisticRegression",
        "sklearn.pipeline.FeatureUnion",
        "sklearn.preprocessing._encoders.OneHotEncoder",
        "sklearn.svm._classes.LinearSVC",
    }
)
"""What a model file may be made of; anything else is refused before it is loaded."""
LOADERS = frozenset(
    {"DictNode", "JsonNode", "ListNode", "NdArrayNode", "ObjectNode", "TupleNode", "TypeNode"}
)
"""How skops may make them: an entry's loader decides what happens, whatever its type says."""


def save_model(model: Model, record: ModelRecord, card: str, folder: Path) -> ModelRecord:
    """Write a model's folder: it appears whole, and replaces a model of the same name.

    Returns:
        The record with the hash of the model's file.

    Raises:
        InputError: if something else than a model is there.
    """
    from skops.io import dump

    check_output(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        estimators = [head.estimator for head in model.heads]
        encoder = model.features if isinstance(model.features, LocalEncoder) else None
        if encoder is not None:
            encoder.save(building / ENCODER)
        features = None if encoder is not None else model.features
        dump({"features": features, "estimators": estimators}, building / MODEL, compression=8)
        foreign = _foreign(building / MODEL)
        assert not foreign, f"a recipe makes what loading refuses: {foreign}"
        written = msgspec.structs.replace(
            record,
            recipe=msgspec.structs.replace(record.recipe, encoder_folder=""),
            model_sha256=sha256_of(building / MODEL),
            encoder_sha256=encoder_sha256(building / ENCODER) if encoder is not None else "",
        )
        write_bytes(building / RECORD, msgspec.json.format(msgspec.json.encode(written), indent=2) + b"\n")
        write_text(building / CARD, card)
        building.chmod(0o755)
        _put(building, folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return written


def check_output(folder: Path) -> None:
    """Refuse a folder that holds something else than a model.

    Raises:
        InputError: if so.
    """
    if folder.is_symlink() or (folder.exists() and not (folder / RECORD).is_file()):
        raise InputError(f"{folder}: holds something else than a model; choose another --output")


def read_record(folder: Path) -> ModelRecord:
    """Read what a model's folder says of it.

    Raises:
        InputError: if it is no model, or one by another version of aufruf.
    """
    try:
        content = (folder / RECORD).read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(
            f"{folder}: no model here: expected a folder with {RECORD} and {MODEL}, as `aufruf train` makes"
        ) from error
    try:
        record = msgspec.json.decode(content, type=ModelRecord)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{folder / RECORD}: no valid record of a model: {error}") from error
    if record.format != FORMAT:
        raise InputError(
            f"{folder}: a model of format {record.format}; this aufruf reads {FORMAT}: train it anew"
        )
    return record


def load_model(folder: Path) -> tuple[Model, ModelRecord]:
    """Load a model whose file is the one that its record names, and made of known types only.

    Raises:
        InputError: if it is no model, was changed, holds a type that is not on the list, or does not fit
            its record.
    """
    record = read_record(folder)
    path = folder / MODEL
    if not path.is_file() or sha256_of(path) != record.model_sha256:
        raise InputError(f"{path}: is not the file that {RECORD} names; train the model anew")
    if record.recipe.encoder and encoder_sha256(folder / ENCODER) != record.encoder_sha256:
        raise InputError(f"{folder / ENCODER}: is not the encoder that {RECORD} names; train the model anew")
    foreign = _foreign(path)
    if foreign:
        raise InputError(f"{path}: holds {foreign[0]}, which no model of aufruf does; it was not loaded")
    return _assembled(_loaded(path), record, path), record


def version_notes(record: ModelRecord) -> list[str]:
    """Say whether the model was made by another scikit-learn: its scores may differ a little."""
    then, now = record.versions.get("scikit-learn"), versions()["scikit-learn"]
    return [] if then == now else [f"trained with scikit-learn {then}, scored with {now}"]


def _assembled(content: Any, record: ModelRecord, path: Path) -> Model:
    try:
        heads = tuple(
            Head(
                h.name,
                h.classes,
                estimator,
                h.threshold,
                cast("Any", h.threshold_from),
                h.counts,
                h.calibration,
                h.by_language,
            )
            for h, estimator in zip(record.heads, content["estimators"], strict=True)
        )
        if record.recipe.encoder:
            encoder = LocalEncoder(str(path.parent / ENCODER), record.recipe.longest)
            return Model(record.recipe, encoder, heads)
        return Model(record.recipe, content["features"], heads)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: does not fit its {RECORD}; train the model anew") from error


def _loaded(path: Path) -> Any:
    from skops.io import load
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        with warnings.catch_warnings():
            # Another version of scikit-learn is said by `version_notes`, in words.
            warnings.filterwarnings("ignore", message="Trying to unpickle estimator")
            return load(path, trusted=list(OURS))
    except (AttributeError, KeyError, TypeError, ValueError, UntrustedTypesFoundException) as error:
        raise InputError(f"{path}: no model file of skops; it was not loaded") from error


def _foreign(path: Path) -> list[str]:
    """Return the types and loaders of a model file that are not on the lists, without loading it."""
    try:
        with zipfile.ZipFile(path) as archive:
            schema = msgspec.json.decode(archive.read("schema.json"))
    except (zipfile.BadZipFile, KeyError, msgspec.DecodeError, RecursionError) as error:
        raise InputError(f"{path}: no model file of skops; it was not loaded") from error
    entries = list(_entries(schema))
    types = {f"{entry.get('__module__')}.{entry.get('__class__')}" for entry in entries}
    loaders = {str(entry.get("__loader__")) for entry in entries}
    return sorted((types - TYPES) | (loaders - LOADERS))


def _entries(schema: Any) -> Iterator[dict[str, Any]]:
    pending: list[Any] = [schema]
    while pending:
        found = pending.pop()
        if isinstance(found, dict):
            entry = cast("dict[str, Any]", found)
            if "__class__" in entry or "__loader__" in entry:
                yield entry
            pending.extend(entry.values())
        elif isinstance(found, list):
            pending.extend(cast("list[Any]", found))


def _put(building: Path, folder: Path) -> None:
    """Move a finished folder to its place; an older model there is moved away first, then removed."""
    if folder.exists():
        aside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        os.rename(folder, aside / "old")  # noqa: PTH104 -- a rename, never a move across disks
        building.rename(folder)
        shutil.rmtree(aside, ignore_errors=True)
    else:
        building.rename(folder)
    sync(folder.parent)
