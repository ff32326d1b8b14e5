"""The commands export and verify, as programs and people use them."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from aufruf.cli.app import app
from aufruf.errors import GateError
from aufruf.release.manifest import read_manifest

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from aufruf.workspace import Workspace


def run(*words: Any) -> Result:
    """Run a command that succeeds."""
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


def test_export_as_json_prints_one_document_with_the_promised_keys(filled_workspace: Workspace):
    done = run("export", "0.1.0", "--json", "--seed", 0, "-w", filled_workspace.root)
    report = json.loads(done.stdout)
    path = filled_workspace.root / "releases" / "0.1.0"
    assert (report["version"], report["path"]) == ("0.1.0", str(path))
    assert sum(report["splits"].values()) == 481
    assert report["content_sha256"] == read_manifest(path).content_sha256
    assert "warning: source found" in done.stderr


def test_export_for_people_says_what_is_next_and_a_dry_run_what_would_be(filled_workspace: Workspace):
    done = run("export", "0.1.0", "--dry-run", "-w", filled_workspace.root).stdout
    assert "would be 0.1.0" in done
    assert "largest deviation from a wanted share" in done
    assert "next:" not in done
    assert not any((filled_workspace.root / "releases").iterdir())


def test_verify_prints_the_certificate_and_is_content(filled_release: Path):
    assert json.loads(run("verify", filled_release, "--json").stdout)["ok"] is True
    done = run("verify", filled_release).stdout
    assert "shared author groups" in done
    assert f"verified: {filled_release}" in done.replace("\n", "")


def test_verify_exits_3_and_names_the_file_that_was_changed(filled_release: Path):
    path = filled_release / "CHANGELOG.md"
    path.write_text(path.read_text("utf-8").replace("first", "worst"), "utf-8")
    with pytest.raises(GateError, match="1 failure"):
        run("verify", filled_release)
    command = [sys.executable, "-m", "aufruf", "verify", str(filled_release), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    report = json.loads(done.stdout)
    assert report["ok"] is False
    assert report["failures"][0].startswith("CHANGELOG.md: is not as it was released")


def test_verify_trains_a_baseline_both_ways_on_request(filled_release: Path):
    report = json.loads(run("verify", filled_release, "--baseline", "majority", "--json").stdout)
    assert {row["label"] for row in report["random_split"]} >= {"author", "contained", "threat_author"}
    assert report["likeness"]["searched_from"] == 0.6
    assert "random_split" not in json.loads(run("verify", filled_release, "--json").stdout)
