"""What holds of every command."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer

from aufruf.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
WRITES_NOTHING = {
    "agreement",
    "prevalence",
    "annotate status",
    "demo",
    "diff",
    "doctor",
    "duplicates",
    "evaluate",
    "init",
    "key status",
    "quarantine",
    "labelstudio status",
    "scheme show",
    "status",
    "verify",
}
"""Commands without --dry-run: they only look, or make something new that is asked for by its name."""


def commands() -> dict[str, Any]:
    """Every command with its words, such as ``annotate plan``."""

    def below(words: tuple[str, ...], command: Any) -> Iterator[tuple[str, Any]]:
        for name, sub in getattr(command, "commands", {}).items():
            yield from below((*words, name), sub)
        if not hasattr(command, "commands"):
            yield " ".join(words), command

    return dict(below((), typer.main.get_command(app)))


def options(command: Any) -> set[str]:
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}


def examples(text: str) -> list[str]:
    """The ``aufruf …`` commands of a text, each up to the end of its line or an operator."""
    lines = re.findall(r"(?:^|&&\s*|Example:\s*|then )(aufruf [^\n`&|#,]*)", text, flags=re.MULTILINE)
    return [line.strip() for line in lines]


@pytest.mark.parametrize("words", sorted(commands()))
def test_every_command_says_what_it_does_and_shows_an_example_of_itself(words: str):
    shown = examples(commands()[words].help or "")
    assert any(f"aufruf {words}" in line for line in shown)


@pytest.mark.parametrize("words", sorted(set(commands()) - {"demo"}))
def test_every_command_can_answer_in_json(words: str):
    assert "--json" in options(commands()[words])


@pytest.mark.parametrize("words", sorted(set(commands()) - WRITES_NOTHING))
def test_every_command_that_writes_has_a_dry_run(words: str):
    assert "--dry-run" in options(commands()[words])


def documented() -> list[str]:
    helps = [command.help or "" for command in commands().values()]
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    texts = [page.read_text("utf-8") for page in pages if page.exists()]
    return sorted({line for text in (*helps, *texts) for line in examples(text)})


@pytest.mark.parametrize("line", documented())
def test_a_documented_command_exists_with_its_options(line: str):
    parts = shlex.split(line.replace("…", ""), comments=True)[1:]
    known = commands()
    groups = {name.split()[0] for name in known if " " in name}
    words = " ".join(parts[:2]) if parts and parts[0] in groups else " ".join(parts[:1])
    if parts and not parts[0].startswith("-") and parts[0].isupper():
        return
    assert words in known
    used = {part.split("=")[0] for part in parts if re.match(r"--?[a-z]", part)}
    assert used - options(known[words]) - {"-h", "--help"} == set()


def test_help_answers_at_once():
    """No heavy library is imported for it: that is what costs time."""
    heavy = {"datasets", "deltalake", "label_studio_sdk", "numba", "polars", "pyarrow", "sklearn", "torch"}
    code = "import sys; from aufruf.cli.app import app; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert heavy & set(loaded.split()) == set()


def run(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "aufruf", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def test_an_error_is_one_line_on_standard_error_and_exit_1(tmp_path: Path):
    result = run("status", cwd=tmp_path)
    assert result.returncode == 1
    assert result.stdout == ""
    assert re.fullmatch(r"error: .*no workspace here; make one with `aufruf init DIR`.*\n", result.stderr)


def test_wrong_usage_is_exit_2(tmp_path: Path):
    assert run("status", "--colour", cwd=tmp_path).returncode == 2


def test_a_bug_shows_a_traceback_without_local_variables(tmp_path: Path):
    code = (
        "from aufruf.cli import app\n"
        "@app.app.command()\n"
        "def broken():\n    token = 'a-' + 'canary'\n    raise RuntimeError\n"
        "import sys; sys.argv = ['aufruf', 'broken']; app.main()"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert "RuntimeError" in result.stderr
    assert "a-canary" not in result.stderr


def test_the_version_is_that_of_the_package(tmp_path: Path):
    from importlib.metadata import version

    assert run("--version", cwd=tmp_path).stdout.strip() == version("aufruf")
