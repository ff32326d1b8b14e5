"""Recipes that read little or nothing: terms, cues of voice, and probes, which must not work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from aufruf.baselines.cues import VoiceCues, cues, parted
from aufruf.baselines.examples import YES_NO, Examples, Target
from aufruf.baselines.lexicon_features import LexiconTerms, shipped_terms
from aufruf.baselines.model import fit_model, no_step
from aufruf.baselines.model_files import load_model
from aufruf.baselines.probes import TextLength, probe_recipes
from aufruf.baselines.recipes import load_recipe
from aufruf.baselines.release_data import read_release
from aufruf.baselines.runs import train
from aufruf.baselines.scoring import score
from aufruf.errors import InputError
from learnable import RECIPES_OF_TABLES, calls_and_others

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.workspace import Workspace


def cue(text: str, name: str) -> float:
    return float(cues(pl.Series([text]))[name].cast(pl.Float64).item())


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("„Kommt alle“, sagte sie.", "says"),
        ("Er behauptete, sie kämen.", "says"),
        ("They announced a march.", "says"),
        ("Sie habe nichts gesehen.", "indirect speech"),
        ("The man would allegedly come.", "indirect speech"),
        ("Laut Bericht kam niemand.", "attribution"),
        ("According to the report nobody came.", "attribution"),
        ("Die Polizei kam.", "courts and police"),
        ("This is unacceptable.", "condemns"),
        ("Niemand kommt.", "negates"),
        ("We come.", "we"),
        ("Wenn ihr kommt, dann bald.", "if"),
        ("Was nun?", "asks"),
        ("Kommt um 18 Uhr!", "a time of day"),
        ("Update: the march is off", "a headline's mark"),
        ("RT @user: come", "passed on"),
    ],
)
def test_a_cue_is_found_and_missing_where_nothing_of_it_is_said(text: str, name: str):
    assert cue(text, name) == 1
    assert cue("Blau und gelb", name) == 0


def test_words_of_a_quotation_are_no_words_of_the_one_who_quotes():
    text = "Sie sagte: „Ich komme“ und ging."
    assert (cue(text, "I, quoted"), cue(text, "I")) == (1, 0)
    assert (cue(text, "says"), cue(text, "says, quoted")) == (1, 0)
    assert cue(text, "quotes") == 1
    assert cue(text, "quoted share") == pytest.approx(len("Ich komme") / len(text))


def test_a_bare_quotation_says_nothing_itself():
    assert cue("„Kommt alle“ https://example.org @user", "nothing but a quotation") == 1
    assert cue("„Kommt alle“ sagt er", "nothing but a quotation") == 0
    assert cue("Der „Markt“ ist zu", "a word in quotation marks") == 1


def test_what_is_said_and_what_is_quoted_are_parted_in_their_order():
    found = parted(pl.Series(["a „b“ c „d e“ f", "no quotes", ""]))
    assert found["own"].to_list() == ["a „ “ c „ “ f", "no quotes", ""]
    assert found["quoted"].to_list() == ["b d e", "", ""]
    assert found["quotes"].to_list() == [2, 0, 0]


def test_cues_come_as_a_column_each_with_its_name():
    made = VoiceCues().fit([]).transform(["„a“", "b"])
    assert made.shape == (2, len(VoiceCues().get_feature_names_out()))
    assert made.toarray().min() >= 0
    assert made.toarray().max() <= 1


def test_terms_are_found_as_words_in_both_languages_and_counted_for_their_label():
    terms = LexiconTerms("threat\twe will find you\nthreat\twir kriegen euch\nprotest\tmarch")
    made = terms.transform(
        ["Wir kriegen euch!", "marching on", "a march, and WE WILL FIND YOU", ""]
    ).toarray()
    assert terms.get_feature_names_out().tolist() == [
        *("threat", "protest", "threat: we will find you", "threat: wir kriegen euch", "protest: march"),
    ]
    assert made.tolist() == [[1, 0, 0, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 0, 1], [0, 0, 0, 0, 0]]


def test_the_shipped_terms_know_all_labels():
    assert set(shipped_terms().get_feature_names_out()[:4]) == {
        *("threat", "call_to_violence", "protest_mobilization", "violence_approval"),
    }


def test_length_is_told_in_half_powers_of_two():
    made = TextLength().transform(["", "a b", "abcdefg"]).toarray()
    assert made.sum(axis=1).tolist() == [2, 2, 2]
    assert np.flatnonzero(made[0]).tolist() == [0, 32]
    assert np.flatnonzero(made[2]).tolist() == [6, 32 + 2]


def with_facts(n: int = 400, *, planted: bool) -> Examples:
    """Return texts that say nothing of their answer; the source does, if it is planted."""
    rng = np.random.default_rng(0)
    yes = rng.random(n) < 0.4
    source = np.where(yes if planted else rng.random(n) < 0.4, "forum", "paper")
    facts = pl.DataFrame(
        {"source": source, "author_group": [f"a{i}" for i in range(n)], "kind": ["post"] * n}
    )
    facts = facts.with_columns(
        language=pl.lit("de"), month=pl.lit(None, dtype=pl.String), stratum=pl.lit("x")
    )
    texts = pl.Series([f"text {rng.integers(50)} of {rng.integers(50)}" for _ in range(n)])
    return Examples(texts, (Target("call", YES_NO, yes.astype(np.int64)),), np.arange(n), facts=facts)


def area(recipe: str, examples: Examples) -> float:
    half = len(examples) // 2
    model = fit_model(load_recipe(recipe), examples.take(np.arange(half)), seed=0, step=no_step)
    held_out = examples.take(np.arange(half, len(examples)))
    scores = score(held_out, model.answer(held_out), rounds=0)
    found = next(row.value for row in scores if row.metric == "roc_auc" and row.language is None)
    assert found is not None
    return found


@pytest.mark.parametrize("recipe", ["probe-source", "probe-metadata"])
def test_a_source_that_gives_the_answer_away_is_noticed_by_its_probe(recipe: str):
    assert area(recipe, with_facts(planted=True)) == 1
    assert area(recipe, with_facts(planted=False)) == pytest.approx(0.5, abs=0.12)


def test_a_probe_by_author_knows_nothing_of_authors_it_has_not_seen():
    assert area("probe-author", with_facts(planted=True)) == 0.5


@pytest.mark.parametrize("recipe", [name for name in RECIPES_OF_TABLES if name != "majority"])
def test_shuffled_answers_are_guessed_by_chance(recipe: str):
    rows = calls_and_others(400)
    codes = np.random.default_rng(3).permutation((rows["call"] == "yes").to_numpy().astype(np.int64))
    examples = Examples(rows["text"], (Target("call", YES_NO, codes),), np.arange(400))
    assert area(recipe, examples) == pytest.approx(0.5, abs=0.12)


def test_probes_are_those_that_must_not_work_and_all_can_be_trained_on_a_release(
    released_workspace: Workspace, tmp_path: Path
):
    names = [recipe.name for recipe in probe_recipes()]
    assert names == ["probe-author", "probe-length", "probe-metadata", "probe-source"]
    release = released_workspace.root / "releases" / "0.1.0"
    validation = read_release(release, ("validation",)).splits["validation"]
    for name in names:
        train(load_recipe(name), release, tmp_path / name)
        model, record = load_model(tmp_path / name)
        assert record.recipe.probe
        assert len(model.answer(validation)) == 8


def test_a_probe_by_facts_says_that_a_table_has_none():
    rows = calls_and_others(60)
    target = Target("call", YES_NO, (rows["call"] == "yes").to_numpy().astype(np.int64))
    with pytest.raises(InputError, match="come without source: a probe by source needs a release"):
        fit_model(
            load_recipe("probe-source"),
            Examples(rows["text"], (target,), np.arange(60)),
            seed=0,
            step=no_step,
        )
