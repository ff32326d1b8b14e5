"""The command that asks qualification items and tells how they were answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from aufruf.cli.options import (
    DryRunOption,
    JsonOption,
    SeedOption,
    WorkspaceOption,
    note,
    show_json,
    show_table,
)

if TYPE_CHECKING:
    from aufruf.labelstudio.qualifying import QualifyReport, Result


def qualify(
    annotators: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ANNOTATOR]…", help="Pseudonyms; none given, everybody.", show_default=False),
    ] = None,
    language: Annotated[
        Literal["de", "en"] | None,
        typer.Option("--language", help="Only this language.", show_default="all that they read"),
    ] = None,
    results: Annotated[
        bool, typer.Option("--results", help="Score the pulled answers and write the feedback pages.")
    ] = False,
    seed: SeedOption = 0,
    workspace: WorkspaceOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Ask annotators the qualification items; after `annotate pull qualification`, tell how they did.

    Example: aufruf annotate qualify amsel --language de, later aufruf annotate qualify --results
    """
    from aufruf.errors import InputError
    from aufruf.workspace import open_workspace

    opened = open_workspace(workspace)
    if results:
        from aufruf.labelstudio.qualifying import qualification_results

        if annotators or language:
            raise InputError("--results scores everybody: leave out names and --language")
        found = qualification_results(opened, dry_run=dry_run)
        show_json(found) if as_json else _show_results(found, dry_run=dry_run)
        return
    from aufruf.labelstudio.qualifying import qualify as ask

    report = ask(
        opened, annotators or (), [language] if language else (), seed=seed, dry_run=dry_run, note=note
    )
    show_json(report) if as_json else _show_asked(report, dry_run=dry_run)


def _show_asked(report: QualifyReport, *, dry_run: bool) -> None:
    rows = [
        [entry.annotator, entry.language, f"{entry.new:,}", f"{entry.existing:,}"] for entry in report.asked
    ]
    show_table("qualification", ["annotator", "language", "new", "asked before"], rows)
    if dry_run:
        typer.echo("dry run: nothing was written")
        return
    typer.echo("annotators' passwords lie in secrets.toml; once they have answered:")
    typer.echo("next: aufruf annotate pull qualification && aufruf annotate qualify --results")


def _show_results(found: list[Result], *, dry_run: bool) -> None:
    for result in found:
        rows = [
            [
                line.label,
                line.column,
                f"{line.held_right}/{line.held}",
                f"{line.not_held_right}/{line.not_held}",
                "–" if line.figure is None else f"{line.figure:.2f}",
                f"{line.mark:.2f}",
                "yes" if line.passed else "no",
            ]
            for line in result.labels
        ]
        said = "passed" if result.passed else "not passed"
        title = f"{result.annotator}, {result.language}: {said}; judged {result.judged} of {result.items}"
        columns = ["label", "column", "holds, right", "holds not, right", "figure", "needed", "passed"]
        show_table(title, columns, rows)
        if result.page:
            typer.echo(f"feedback: {result.page}\n")
    typer.echo("The figures measure agreement with answers that were fixed beforehand, not truth.")
    if dry_run:
        typer.echo("dry run: nothing was written")
