"""The page of a model: its curves are right, it runs nothing, and texts stay texts."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from aufruf.baselines.asked import Columns
from aufruf.baselines.curves import confusions, curves
from aufruf.baselines.examples import NOT_ASKED, YES_NO, Examples, Target
from aufruf.baselines.model import Answers
from aufruf.baselines.ngram_weights import NgramWeights
from aufruf.baselines.recipes import load_recipe
from aufruf.baselines.runs import train
from aufruf.baselines.table_data import read_table
from aufruf.cli.app import app
from aufruf.report.model_figures import Wrong, model_figures, table_figures
from aufruf.report.model_page import model_html
from test_report import PAYLOADS, page_tags

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.label_scheme import Language
    from aufruf.report.model_figures import ModelFigures
    from aufruf.workspace import Workspace


def curves_of(codes: list[int], scores: list[float], threshold: float = 0.5):
    target = Target("a", YES_NO, np.array(codes))
    said = np.array(scores)
    answers = {"a": Answers(np.column_stack([1 - said, said]), (said >= threshold).astype(np.int64))}
    (found,) = curves(Examples(pl.Series(["x"] * len(codes)), (target,), np.arange(len(codes))), answers)
    return found


def test_what_a_head_says_is_counted_against_gold_among_those_asked():
    found = curves_of([1, 1, 0, 0, 1, NOT_ASKED], [0.9, 0.2, 0.8, 0.1, 0.7, 0.9])
    counts = (found.true_positives, found.false_positives, found.false_negatives, found.true_negatives)
    assert counts == (2, 1, 1, 1)
    assert (found.positives, found.n) == (3, 5)


def test_precision_over_recall_ends_at_the_share_of_positives():
    """From .9 down: 1 of 1, 1 of 2, 2 of 3, 2 of 4."""
    found = curves_of([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1])
    assert found.recall == [1.0, 1.0, 0.5, 0.5, 0.0]
    assert found.precision == pytest.approx([2 / 4, 2 / 3, 1 / 2, 1.0, 1.0])


def test_calibration_takes_texts_by_tenths_and_one_belongs_to_the_last():
    found = curves_of([1, 0, 1, 1], [0.05, 0.07, 0.95, 1.0])
    assert [(bin_.low, bin_.n, bin_.positive) for bin_ in found.bins] == [(0.0, 2, 0.5), (0.9, 2, 1.0)]
    assert found.bins[0].score == pytest.approx(0.06)


def test_scores_that_are_no_probabilities_have_no_calibration():
    assert curves_of([1, 0], [3.0, -2.0]).bins == []


def test_a_confusion_counts_what_was_said_of_each_right_answer_among_those_asked():
    target = Target("a", ("x", "y", "z"), np.array([0, 0, 1, 2, 2, NOT_ASKED]))
    answers = {"a": Answers(np.zeros((6, 3)), np.array([0, 2, 1, 2, 0, 1]))}
    (found,) = confusions(Examples(pl.Series(["t"] * 6), (target,), np.arange(6)), answers)
    assert found.counts == [[1, 0, 1], [0, 1, 0], [1, 0, 1]]


def test_where_all_texts_are_alike_there_is_no_curve():
    assert curves_of([0, 0], [0.2, 0.6]).recall == []


@pytest.fixture
def model(released_workspace: Workspace) -> Path:
    output = released_workspace.root / "models" / "m"
    train(load_recipe("hashed-svm"), released_workspace.root / "releases" / "0.1.0", output)
    return output


@pytest.fixture
def figures(model: Path, released_workspace: Workspace) -> ModelFigures:
    return model_figures(model, released_workspace.root / "releases" / "0.1.0")


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_page_of_a_model_loads_and_runs_nothing(figures: ModelFigures, language: Language):
    texts = [Wrong("threat_author", text, "yes", text, score=0.9, margin=2.0) for text in PAYLOADS]
    ngrams = [NgramWeights("threat_author", [(text, 1.0) for text in PAYLOADS], [("<b>", -1.0)])]
    notes = [*figures.notes, *PAYLOADS]
    html = model_html(replace(figures, worst=texts, ngrams=ngrams, notes=notes), language)
    names, attributes = page_tags(html)
    assert not {"script", "link", "img", "iframe", "object", "base", "form", "b"} & set(names)
    assert not [name for name in attributes if name.startswith("on") or name in ("src", "href")]


def test_the_page_says_what_was_trained_on_and_tested_on_in_each_language(figures: ModelFigures):
    found = {
        (row.slice, row.language): row.value
        for row in figures.crosslingual
        if (row.label, row.metric) == ("author", "macro_f1")
    }
    assert {trained for trained, _ in found} == {"train=de", "train=en", "train=all"}
    assert {tested for _, tested in found} == {None, "de", "en"}
    html = model_html(figures, "en")
    matrix = html.partition("From one language to the other")[2].partition("</table>")[0]
    shown = re.findall(r"<td>([\d.]+|–)", matrix)
    assert shown == ["–" if value is None else f"{value:.3f}" for value in found.values()]


def test_the_worst_errors_are_errors_and_the_worst_stands_first(figures: ModelFigures):
    assert figures.worst
    margins = [wrong.margin for wrong in figures.worst]
    assert margins == sorted(margins, reverse=True)
    assert min(margins) >= 0
    assert len({wrong.text for wrong in figures.worst}) == len(figures.worst) <= 30


def test_the_heaviest_ngrams_have_the_largest_weights_of_their_sign(figures: ModelFigures):
    for head in figures.ngrams:
        for weights in ([w for _, w in head.yes], [-w for _, w in head.no]):
            assert weights == sorted(weights, reverse=True)
            assert all(weight > 0 for weight in weights)


@pytest.mark.usefixtures("model")
def test_the_command_writes_a_page_of_a_model(released_workspace: Workspace, tmp_path: Path):
    root = released_workspace.root
    output = tmp_path / "page.html"
    arguments = ["report", "--model", "m", "--workspace", str(root), "--output", str(output)]
    done = CliRunner().invoke(app, [*arguments, "--dry-run"])
    assert (done.exit_code, output.exists()) == (0, False)
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "hashed-svm" in output.read_text("utf-8")


def table_of(path: Path, answers: list[str]) -> Path:
    """Write a table whose texts say their answers, but for every tenth, which says the next one."""
    said = [answers[(number + (number % 10 == 0)) % len(answers)] for number in range(120)]
    rows = {
        "body": [f"text {number} says {word} {word}" for number, word in enumerate(said)],
        "answer": [answers[number % len(answers)] for number in range(120)],
    }
    pl.DataFrame(rows).write_csv(path)
    return path


def trained_on_table(path: Path, output: Path) -> Path:
    train(load_recipe("hashed-svm"), read_table(path, text="body", label="answer"), output)
    return output


def test_on_the_table_that_it_was_trained_on_the_recipe_is_scored_out_of_sample(tmp_path: Path):
    """Each text stands there twice, in a word of its own: who saw it knows its answer, others guess."""
    spelt = [f"{number:06b}".replace("0", "ka").replace("1", "mo") for number in range(60)]
    rows = {"body": spelt * 2, "answer": [("no", "yes")[number * 7 % 11 % 2] for number in range(60)] * 2}
    tables = [tmp_path / name for name in ("t.csv", "again.csv")]
    for table, answers in zip(tables, (rows["answer"], [*rows["answer"][:-1], None]), strict=True):
        pl.DataFrame(rows | {"answer": answers}).write_csv(table)
    model = trained_on_table(tables[0], tmp_path / "m")
    own, again = (table_figures(model, table, Columns()).curves[0] for table in tables)
    assert (own.n, again.n) == (120, 119)
    assert own.false_positives + own.false_negatives > 30
    assert again.false_positives + again.false_negatives == 0


def test_out_of_sample_what_was_grouped_in_training_stays_together(tmp_path: Path):
    """Each author has a word and an answer of their own: whoever saw the author knows the answer."""
    authors = [f"{number:05b}".replace("0", "ka").replace("1", "mo") for number in range(30)]
    rows = {
        "body": [f"{author} {author} {number}" for number in range(4) for author in authors],
        "answer": [("no", "yes")[number * 7 % 11 % 2] for number in range(30)] * 4,
        "author": authors * 4,
    }
    table = tmp_path / "t.csv"
    pl.DataFrame(rows).write_csv(table)
    examples = read_table(table, text="body", label="answer", group="author")
    train(load_recipe("hashed-svm"), examples, tmp_path / "m")
    (curve,) = table_figures(tmp_path / "m", table, Columns()).curves
    assert curve.false_positives + curve.false_negatives > 30


def test_another_question_about_the_same_table_is_answered_by_the_model_itself(tmp_path: Path):
    table = table_of(tmp_path / "t.csv", ["no", "yes"])
    frame = pl.read_csv(table)
    frame.with_columns(opposite=pl.Series(["yes", "no"] * 60)).write_csv(table)
    model = trained_on_table(table, tmp_path / "m")
    found = table_figures(model, table, Columns(label="opposite"))
    assert (found.scores_of, found.curves[0].true_positives) == ("t.csv", 12)
    assert "flatter" in found.notes[0]


@pytest.mark.parametrize("recipe", ["hashed-svm", "tfidf-logreg"])
def test_the_worst_errors_of_either_kind_lie_beyond_the_threshold(tmp_path: Path, recipe: str):
    """Scored out of sample scores may be probabilities where the model's are distances."""
    table = table_of(tmp_path / "t.csv", ["no", "yes", "no"])
    frame = pl.read_csv(table).with_columns(
        pl.when(pl.int_range(pl.len()) % 11 == 4).then(pl.lit("no")).otherwise("answer").alias("answer")
    )
    frame.write_csv(table)
    train(load_recipe(recipe), read_table(table, text="body", label="answer"), tmp_path / "m")
    worst = table_figures(tmp_path / "m", table, Columns()).worst
    assert {wrong.said for wrong in worst} == {"no", "yes"}
    assert min(wrong.margin for wrong in worst) > 0


def test_a_page_says_first_that_a_score_on_a_table_can_be_had_without_reading(tmp_path: Path):
    """Whoever says yes says more words."""
    table = table_of(tmp_path / "t.csv", ["no", "yes"])
    longer = pl.when(pl.int_range(pl.len()) % 2 == 1).then(pl.col("body") + " yes" * 20).otherwise("body")
    pl.read_csv(table).with_columns(longer).write_csv(table)
    found = table_figures(trained_on_table(table, tmp_path / "m"), table, Columns())
    assert "without reading" in found.notes[0]
    assert "probe-length" in found.notes[0]


def test_an_answer_that_stands_once_does_not_stop_the_page(tmp_path: Path):
    table = table_of(tmp_path / "t.csv", ["left", "right", "up"])
    pl.read_csv(table).extend(pl.DataFrame({"body": ["it says down"], "answer": ["down"]})).write_csv(table)
    found = table_figures(trained_on_table(table, tmp_path / "m"), table, Columns())
    assert sum(map(sum, found.confusions[0].counts)) == 121


def test_on_another_table_the_model_itself_is_scored(tmp_path: Path):
    model = trained_on_table(table_of(tmp_path / "t.csv", ["no", "yes"]), tmp_path / "m")
    other = tmp_path / "other.csv"
    pl.DataFrame({"body": ["it says yes yes", "it says no no"], "answer": ["yes", "no"]}).write_csv(other)
    found = table_figures(model, other, Columns())
    assert (found.scores_of, found.worst, found.notes[0][:5]) == ("other.csv", [], "fewer")


def test_a_page_of_several_answers_shows_what_is_taken_for_what(tmp_path: Path):
    table = table_of(tmp_path / "t.csv", ["<b>left", "<i>right", "<s>up"])
    html = model_html(table_figures(trained_on_table(table, tmp_path / "m"), table, Columns()), "en")
    matrix = html.partition("Confusion: answer")[2].partition("</table>")[0]
    counts = [int(n) for n in re.findall(r">(\d+)</td>", matrix)]
    assert (len(counts), sum(counts), sum(counts[::4])) == (9, 120, 108)
    assert "gold &lt;b&gt;left, model &lt;i&gt;right" in html
    assert not {"b", "i", "s"} & set(page_tags(html)[0])


def test_the_command_writes_a_page_of_a_model_on_a_table(tmp_path: Path):
    table = table_of(tmp_path / "t.csv", ["no", "yes"])
    model = trained_on_table(table, tmp_path / "m")
    output = tmp_path / "page.html"
    done = CliRunner().invoke(app, ["report", "--model", str(model), "-o", str(output)])
    assert (done.exit_code, output.exists()) == (2, False)
    done = CliRunner().invoke(
        app, ["report", "--model", str(model), "--table", str(table), "-o", str(output)]
    )
    assert done.exit_code == 0, done.output
    assert "5-fold" in output.read_text("utf-8")


def test_a_page_is_of_a_round_or_of_a_model(tmp_path: Path):
    wrong = [[], ["first", "--model", "m"], ["first", "--release", "0.1.0"], ["--model", "m", "--text", "t"]]
    wrong += [["--model", "m", "--table", "t.csv", "--release", "0.1.0"], ["first", "--table", "t.csv"]]
    for arguments in wrong:
        assert CliRunner().invoke(app, ["report", *arguments, "--workspace", str(tmp_path)]).exit_code == 2
