"""What stands in a file may be in the columns that hold texts, and nowhere else.

Each case of each format is spoilt in several ways with a word that would be recognised anywhere.
"""

from __future__ import annotations

import csv
import io
import json
import re
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from typer.testing import CliRunner

from aufruf.cli.app import app
from aufruf.errors import AufrufError
from aufruf.sources.formats import READERS
from aufruf.sources.reading import read_source
from aufruf.tables import QUARANTINE, RECORDS, TABLES
from aufruf.workspace import open_workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    from aufruf.workspace import Workspace

CANARY = "canary4711"
KEY = f"key-{CANARY}-of-the-workspace"
CASES = sorted(
    file
    for file in (Path(__file__).parent / "cases").glob("*/*/*")
    if file.name != "expected.json" and file.parts[-3] in READERS
)
MAY_HOLD_IT = {f"records.{name}" for name in ("text", "title", "teaser", "outlet", "url")} | {
    f"source_labels.{name}" for name in ("column", "value", "split")
}
SHAPE = {"kind", "type", "$type", "@type", "@context", "object", "collection"}


def in_json(change: Callable[[str | None, Any], Any]) -> Callable[[bytes], bytes]:
    """Change each leaf of a document, or of each line; bytes that are no JSON stay."""

    def changed(value: Any, key: str | None = None) -> Any:
        if isinstance(value, dict):
            return {name: changed(part, name) for name, part in value.items()}
        if isinstance(value, list):
            return [changed(part, key) for part in value]
        return change(key, value)

    def whole(content: bytes) -> bytes:
        try:
            return json.dumps(changed(json.loads(content))).encode()
        except ValueError:
            lines = [json.dumps(changed(json.loads(line))) for line in content.splitlines() if line.strip()]
            return "\n".join(lines).encode()

    return whole


def texts(key: str | None, value: Any) -> Any:
    return f"{value} {CANARY}" if isinstance(value, str) and key not in SHAPE else value


def strings(_: str | None, value: Any) -> Any:
    return f"{value}{CANARY}" if isinstance(value, str) else value


def numbers(_: str | None, value: Any) -> Any:
    return CANARY if isinstance(value, (int, float, bool)) or value is None else value


def times(_: str | None, value: Any) -> Any:
    return CANARY if isinstance(value, str) and re.match(r"\d{4}-|\w{3} \w{3} \d", value) else value


def cells(content: bytes) -> bytes:
    dialect = csv.Sniffer().sniff(content.decode())
    head, *rows = csv.reader(io.StringIO(content.decode()), dialect)
    out = io.StringIO()
    csv.writer(out, dialect).writerows([head, *([f"{cell} {CANARY}" for cell in row] for row in rows)])
    return out.getvalue().encode()


def marked_up(content: bytes) -> bytes:
    inside = re.sub(rb">([^<>]*\w[^<>]*)<", rb">\1 %b<" % CANARY.encode(), content)
    return re.sub(rb'(content|href|alt|title|datetime)="([^"]*)"', rb'\1="\2%b"' % CANARY.encode(), inside)


def broken_off(content: bytes) -> bytes:
    return content[: len(content) * 2 // 3] + f'\n{{"{CANARY}": "{CANARY}'.encode()


def a_line_more(content: bytes) -> bytes:
    return content + f"\n{CANARY} {CANARY}; {CANARY}\n".encode()


WAYS: dict[str, Callable[[bytes], bytes]] = {
    "texts": in_json(texts),
    "strings": in_json(strings),
    "numbers": in_json(numbers),
    "times": in_json(times),
    "cells": cells,
    "marked up": marked_up,
    "broken off": broken_off,
    "a line more": a_line_more,
}


def spoilt(folder: Path) -> tuple[dict[str, int], list[str]]:
    """Write each case, spoilt in each way, if it can be read at all; count them, and return complaints."""
    complaints: list[str] = []
    written = dict.fromkeys(WAYS, 0)
    for (way, spoil), (number, case) in product(WAYS.items(), enumerate(CASES)):
        try:
            content = spoil(case.read_bytes())
        except (ValueError, csv.Error):
            continue
        file = folder / f"{number}-{way}{case.suffix}"
        file.write_bytes(content)
        written[way] += CANARY.encode() in content
        try:
            complaints += map(str, read_source(file).quarantine.drop("file").rows())
        except AufrufError as error:
            complaints.append(str(error))
            file.unlink()
    return written, complaints


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, (AufrufError, SystemExit))
    return f"{result.output}{result.exception}"


def leaks(workspace: Workspace) -> list[str]:
    """Where the word stands though it may not: files but those of records, and columns of tables."""
    found = [
        str(path.relative_to(workspace.root))
        for path in workspace.root.rglob("*")
        if path.is_file() and path.name != "secrets.toml" and CANARY.encode() in path.read_bytes()
        if not (path.parent.name in {"records", "source_labels"} and path.suffix == ".parquet")
    ]
    for table in TABLES:
        for name, dtype in table.schema.items():
            column = workspace.store.scan(table).select(pl.col(name)).collect().to_series()
            shown = column.cast(pl.String) if dtype in {pl.String, pl.Int64, pl.Float64} else None
            held = CANARY in str(column.to_list()) if shown is None else shown.str.contains(CANARY).any()
            found += [f"{table.name}.{name}"] if held and f"{table.name}.{name}" not in MAY_HOLD_IT else []
    return found


@pytest.mark.slow
def test_what_stands_in_files_is_told_to_no_one(
    workspace: Workspace, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    folder = tmp_path / "folder"
    folder.mkdir()
    written, complaints = spoilt(folder)
    assert min(written.values()) >= 1
    assert len(complaints) > 100
    assert [complaint for complaint in complaints if CANARY in complaint] == []
    said = run("import", folder, "--max-bad", "100%", "-w", workspace.root)
    assert "records made" in said
    assert CANARY not in said
    captured = capfd.readouterr()
    assert CANARY not in captured.out + captured.err
    assert leaks(workspace) == []
    assert workspace.store.read(RECORDS)["text"].str.contains(CANARY).sum() > 50


def test_the_word_would_be_found(workspace: Workspace):
    workspace.record_event("import", CANARY, {})
    (workspace.root / "reports" / "note.txt").write_text(CANARY)
    assert {"events.subject", "reports/note.txt"} <= set(leaks(workspace))


def test_the_key_is_told_to_no_one(workspace: Workspace, tmp_path: Path):
    """Neither while it is there nor when it is destroyed, by no command that has to do with it."""
    workspace.secrets.update({"pseudonym_key": KEY, "tombstone_key": KEY})
    (tmp_path / "posts.jsonl").write_text('{"id": 1, "author": "anna", "text": "Am Ufer, @ben"}\n{"id":')
    commands = [
        ["import", str(tmp_path / "posts.jsonl")],
        ["status"],
        ["doctor"],
        ["key", "status"],
        ["key", "new"],
        ["key", "destroy"],
        ["key", "destroy", "--dry-run"],
        ["key", "destroy", "--yes"],
        ["key", "destroy", "--yes"],
        ["import", str(tmp_path / "posts.jsonl")],
        ["key", "status", "--json"],
        ["key", "new"],
    ]
    for words in commands:
        assert CANARY not in run(*words, "-w", workspace.root), words
    assert leaks(open_workspace(workspace.root)) == []
    assert workspace.store.read(QUARANTINE).height == 1
