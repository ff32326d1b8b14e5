"""Publishing: what must not go out is refused; what goes out is the release, whole, private, tagged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from aufruf.errors import GateError, InputError
from aufruf.release.build import export
from aufruf.release.manifest import MANIFEST, canonical_json, list_files, read_manifest, seal
from aufruf.release.publish import publish
from aufruf.release.verify import verify
from aufruf.tables import EVENTS
from stand_in_hub import Hub, stand_in
from stated import state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from aufruf.workspace import Workspace

TOKEN = "hf_" + "canary" * 5
REPO = "me/set"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with stand_in() as running:
        yield running


@pytest.fixture
def final(filled_workspace: Workspace) -> Workspace:
    """A workspace with a final release: people stated all that is asked, also what users must agree to."""
    workspace = state(filled_workspace)
    export(workspace, "0.1.0", final=True)
    return workspace


def reseal(path: Path, **fields: Any) -> None:
    manifest = msgspec.structs.replace(read_manifest(path), files=list_files(path), **fields)
    (path / MANIFEST).write_bytes(canonical_json(seal(manifest)))


def run(workspace: Workspace, hub: Hub, *more: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = os.environ | {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HUB_OFFLINE": "0"}
    variables |= {"HF_HUB_DISABLE_XET": "1", "HF_HOME": str(workspace.cache / "hf"), **environment}
    command = [sys.executable, "-m", "aufruf", "publish", "0.1.0", "--repo", REPO, "--json", *more]
    command += ["-w", str(workspace.root)]
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_without_yes_nothing_is_sent(final: Workspace, hub: Hub):
    shown = json.loads(run(final, hub).stdout)
    assert (shown["repo"], shown["tag"], shown["commit"]) == (REPO, "v0.1.0", None)
    assert (hub.private, hub.commits, hub.tokens) == (None, [], set())


def test_it_goes_up_private_in_one_commit_with_a_tag_and_verifies_when_it_comes_down(
    final: Workspace, hub: Hub, tmp_path: Path
):
    done = run(final, hub, "--yes")
    assert done.returncode == 0, done.stderr
    assert hub.private is True
    assert len(hub.commits) == 1
    shown = json.loads(done.stdout)
    assert hub.tags == {"v0.1.0": shown["commit"]} == {"v0.1.0": hub.head}
    for name, content in hub.files.items():
        (tmp_path / "down" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "down" / name).write_bytes(content)
    assert verify(tmp_path / "down").ok
    events = final.store.read(EVENTS).filter(action="publish")
    assert json.loads(events.item(0, "details")) == {"commit": hub.head, "repo": REPO, "tag": "v0.1.0"}
    assert hub.tokens == {f"Bearer {TOKEN}"}
    assert TOKEN not in done.stdout + done.stderr + str(events.rows())


@pytest.mark.slow
def test_a_second_time_nothing_changes(final: Workspace, hub: Hub):
    first, second = (json.loads(run(final, hub, "--yes").stdout) for _ in range(2))
    assert first == second
    assert final.store.read(EVENTS).filter(action="publish").height == 1


@pytest.mark.slow
def test_a_tag_on_another_commit_is_never_moved(final: Workspace, hub: Hub):
    hub.tags["v0.1.0"] = "f" * 40
    done = run(final, hub, "--yes")
    assert done.returncode == 1
    assert "on another commit" in done.stderr
    assert hub.tags == {"v0.1.0": "f" * 40}


@pytest.mark.slow
def test_a_public_repository_gets_nothing(final: Workspace, hub: Hub):
    hub.private = False
    done = run(final, hub, "--yes")
    assert "is public" in done.stderr
    assert hub.commits == []


@pytest.mark.slow
def test_a_hub_that_is_not_there_is_one_clear_line_without_the_token(final: Workspace, hub: Hub):
    done = run(final, hub, "--yes", HF_ENDPOINT="http://127.0.0.1:9")
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (1, 1)
    assert TOKEN not in done.stderr


def test_what_must_not_go_out_is_refused(released_workspace: Workspace, final: Workspace):
    path = final.root / "releases" / "0.1.0"
    with pytest.raises(InputError, match="no such release"):
        publish(released_workspace, "0.2.0", REPO)
    publish(final, "0.1.0", REPO)
    reseal(path, final=False)
    with pytest.raises(GateError, match="not final"):
        publish(final, "0.1.0", REPO)
    reseal(path, final=True)
    (path / "CHANGELOG.md").write_text("changed")
    with pytest.raises(GateError, match=r"does not verify: CHANGELOG\.md"):
        publish(final, "0.1.0", REPO)
    (path / "WITHDRAWN.json").write_text(
        '{"format":1,"version":"0.1.0","withdrawn_at":"2030-01-01T00:00:00Z","takedown":"t","records":1,"successor":null}'
    )
    with pytest.raises(GateError, match="withdrawn"):
        publish(final, "0.1.0", REPO)


def test_a_card_without_terms_to_agree_to_is_not_final(released_workspace: Workspace):
    reseal(released_workspace.root / "releases" / "0.1.0", final=True)
    with pytest.raises(GateError, match="gating text"):
        publish(released_workspace, "0.1.0", REPO)
