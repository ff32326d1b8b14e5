"""The extras in an environment of their own: encoders are taken and tuned, though the lock has none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import aufruf

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow
TORCH = "torch==2.13.0"
OTHERS = (
    *("transformers==5.23.0", "tokenizers==0.23.3", "safetensors==0.8.0"),
    *("sentence-transformers==6.2.0", "model2vec==0.10.0"),
)


def pip(python: Path, *arguments: str) -> str:
    command = [str(python), "-m", "pip", "install", "--quiet", "--only-binary", ":all:", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def python() -> Iterator[Path]:
    """The interpreter of an environment with PyTorch that computes on processors, and all that is ours."""
    if find_spec("torch"):
        pytest.skip("PyTorch is here: the tests of encoders themselves have run")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        found = Path(folder) / "bin" / "python"
        told = json.loads(pip(found, "--dry-run", "--no-deps", "--report", "-", TORCH))
        version = told["install"][0]["metadata"]["version"]
        if sys.platform == "linux" and not version.endswith("+cpu"):
            pytest.skip(f"pip would fetch torch {version}, gigabytes for graphics cards")
        pip(found, TORCH)
        pip(found, "--no-deps", *OTHERS)
        packages = next(Path(folder).glob("lib/python*")) / "site-packages"
        ours = sysconfig.get_paths()["purelib"], str(Path(aufruf.__file__).parents[1])
        (packages / "ours.pth").write_text("\n".join(ours) + "\n")
        yield found


def test_encoders_are_taken_and_tuned(python: Path):
    tests = Path(__file__).parent
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    command = [python, "-m", "pytest", "-q", "-rs", "-W", "ignore", tests / "test_baselines_encoder.py"]
    ran = subprocess.run(
        command,
        cwd=tests.parent,
        env={**clean, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-3000:]
    assert "could not import" not in ran.stdout
