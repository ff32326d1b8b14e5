"""Which files are generated, and whether they are what they would be if they were made now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from aufruf.errors import SettingsError
from aufruf.files import write_text
from aufruf.generated.json_schemas import answer_schema, label_scheme_schema, table_schema
from aufruf.generated.sections import with_sections
from aufruf.label_scheme import LANGUAGES, PASSES, load_label_scheme
from aufruf.labelstudio.interface import build_interface
from aufruf.tables import TABLES
from aufruf.workspace import SETTINGS_FILE, open_workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aufruf.label_scheme import LabelScheme, Language

LABEL_SCHEME = Path("schemas/label_scheme.toml")
_TABLES = Path("schemas/tables")


def find_root(folder: Path | None = None) -> Path:
    """Return ``folder``, or the one around the current directory: a workspace or a checkout.

    Raises:
        SettingsError: if it holds no label scheme.
    """
    start = (folder or Path.cwd()).resolve()
    for candidate in [start] if folder is not None else [start, *start.parents]:
        if (candidate / LABEL_SCHEME).is_file():
            return candidate
    raise SettingsError(
        f"{start}: there is no {LABEL_SCHEME} here; make a workspace with `aufruf init DIR` or name one with "
        "--workspace DIR"
    )


def generated_files(root: Path) -> dict[Path, str]:
    """Return the content of every generated file, by its path below ``root``.

    Guidelines are generated in their marked sections only; the rest is taken as it is.

    Raises:
        SettingsError: if the label scheme is wrong, or a guidelines file is missing or has wrong markers.
    """
    scheme = load_label_scheme(root / LABEL_SCHEME)
    blur = not (root / SETTINGS_FILE).is_file() or open_workspace(root).settings.interface.blur
    files = {
        Path(f"annotation/interface.{in_pass}.{language}.xml"): build_interface(
            scheme, in_pass, language, blur=blur
        )
        for in_pass in PASSES
        for language in LANGUAGES
    }
    files |= {path: _guidelines(root / path, scheme, language) for path, language in _guideline_paths()}
    files[Path("schemas/label_scheme.schema.json")] = _json(label_scheme_schema())
    files[Path("schemas/answer.schema.json")] = _json(answer_schema(scheme))
    return files | {_TABLES / f"{table.name}.schema.json": _json(table_schema(table)) for table in TABLES}


def write_generated(root: Path, *, dry_run: bool = False) -> list[Path]:
    """Bring the generated files up to date; return those that changed or would change.

    A schema of a table that no longer exists is removed. In a workspace this is an event.
    """
    files = generated_files(root)
    changed = _differing(root, files)
    if changed and not dry_run:
        if (root / SETTINGS_FILE).is_file():
            _write_in_workspace(root, files, changed)
        else:
            _write(root, files, changed)
    return changed


def drifted(root: Path) -> list[Path]:
    """Return the generated files that are not what label scheme and tables say now."""
    return _differing(root, generated_files(root))


def _differing(root: Path, files: dict[Path, str]) -> list[Path]:
    known = {path for path in files if (root / path).is_file()}
    changed = [path for path, content in files.items() if path not in known or _read(root / path) != content]
    orphans = [path.relative_to(root) for path in (root / _TABLES).glob("*.schema.json")]
    return sorted([*changed, *(path for path in orphans if path not in files)])


def _write_in_workspace(root: Path, files: dict[Path, str], changed: list[Path]) -> None:
    workspace = open_workspace(root)
    with workspace.locked():
        _write(root, files, changed)
        workspace.record_event("scheme build", workspace.label_scheme.version, {"files": len(changed)})


def _write(root: Path, files: dict[Path, str], changed: list[Path]) -> None:
    for path in changed:
        if path in files:
            write_text(root / path, files[path])
        else:
            (root / path).unlink()


def _guideline_paths() -> Iterator[tuple[Path, Language]]:
    return ((Path(f"annotation/guidelines/{language}.md"), language) for language in LANGUAGES)


def _guidelines(path: Path, scheme: LabelScheme, language: Language) -> str:
    if not path.is_file():
        raise SettingsError(
            f"{path}: the guidelines are missing; write them, or copy them from a new workspace"
        )
    return with_sections(path, _read(path), scheme, language)


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: not valid UTF-8: {error.reason} at byte {error.start}") from error


def _json(value: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"
