"""What a model suggests to those who judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from aufruf.baselines.examples import unanswered
from aufruf.baselines.features import prepare
from aufruf.baselines.model_files import load_model
from aufruf.errors import InputError
from aufruf.tables import RECORDS

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.workspace import Workspace

_SIDE = "_contained"
_ID_DIGITS = 12


def suggested_labels(
    workspace: Workspace, folder: Path, records: pl.Series
) -> tuple[str, dict[str, tuple[str, ...]]]:
    """Return the model's name, its folder and the beginning of its hash, and the labels of each record.

    A label is suggested where the score of its ``contained`` head reaches the head's threshold; records
    without one have no labels.

    Raises:
        InputError: if the folder holds no model, or one without a head for any label of the scheme.
    """
    model, record = load_model(folder)
    scheme = workspace.label_scheme
    heads = [f"{label}{_SIDE}" for label in scheme.label_names]
    named = {head.name for head in model.heads if not head.is_constant}
    if named.isdisjoint(heads):
        raise InputError(
            f"{folder}: this model has no head for a label of the scheme: train one on a release"
        )
    texts = workspace.store.scan(RECORDS).filter(pl.col("record_id").is_in(records.implode()))
    rows = texts.select("record_id", "text").sort("record_id").collect()
    answers = model.answer(unanswered(prepare(rows.get_column("text"))))
    said = {
        label: answers[head].predicted
        for label, head in zip(scheme.label_names, heads, strict=True)
        if head in named
    }
    found = {
        name: tuple(label for label, predicted in said.items() if predicted[place])
        for place, name in enumerate(rows.get_column("record_id"))
    }
    return f"{folder.resolve().name}@{record.model_sha256[:_ID_DIGITS]}", found
