"""A model's suggestions in triage: only where they were allowed, each once, and marked in the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from aufruf.baselines.examples import unanswered
from aufruf.baselines.features import prepare
from aufruf.baselines.model_files import load_model
from aufruf.baselines.recipes import load_recipe
from aufruf.baselines.runs import train
from aufruf.baselines.suggesting import suggested_labels
from aufruf.errors import InputError
from aufruf.labelstudio.answers import Answer
from aufruf.labelstudio.api import connect
from aufruf.labelstudio.apply import apply
from aufruf.labelstudio.entry import enter_answers
from aufruf.labelstudio.pull import pull
from aufruf.labelstudio.rounds import assignments, plan_round
from aufruf.labelstudio.suggestions import Suggestions, marked
from aufruf.tables import ANNOTATIONS, RECORDS
from labelstudio_fixtures import ROUND

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.labelstudio.api import Api
    from aufruf.workspace import Workspace

MODEL = "words@0123456789ab"


def predictions(api: Api, project: int) -> list[dict[str, object]]:
    return api.get("/api/predictions/", project=project)


def suggested(workspace: Workspace) -> Suggestions:
    """Every second record is said to be a threat, the others nothing."""
    records = assignments(workspace, ROUND, "triage").get_column("record_id").unique().sort()
    return Suggestions(MODEL, {name: ("threat",) if n % 2 else () for n, name in enumerate(records)})


def test_only_tasks_for_the_main_purpose_are_marked():
    purposes = ["main", "gold_check", "repeat", "qualification", "adjudication", "main"]
    rows = pl.DataFrame({"task_key": list("abcdef"), "record_id": ["r"] * 5 + ["s"], "purpose": purposes})
    tasks = [{"task_key": key} for key in "abcdef"]
    found = marked(tasks, rows, Suggestions(MODEL, {"r": ("threat",)}))
    assert [task["task_key"] for task in found if "suggested_by" in task] == ["a"]


def test_labels_are_suggested_from_the_thresholds_of_the_model(released_workspace: Workspace, tmp_path: Path):
    folder = tmp_path / "model"
    release = released_workspace.root / "releases" / "0.1.0"
    train(load_recipe("tfidf-logreg"), release, folder)
    rows = released_workspace.store.read(RECORDS).head(50)
    name, found = suggested_labels(released_workspace, folder, rows.get_column("record_id"))
    model, record = load_model(folder)
    assert name == f"model@{record.model_sha256[:12]}"
    head = next(head for head in model.heads if head.name == "threat_contained")
    answers = model.answer(unanswered(prepare(rows.get_column("text"))))
    scores = answers["threat_contained"].scores[:, 1]
    assert [("threat" in found[each]) for each in rows.get_column("record_id")] == list(
        scores >= head.threshold
    )
    assert any(found.values())


@pytest.mark.labelstudio
def test_a_blind_round_and_the_detail_pass_take_no_suggestions(live: Workspace):
    plan_round(live, ROUND, allow_unqualified=True)
    with pytest.raises(InputError, match=r"is blind.*--allow-suggestions"):
        apply(live, ROUND, suggestions=suggested(live))


@pytest.mark.labelstudio
def test_suggestions_are_there_once_and_answers_say_whose_were_shown(live: Workspace):
    plan_round(live, ROUND, allow_unqualified=True, allow_suggestions=True)
    found = suggested(live)
    for _ in range(2):
        apply(live, ROUND, suggestions=found)
    planned = assignments(live, ROUND, "triage")
    with connect(live) as api:
        for project in planned.get_column("project_id").unique():
            rows = planned.filter(pl.col("project_id") == project)
            there = predictions(api, project)
            wanted = rows.filter(
                pl.col("record_id").is_in([n for n, labels in found.labels.items() if labels])
            )
            assert len(there) == len({each["task"] for each in there}) == wanted.height
            assert {each["model_version"] for each in there} == {MODEL}
            settings = api.get(f"/api/projects/{project}/")
            assert (settings["show_collab_predictions"], settings["model_version"]) == (True, MODEL)
    enter_answers(live, ROUND, "triage", dict.fromkeys(planned.get_column("task_key"), Answer(labels=())))
    pull(live, ROUND)
    answers = live.store.read(ANNOTATIONS)
    assert answers.height == planned.height
    assert answers.get_column("suggested_by").unique().to_list() == [MODEL]


@pytest.mark.labelstudio
def test_what_was_given_out_without_a_suggestion_stays_without(live: Workspace):
    plan_round(live, ROUND, allow_unqualified=True, allow_suggestions=True)
    apply(live, ROUND)
    apply(live, ROUND, suggestions=suggested(live))
    projects = assignments(live, ROUND, "triage").get_column("project_id").unique()
    with connect(live) as api:
        assert not any(predictions(api, project) for project in projects)
