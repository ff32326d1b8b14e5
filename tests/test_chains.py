"""The largest duplicate clusters: what holds them together, and whether their ends are alike."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl
import pytest
from typer.testing import CliRunner

from aufruf.chains import largest_clusters
from aufruf.cli.app import app
from aufruf.clustering import update_clusters
from aufruf.status import status
from aufruf.tables import CLUSTERS, DUPLICATES, RECORDS

if TYPE_CHECKING:
    from aufruf.workspace import Workspace

WORDS = [f"wort{n:03}" for n in range(40)]


def store_texts(workspace: Workspace, texts: dict[str, str]) -> None:
    blank = {c.name: "" for c in RECORDS.columns if c.dtype == pl.String and not c.nullable}
    rows = [{**blank, "quotes": [], "record_id": name, "text": text} for name, text in texts.items()]
    workspace.store.append(RECORDS, pl.DataFrame(rows, schema=RECORDS.schema))


@pytest.fixture
def chained(workspace: Workspace) -> Workspace:
    """A chain of 12 records, each with a word less at its beginning and one more at its end; two twins."""
    texts = {f"a{n:02}": " ".join(WORDS[n : n + 20]) for n in range(12)}
    texts |= {"x": "Heute Abend am Ufer, alle", "y": "heute abend am Ufer, allen!", "z": "ganz für sich"}
    store_texts(workspace, texts)
    update_clusters(workspace.store)
    return workspace


def grams(text: str) -> set[str]:
    return {text[place : place + 5] for place in range(len(text) - 4)}


def jaccard(left: str, right: str) -> float:
    return len(grams(left) & grams(right)) / len(grams(left) | grams(right))


def test_a_chain_shows_by_its_ends_and_no_text_is_told(chained: Workspace):
    """Neighbours share 19 of 21 words, the ends 9 of 31; the twins differ in a letter (and a mark)."""
    chain, twins = largest_clusters(chained.store).to_dicts()
    pairs = chained.store.read(DUPLICATES).filter(pl.col("left").str.starts_with("a"))
    assert (chain["cluster"], chain["records"], chain["is_chain"]) == ("a00", 12, True)
    assert chain["weakest_pair"] == pairs["similarity"].min() >= 0.8
    ends = jaccard(" ".join(WORDS[:20]), " ".join(WORDS[11:31]))
    assert chain["least_similarity"] == pytest.approx(ends)
    assert ends < 0.5
    assert twins == {
        "cluster": "x",
        "records": 2,
        "weakest_pair": pytest.approx(20 / 21),
        "least_similarity": pytest.approx(20 / 21),
        "is_chain": False,
    }


def test_as_many_clusters_are_shown_as_are_asked_for(chained: Workspace):
    assert largest_clusters(chained.store, 1)["cluster"].to_list() == ["a00"]


def test_a_new_workspace_has_no_clusters(workspace: Workspace):
    assert largest_clusters(workspace.store).is_empty()
    assert status(workspace).chains == 0


def test_status_counts_chains(chained: Workspace):
    assert status(chained).chains == 1


def test_the_command_shows_clusters_to_people_and_programs(chained: Workspace):
    shown = CliRunner().invoke(app, ["duplicates", "--workspace", str(chained.root)])
    assert shown.exit_code == 0
    assert "chain" in shown.stdout
    assert "wort" not in shown.stdout
    told = CliRunner().invoke(app, ["duplicates", "-n", "1", "--json", "--workspace", str(chained.root)])
    assert json.loads(told.stdout) == largest_clusters(chained.store, 1).to_dicts()
    assert (
        "chains, see aufruf duplicates"
        in CliRunner().invoke(app, ["status", "--workspace", str(chained.root)]).stdout
    )


def test_clusters_without_pairs_or_records_are_shown_all_the_same(workspace: Workspace):
    workspace.store.append(CLUSTERS, pl.DataFrame({"record_id": ["a", "b"], "cluster": ["a", "a"]}))
    found = largest_clusters(workspace.store).row(0)
    assert found == ("a", 2, None, None, None)
    assert CliRunner().invoke(app, ["duplicates", "--workspace", str(workspace.root)]).exit_code == 0
