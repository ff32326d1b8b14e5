"""Commands for releases: export, verify, diff."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aufruf.cli.options import DryRunOption, JsonOption, SeedOption, WorkspaceOption, show_json, show_table

if TYPE_CHECKING:
    from aufruf.baselines.random_split import Flattery
    from aufruf.release.likeness import Likeness

_PANEL = "Releases"


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("export", rich_help_panel=_PANEL)(export)
    app.command("verify", rich_help_panel=_PANEL)(verify)
    app.command("diff", rich_help_panel=_PANEL)(diff)


def export(
    version: Annotated[str, typer.Argument(help="Semantic version above the newest release's.")],
    workspace: WorkspaceOption = None,
    seed: SeedOption = 0,
    by_time: Annotated[
        bool, typer.Option("--by-time", help="Train on the past, test on what was written after it.")
    ] = False,
    also: Annotated[
        list[str] | None,
        typer.Option(
            "--also", metavar="csv,jsonl", help="Formats to write beside Parquet.", show_default=False
        ),
    ] = None,
    final: Annotated[
        bool, typer.Option("--final", help="Refuse unless DATA_CARD.md says all that people must state.")
    ] = False,
    rebuild: Annotated[
        Path | None,
        typer.Option(
            "--rebuild",
            metavar="DIR",
            help="Make a release that is there again, in DIR, from the tables as they were.",
            show_default=False,
        ),
    ] = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make a release of all records with gold labels: splits, card and manifest.

    The version says what changed: meanings of labels (major, before 1.0.0 minor), records or labels added
    (minor), or corrections (patch); one that says less is refused.

    Example: aufruf export 0.1.0 --seed 0
    """
    from aufruf.release.also import known_formats
    from aufruf.release.build import export as make
    from aufruf.workspace import open_workspace

    if rebuild is not None:
        _rebuild(version, rebuild, workspace, dry_run=dry_run, as_json=as_json)
        return
    formats = known_formats([name.strip() for name in ",".join(also or ()).split(",") if name.strip()])
    report = make(
        open_workspace(workspace),
        version,
        seed=seed,
        by_time=by_time,
        dry_run=dry_run,
        also=formats,
        final=final,
    )
    for warning in report.warnings:
        typer.echo(f"warning: {warning}", err=True)
    if as_json:
        show_json(report)
        return
    title = f"{'would be' if dry_run else 'release'} {version}"
    show_table(title, ["split", "records"], [[split, f"{n:,}"] for split, n in report.splits.items()])
    for reason, n in report.left_out.items():
        typer.echo(f"left out: {n:,} ({reason})")
    if report.largest_deviation is not None:
        typer.echo(f"largest deviation from a wanted share: {100 * report.largest_deviation:.1f} points")
    for entry in report.far:
        least = "" if entry.least is None else f", {100 * entry.least:.1f} is the least that units allow"
        typer.echo(f"  {entry.category} (n = {entry.n:,}): {100 * entry.largest:.1f} points{least}")
    for split, at in report.borders.items():
        typer.echo(f"{split} begins: {at}")
    if report.least_version is not None:
        typer.echo(f"least version that says what changed: {report.least_version}")
    typer.echo(f"content: {report.content_sha256}")
    if not dry_run:
        typer.echo(f"release: {report.path}")
        typer.echo(f"next: aufruf verify {report.path}")


def _rebuild(version: str, output: Path, workspace: Path | None, *, dry_run: bool, as_json: bool) -> None:
    from aufruf.release.rebuild import rebuild
    from aufruf.workspace import open_workspace

    if dry_run:
        raise typer.BadParameter("--rebuild writes a new folder only: there is nothing to try first")
    report = rebuild(open_workspace(workspace), version, output)
    if as_json:
        show_json(report)
        return
    typer.echo(f"the same came out: content {report.content_sha256}")
    for name in report.differing:
        typer.echo(f"other bytes: {name}")
    typer.echo(f"release: {report.path}")


def diff(
    before: Annotated[str, typer.Argument(help="A release: its version in the workspace, or its folder.")],
    after: Annotated[str, typer.Argument(help="Another one.")],
    records: Annotated[bool, typer.Option("--records", help="Also list the ids.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what differs between two releases: records, texts, splits, labels and their meanings.

    Example: aufruf diff 1.0.0 1.1.0
    """
    from aufruf.release.changes import compare, read_labelled

    found = compare(*(read_labelled(_release(name, workspace)) for name in (before, after)))
    listed = {name: getattr(found, name) for name in ("added", "removed", "changed_text", "moved")}
    if as_json:
        counts = {name: ids if records else len(ids) for name, ids in listed.items()}
        shown = {name: getattr(found, name) for name in ("relabelled", "meanings", "new_columns", "level")}
        show_json({"before": before, "after": after, **counts, **shown})
        return
    rows = [[name.replace("_", " "), f"{len(ids):,}"] for name, ids in listed.items()]
    show_table(f"{before} → {after}", ["", "records"], rows)
    changed = [[r.column, r.language or "", r.before, r.after, f"{r.n:,}"] for r in found.relabelled]
    if changed:
        show_table("relabelled", ["", "", "from", "to", "records"], changed)
    for told in (*found.meanings, *(f"{name}: is new" for name in found.new_columns)):
        typer.echo(f"label scheme: {told}")
    if records:
        for name, ids in listed.items():
            typer.echo("\n".join(f"{name}\t{each}" for each in ids), nl=bool(ids))


def _release(name: str, workspace: Path | None) -> Path:
    """Return a release's folder, by its path or by its version in the workspace."""
    from aufruf.workspace import open_workspace

    return Path(name) if Path(name).is_dir() else open_workspace(workspace).root / "releases" / name


def verify(
    path: Annotated[Path, typer.Argument(help="Folder of a release; needs no workspace.")],
    baseline: Annotated[
        str | None,
        typer.Option(help="Recipe to train on these splits and on random ones, such as tfidf-logreg."),
    ] = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Check a release's files, content, splits and card against what it says. Exit 3 on a failure.

    Example: aufruf verify releases/0.1.0 --baseline tfidf-logreg
    """
    from aufruf.errors import GateError
    from aufruf.release.verify import verify as check

    report = check(path)
    flattery = _trained_both_ways(path, baseline, seed) if baseline and report.ok else []
    if as_json:
        show_json({**asdict(report), **({"random_split": flattery} if baseline else {})})
    else:
        for failure in report.failures:
            typer.echo(f"FAULT  {failure}")
        rows = [[name.replace("_", " "), f"{n:,}"] for name, n in report.certificate.items()]
        if rows:
            show_table("across splits", ["", "n"], rows)
        if report.likeness is not None:
            typer.echo(_said_of_likeness(report.likeness))
        if flattery:
            title = f"{baseline} on test: these splits, and random ones of the same sizes"
            show_table(title, ["", "", "released", "random", "from", "to"], _shown(flattery))
    if not report.ok:
        failures = len(report.failures)
        raise GateError(f"{path}: {failures} failure{'s' if failures > 1 else ''}; get a sound copy of it")
    if not as_json:
        typer.echo(f"verified: {path}")


def _said_of_likeness(found: Likeness) -> str:
    highest = f"below {found.searched_from}" if found.highest is None else f"{found.highest:.3f}"
    return (
        f"highest similarity across splits: {highest} among {found.texts:,} texts; near-duplicates across "
        f"splits: {found.near_duplicates:,}"
    )


def _trained_both_ways(path: Path, recipe: str, seed: int) -> list[Flattery]:
    from aufruf.baselines.random_split import compare_with_random
    from aufruf.baselines.recipes import load_recipe

    return compare_with_random(path, load_recipe(recipe), seed=seed)


def _shown(flattery: list[Flattery]) -> list[list[str]]:
    def number(value: float | None) -> str:
        return "-" if value is None else f"{value:.3f}"

    return [
        [row.label, row.metric, *map(number, (row.released, row.random, row.lowest, row.highest))]
        for row in flattery
    ]
