"""The command that looks at duplicate clusters: duplicates."""

from __future__ import annotations

from typing import Annotated

import typer

from aufruf.cli.options import JsonOption, WorkspaceOption, show_json, show_table

_PANEL = "Records"


def register(app: typer.Typer) -> None:
    """Add this group's command."""
    app.command("duplicates", rich_help_panel=_PANEL)(duplicates)


def duplicates(
    n: Annotated[int, typer.Option("-n", min=1, help="How many clusters to show, the largest first.")] = 10,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Show the largest duplicate clusters, their weakest pair, and how far apart their records are.

    Example: aufruf duplicates -n 20
    """
    from aufruf.chains import CHAIN_BELOW, largest_clusters
    from aufruf.workspace import open_workspace

    found = largest_clusters(open_workspace(workspace).store, n)
    if as_json:
        show_json(found.to_dicts())
        return
    rows = [
        [cluster, f"{records:,}", _shown(weakest), _shown(least), "chain" if is_chain else ""]
        for cluster, records, weakest, least, is_chain in found.iter_rows()
    ]
    show_table("Largest duplicate clusters", ["cluster", "records", "weakest pair", "farthest", ""], rows)
    typer.echo(
        "weakest pair: the least alike of the pairs that hold a cluster together. farthest: the\n"
        "least similarity of a record with the first of its cluster. Where that is below "
        f"{CHAIN_BELOW}, the\ncluster is a chain: look at its texts before you draw a sample."
    )


def _shown(similarity: float | None) -> str:
    return "-" if similarity is None else f"{similarity:.2f}"
