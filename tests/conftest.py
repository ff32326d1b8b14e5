"""Fixtures that many tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aufruf.workspace import create_workspace

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
