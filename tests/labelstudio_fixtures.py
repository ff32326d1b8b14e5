"""A real Label Studio for the whole test run, and workspaces that use it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import polars as pl
import pytest

from aufruf.assets import asset
from aufruf.labelstudio import server
from aufruf.labelstudio.accounts import ensure_accounts
from aufruf.labelstudio.api import connect
from aufruf.labelstudio.rounds import annotators_of
from aufruf.tables import RECORDS, SAMPLES
from aufruf.workspace import PSEUDONYM_KEY, TOMBSTONE_KEY, create_workspace
from invented import OPENINGS, PLAIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aufruf.workspace import Workspace

ROUND = "pilot"


@pytest.fixture(scope="session")
def label_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """The workspace whose Label Studio runs as long as the tests do, with an account for each annotator."""
    home = create_workspace(tmp_path_factory.mktemp("labelstudio") / "home")
    shutil.copy(asset("annotation", "sample", "annotators.toml"), home.root / "annotation")
    server.start(home)
    try:
        with connect(home) as api:
            ensure_accounts(home, api, annotators_of(home))
        yield home
    finally:
        server.stop(home)


@pytest.fixture
def live(workspace: Workspace, label_studio: Workspace) -> Workspace:
    """A fresh workspace with a sampled round, four annotators and the running Label Studio."""
    lend(label_studio, workspace)
    shutil.copy(asset("annotation", "sample", "annotators.toml"), workspace.root / "annotation")
    add_round(workspace)
    return workspace


def lend(owner: Workspace, borrower: Workspace) -> None:
    """Let a workspace use another's Label Studio with its accounts."""
    names = set(owner.secrets.names()) - {PSEUDONYM_KEY, TOMBSTONE_KEY}
    found = {name: owner.secrets.get(name) for name in names}
    borrower.secrets.update({name: secret.reveal() for name, secret in found.items() if secret})


def add_round(
    workspace: Workspace, size: int = 8, name: str = ROUND, languages: tuple[str, ...] = ("de",)
) -> None:
    """Add invented records, as many of each language, and draw all of them for a round."""
    rows = [_record(number, name, languages[number % len(languages)]) for number in range(size)]
    workspace.store.upsert(RECORDS, pl.DataFrame(rows, schema=RECORDS.schema))
    drawn = {"round": name, "stratum": "all", "strategy": "random", "inclusion_probability": 1.0}
    chosen = [{**drawn, "record_id": row["record_id"]} for row in rows]
    workspace.store.upsert(SAMPLES, pl.DataFrame(chosen, schema=SAMPLES.schema))


def _record(number: int, name: str, language: str) -> dict[str, object]:
    openings, sentences = OPENINGS[language], PLAIN[language]
    sentence = sentences[number % len(sentences)].format(opening=openings[number % len(openings)])
    return {
        **dict.fromkeys(RECORDS.schema),
        "record_id": f"{name}-{number:04}",
        "post_id": f"post-{name}-{number:04}",
        "import_id": "import",
        "source": "board",
        "kind": "post",
        "language": language,
        "text": f"{sentence} 😀 {number}",
        "match_sha256": f"{number:064}",
        "quotes": [],
        "key_id": "key",
    }
