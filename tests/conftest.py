"""Fixtures that many tests share."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from aufruf.workspace import create_workspace, open_workspace
from filled import fill
from labelstudio_fixtures import label_studio, live

__all__ = ["label_studio", "live"]

if TYPE_CHECKING:
    from aufruf.workspace import Workspace

hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")
os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", HF_DATASETS_DISABLE_PROGRESS_BARS="1")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--campaign", action="store_true", help="run the long, repeated tests in full")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give tests of a campaign the time that fifty repetitions take."""
    if config.getoption("--campaign"):
        for item in items:
            item.add_marker(pytest.mark.timeout(7200))


@pytest.fixture
def repetitions(request: pytest.FixtureRequest) -> int:
    """How often a test of random moments tries: 3 times, with ``--campaign`` 50."""
    return 50 if request.config.getoption("--campaign") else 3


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A fresh workspace with the shipped label scheme."""
    return create_workspace(tmp_path / "workspace")


@pytest.fixture(scope="session")
def _filled(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = create_workspace(tmp_path_factory.mktemp("filled") / "workspace")
    fill(workspace)
    return workspace


@pytest.fixture(scope="session")
def _released(_filled: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from aufruf.release.build import export

    root = tmp_path_factory.mktemp("released") / "workspace"
    shutil.copytree(_filled.root, root)
    export(open_workspace(root), "0.1.0")
    return root


@pytest.fixture
def released_workspace(_released: Path, tmp_path: Path) -> Workspace:
    """A filled workspace of the test's own with a release 0.1.0 of it."""
    return open_workspace(Path(shutil.copytree(_released, tmp_path / "released")))


@pytest.fixture
def filled_release(_released: Path, tmp_path: Path) -> Path:
    """The folder of a release of the filled workspace, of the test's own."""
    return Path(shutil.copytree(_released / "releases" / "0.1.0", tmp_path / "releases" / "0.1.0"))


@pytest.fixture
def filled_workspace(_filled: Workspace, tmp_path: Path) -> Workspace:
    """A workspace of the test's own with invented records, judged and decided: see filled.py."""
    shutil.copytree(_filled.root, tmp_path / "filled")
    return open_workspace(tmp_path / "filled")
