"""What users install: the wheel, with the source out of the way."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from uv import find_uv_bin

ROOT = Path(__file__).parents[1]
pytestmark = [pytest.mark.slow, pytest.mark.wheel]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel built from the sdist, so that a file missing from either is noticed."""
    if not (ROOT / "pyproject.toml").exists():
        pytest.skip("runs from a checkout only: this is a run on the wheel itself")
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds the wheel, and sees our dependencies but not the checkout."""
    folder = tmp_path_factory.mktemp("installed")
    uv = find_uv_bin()
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
    python = folder / "bin" / "python"
    install = [uv, "pip", "install", "--quiet", "--no-deps", "--offline", "--python", str(python), str(wheel)]
    subprocess.run(install, check=True)
    packages = next((folder / "lib").glob("python*")) / "site-packages"
    (packages / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return folder


def run(environment: Path, *command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    return subprocess.run(
        [str(environment / "bin" / command[0]), *command[1:]],
        cwd=cwd,
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_ships_everything_that_is_tracked_in_the_folders_beside_the_code(wheel: Path):
    tracked = subprocess.run(
        ["git", "ls-files", "schemas", "annotation", "baselines", "toolkit/aufruf"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    expected = {
        path.removeprefix("toolkit/") if path.startswith("toolkit/") else f"aufruf/_assets/{path}"
        for path in tracked
        if (ROOT / path).exists()
    }
    with zipfile.ZipFile(wheel) as archive:
        assert expected - set(archive.namelist()) == set()


def test_the_installed_command_makes_a_workspace(environment: Path, tmp_path: Path):
    made = run(environment, "aufruf", "init", "corpus", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    where = run(environment, "python", "-c", "import aufruf; print(aufruf.__file__)", cwd=tmp_path).stdout
    assert str(environment) in where


def test_the_fast_tests_pass_on_the_wheel(environment: Path, tmp_path: Path):
    shutil.copytree(ROOT / "tests", tmp_path / "tests")
    shutil.copy(ROOT / "pyproject.toml", tmp_path / "pytest-settings.toml")
    marks = "not labelstudio and not browser and not slow"
    command = ["python", "-m", "pytest", "-q", "-c", "pytest-settings.toml", "--rootdir", ".", "-m", marks]
    command += ["--numprocesses", "auto", "--dist", "loadfile"]
    ran = run(environment, *command, "tests", cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout[-3000:]
