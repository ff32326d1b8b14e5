"""Commands about the label scheme: build, show."""

from __future__ import annotations

from typing import Annotated

import typer

from aufruf.cli.options import DryRunOption, JsonOption, WorkspaceOption, show_json, show_table

_PANEL = "Start"


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    scheme = typer.Typer(help="The label scheme, and what is generated from it.", no_args_is_help=True)
    scheme.command("build")(build)
    scheme.command("show")(show)
    app.add_typer(scheme, name="scheme", rich_help_panel=_PANEL)


def build(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 3 and name the files that differ.")
    ] = False,
    dry_run: DryRunOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write what is generated from the label scheme: interface, guidelines' sections, JSON Schemas.

    Works in a workspace and in a checkout of aufruf.

    Example: aufruf scheme build --check
    """
    from aufruf.errors import GateError
    from aufruf.generated import find_root, write_generated

    root = find_root(workspace)
    changed = write_generated(root, dry_run=dry_run or check)
    if as_json:
        show_json({"root": str(root), "changed": [str(path) for path in changed]})
    else:
        for path in changed:
            typer.echo(path)
    if check and changed:
        raise GateError(
            f"{root}: {len(changed)} generated files differ from label scheme and tables: "
            f"{', '.join(map(str, changed))}; run `aufruf scheme build`"
        )


def show(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show the label scheme: its version, its hash, its labels.

    Example: aufruf scheme show --json
    """
    from aufruf.generated import find_root
    from aufruf.generated.files import LABEL_SCHEME
    from aufruf.label_scheme import load_label_scheme

    scheme = load_label_scheme(find_root(workspace) / LABEL_SCHEME)
    if as_json:
        show_json(
            {
                "version": scheme.version,
                "sha256": scheme.sha256,
                "labels": [
                    {"name": label.name, "title": label.title, "auxiliary": label.auxiliary}
                    for label in scheme.labels
                ],
                "voices": scheme.voice_names,
                "attributes": {a.name: a.value_names for a in scheme.attributes},
                "flags": scheme.flag_names,
            }
        )
        return
    rows = [[label.name, label.title.de, label.title.en, label.hotkey] for label in scheme.labels]
    show_table(
        f"label scheme {scheme.version}, {scheme.sha256[:12]}", ["label", "Deutsch", "English", "key"], rows
    )
