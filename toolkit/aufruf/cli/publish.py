"""The command that puts a release on the Hub: publish."""

from __future__ import annotations

from typing import Annotated

import typer

from aufruf.cli.options import DryRunOption, JsonOption, WorkspaceOption, show_json


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("publish", rich_help_panel="Releases")(publish)


def publish(
    version: Annotated[str, typer.Argument(help="The release.")],
    repo: Annotated[str, typer.Option("--repo", help="Repository of data sets on the Hub, as me/set.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only say what would be done.")] = False,
    workspace: WorkspaceOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Upload a verified, final release to a private repository in one commit, and tag it.

    Without --yes nothing is sent. The token comes from HF_TOKEN. Exit 3 if the release must not go out.

    Example: aufruf publish 1.0.0 --repo me/set
    """
    from aufruf.release.publish import publish as upload
    from aufruf.workspace import open_workspace

    report = upload(open_workspace(workspace), version, repo, yes=yes and not dry_run)
    if as_json:
        show_json(report)
        return
    what = f"{report.files} files, {report.bytes / 1e6:.1f} MB, to {report.repo} as {report.tag}"
    if report.commit is None:
        typer.echo(f"would be published, private: {what}; do it with --yes")
    else:
        typer.echo(f"published: {what}\ncommit: {report.commit}\n{report.url}")
