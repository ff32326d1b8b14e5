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
def workspace(tmp_path: Path) -> Workspace:
    """A fresh workspace with the shipped label scheme."""
    return create_workspace(tmp_path / "workspace")
