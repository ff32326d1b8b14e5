"""Probes beside a model: what can be had without reading is said first."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from aufruf.assets import asset
from aufruf.baselines.asked import Asked
from aufruf.baselines.evaluation import evaluate_on_release
from aufruf.baselines.examples import YES_NO, Examples, Target
from aufruf.baselines.model import fit_model, no_step
from aufruf.baselines.probing import probed, without_reading
from aufruf.baselines.recipes import load_recipe
from aufruf.baselines.release_data import Release
from aufruf.baselines.runs import train
from aufruf.baselines.scoring import resampled
from aufruf.baselines.table_data import read_table
from aufruf.baselines.training import fit_on_table
from aufruf.label_scheme import load_label_scheme
from learnable import calls_and_others, write_table

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.baselines.comparison import Difference

SOURCES = ("calm forum", "loud forum")


def split_of(n: int, seed: int, *, leak: bool) -> Examples:
    """Return texts whose words tell the answer; where it leaks, their source tells it, too."""
    rng = random.Random(seed)
    codes = [int(rng.random() < 0.4) for _ in range(n)]
    rest = ["market", "rain", "bus", "garden", "window", "lamp"]
    texts = [f"{'march' if code else 'stay'} {rng.choice(rest)} {rng.choice(rest)}" for code in codes]
    sources = [SOURCES[code if leak else rng.random() < 0.5] for code in codes]
    facts = {
        "source": sources,
        "author_group": [f"author-{seed}-{row}" for row in range(n)],
        **dict.fromkeys(("kind", "language", "month", "stratum"), "same"),
    }
    return Examples(
        pl.Series(texts),
        (Target("a_author", YES_NO, np.array(codes)),),
        np.arange(n),
        facts=pl.DataFrame(facts),
    )


def differences(*, leak: bool, rounds: int = 100) -> dict[str, list[Difference]]:
    splits = {name: split_of(200, seed, leak=leak) for seed, name in enumerate(("train", "validation"))}
    test = split_of(200, 2, leak=leak)
    model = fit_model(load_recipe("tfidf-logreg"), splits["train"], seed=0, step=no_step)
    asked = Asked(model, test, "test", [])
    figures = resampled(test, asked.answers(), rounds=rounds, sliced=True)
    scheme = load_label_scheme(asset("schemas", "label_scheme.toml"))
    release = Release("0", "", scheme, {"train": splits["train"], "validation": splits["validation"]})
    return probed(asked, figures, release, rounds=rounds, seed=0)


def test_a_source_that_tells_the_answer_is_noticed_and_named_first():
    found = differences(leak=True)
    (line,) = without_reading(found)
    assert line.startswith("this score can be had without reading: a_author F1 1.00 (probe-")
    assert "probe-metadata 1.00" in line or "probe-source 1.00" in line


def test_where_only_the_words_tell_nothing_is_said():
    found = differences(leak=False)
    assert set(found) == {"probe-author", "probe-length", "probe-metadata", "probe-source"}
    assert without_reading(found) == []
    assert {row.metric for row in found["probe-source"]} == {"f1", "average_precision"}


def test_a_lead_that_can_be_chance_is_said_to_be_so():
    clear = differences(leak=False)["probe-length"][0]
    (label, metric, first, second) = (clear.label, clear.metric, 0.6, 0.4)
    unsure = type(clear)(label, None, metric, first, second, 0.2, -0.1, 0.5, 0.2, 0.2, 20)
    assert without_reading({"probe-length": [unsure]}) == [
        "too few texts to tell this score from one without reading: a_author F1 0.60 (probe-length 0.40)"
    ]


@pytest.mark.parametrize("probes", [True, False], ids=["with probes", "without"])
def test_an_evaluation_on_a_release_has_probes_unless_told_otherwise(
    filled_release: Path, tmp_path: Path, *, probes: bool
):
    train(load_recipe("majority"), filled_release, tmp_path / "m")
    found = evaluate_on_release(tmp_path / "m", filled_release, rounds=20, probes=probes)
    assert len(found.probes) == (4 if probes else 0)
    assert found.notes[0].startswith("this score can be had without reading: author F1") == probes


@pytest.mark.parametrize("folds", [None, 4])
@pytest.mark.parametrize("by_length", [True, False])
def test_a_table_that_length_alone_answers_is_said_to_be_one(
    tmp_path: Path, *, by_length: bool, folds: int | None
):
    frame = calls_and_others(200)
    if by_length:
        rng = random.Random(0)
        words = [rng.choice(["market", "rain", "bus"]) for _ in range(5_000)]
        lengths = {"yes": 24, "no": 6}
        texts = [" ".join(rng.sample(words, lengths[call])) for call in frame["call"]]
        frame = frame.with_columns(text=pl.Series(texts))
    table = read_table(write_table(tmp_path, frame), text="text", label="call")
    training = fit_on_table(load_recipe("hashed-svm"), table, folds=folds)
    said = training.notes[0].startswith("this score can be had without reading: call")
    assert said is by_length
    f1 = next(row for row in training.probes["probe-length"] if row.metric == "f1")
    assert f1.n == training.scores[0].n
    assert fit_on_table(load_recipe("probe-length"), table, folds=folds).probes == {}
