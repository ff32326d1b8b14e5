"""Fixtures that many tests share."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from aufruf.workspace import create_workspace, open_workspace
from filled import fill

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.workspace import Workspace


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--campaign", action="store_true", help="run the long, repeated tests in full")


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


@pytest.fixture
def filled_workspace(_filled: Workspace, tmp_path: Path) -> Workspace:
    """A workspace of the test's own with invented records, judged and decided: see filled.py."""
    shutil.copytree(_filled.root, tmp_path / "filled")
    return open_workspace(tmp_path / "filled")
