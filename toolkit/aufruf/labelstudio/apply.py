"""Bring a planned round into Label Studio: accounts, projects, tasks, each of them once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from aufruf.context import with_context
from aufruf.errors import InputError, ServerError, SettingsError
from aufruf.kept_schemes import keep_version
from aufruf.labelstudio.accounts import ensure_accounts
from aufruf.labelstudio.adjudication_tasks import with_disputes
from aufruf.labelstudio.api import connect
from aufruf.labelstudio.elements import TEXT
from aufruf.labelstudio.instruction import guidelines_html
from aufruf.labelstudio.interface import SETTLED, build_interface, settled_choices
from aufruf.labelstudio.migration import lost_names, told
from aufruf.labelstudio.notes import silent
from aufruf.labelstudio.projects import (
    TASK_KEY,
    Filled,
    ProjectPlan,
    ensure_project,
    ensure_tasks,
    projects_on_server,
)
from aufruf.labelstudio.releasing import first_day, release
from aufruf.labelstudio.rounds import annotators_of, planned_or_error, settled_in
from aufruf.labelstudio.suggestions import check_allowed, ensure_suggestions, marked
from aufruf.tables import ASSIGNMENTS, EVENTS, RECORDS
from aufruf.views import ADJUDICATION

if TYPE_CHECKING:
    from aufruf.label_scheme import Language, TaskPass
    from aufruf.labelstudio.api import Api
    from aufruf.labelstudio.notes import Note
    from aufruf.labelstudio.projects import Found
    from aufruf.labelstudio.releasing import Release
    from aufruf.labelstudio.suggestions import Suggestions
    from aufruf.workspace import Workspace


@dataclass(frozen=True)
class ProjectReport:
    """One project of a round. ``tasks`` counts those that are in it."""

    project_id: int
    title: str
    annotator: str
    language: Language
    tasks: int


@dataclass(frozen=True)
class ApplyReport:
    """What was brought in: ``created`` tasks are new, ``existing`` ones were there.

    ``repaired`` counts surplus copies that were removed, left by a run that was cut off. ``day`` is the day
    of the round, from 0; ``waiting`` tasks are due on a later one, ``held`` ones are due and not given out:
    they would be more than a budget allows beside what is open, or their annotator has left.
    """

    round: str
    in_pass: TaskPass
    created: int
    existing: int
    repaired: int
    day: int
    waiting: int
    held: int
    projects: list[ProjectReport]


@dataclass(frozen=True)
class _Job:
    """One project to make or complete, with its tasks in their order."""

    plan: ProjectPlan
    rows: pl.DataFrame
    tasks: list[dict[str, Any]]


def apply(  # noqa: PLR0913 -- the command's options
    workspace: Workspace,
    round_name: str,
    in_pass: TaskPass = "triage",
    *,
    day: int | None = None,
    suggestions: Suggestions | None = None,
    dry_run: bool = False,
    note: Note = silent,
) -> ApplyReport:
    """Make accounts, projects and those tasks of a planned round that are due in Label Studio.

    Run it again whenever it was cut off or the plan has grown, and each day of a round with budgets: what is
    there stays, what is missing or due by now is added. ``day`` stands for today's day of the round. New
    tasks for the main purpose get a model's ``suggestions``, if the plan allows that.

    Raises:
        InputError: if the round is not planned, or suggestions are given and it is blind.
        SettingsError: if the label scheme no longer has what answers of the round use, or was changed since
            tasks of another pass than triage were brought in.
        ServerError: if Label Studio cannot be reached or refuses, or a project of the round is gone.
    """
    with workspace.locked():
        planned = _by_scheme(workspace, planned_or_error(workspace, round_name, in_pass), in_pass)
        if not dry_run:
            keep_version(workspace)
        if suggestions is not None:
            check_allowed(workspace, round_name, in_pass)
        people = annotators_of(workspace)
        start = first_day(workspace, round_name, in_pass)
        with connect(workspace) as api:
            known = projects_on_server(api)
            _nothing_lost(api, planned, known)
            due = release(workspace, api, planned, people, in_pass=in_pass, start=start, day=day)
            if dry_run:
                there = Filled(due.new, due.tasks.height - due.new, 0)
                return _report(round_name, in_pass, due, there, [])
            names = planned.get_column("annotator").unique()
            ensure_accounts(workspace, api, [person for person in people if person.id in names])
            jobs = _in_projects(workspace, api, _jobs(workspace, due.tasks, suggestions), known)
            filled = _brought(workspace, api, jobs, note)
            if suggestions is not None:
                for job in jobs:
                    ensure_suggestions(
                        api, job.rows.item(0, "project_id"), job.rows, suggestions, workspace.label_scheme
                    )
            report = _report(round_name, in_pass, due, filled, jobs)
            if due.new or filled.created or filled.repaired or start is None:
                older = planned.filter(pl.col("scheme_sha256") != workspace.label_scheme.sha256).height
                _record(workspace, report, older)
    return report


def _in_projects(workspace: Workspace, api: Api, jobs: list[_Job], known: dict[int, Found]) -> list[_Job]:
    """Make the projects and write down which task goes where, before any is sent.

    A run that is cut off leaves tasks written down that are not there yet, never the other way round: the
    next run brings in these, whatever the day.
    """
    placed: list[_Job] = []
    for job in jobs:
        recorded = job.rows.get_column("project_id").drop_nulls()
        project = ensure_project(api, job.plan, known, None if recorded.is_empty() else recorded[0])
        rows = job.rows.with_columns(project_id=pl.lit(project, pl.Int64))
        placed.append(replace(job, rows=rows))
    if placed:
        workspace.store.upsert(ASSIGNMENTS, pl.concat(job.rows for job in placed))
    return placed


def _brought(workspace: Workspace, api: Api, jobs: list[_Job], note: Note) -> Filled:
    """Bring the tasks into their projects, and count them there."""
    marker = workspace.cache / "labelstudio" / "importing"
    created = existing = repaired = 0
    for number, job in enumerate(jobs, start=1):
        filled = ensure_tasks(api, job.rows.item(0, "project_id"), job.tasks, marker)
        created, existing = created + filled.created, existing + filled.existing
        repaired += filled.repaired
        note(f"project {number} of {len(jobs)}: {filled.created} new, {filled.existing} there before")
    return Filled(created, existing, repaired)


def _report(
    round_name: str, in_pass: TaskPass, due: Release, filled: Filled, jobs: list[_Job]
) -> ApplyReport:
    return ApplyReport(
        round=round_name,
        in_pass=in_pass,
        created=filled.created,
        existing=filled.existing,
        repaired=filled.repaired,
        day=due.day,
        waiting=due.waiting,
        held=due.held,
        projects=[
            ProjectReport(
                job.rows.item(0, "project_id"),
                job.plan.title,
                job.plan.annotator,
                job.plan.language,
                len(job.tasks),
            )
            for job in jobs
        ],
    )


def _record(workspace: Workspace, report: ApplyReport, older: int) -> None:
    """Record what was brought in, and how many tasks ask by an older label scheme."""
    counts = {"created": report.created, "existing": report.existing, "repaired": report.repaired}
    left = {"day": report.day, "waiting": report.waiting, "held": report.held}
    details = {"pass": report.in_pass, "projects": len(report.projects), **counts, **left}
    if older:
        details["by_older_scheme"] = older
    workspace.record_event("apply", report.round, details)


def _by_scheme(workspace: Workspace, planned: pl.DataFrame, in_pass: TaskPass) -> pl.DataFrame:
    """Return the assignments with the label scheme that each asks by.

    A project's page stays as it was made: all its tasks ask by that scheme, and a pull takes their answers
    to the one in force. Other pages than triage's cannot ask about a label that they do not know.
    """
    scheme = workspace.label_scheme.sha256
    placed = pl.col("scheme_sha256").filter(pl.col("project_id").is_not_null()).first()
    asks = placed.over("language", "annotator").fill_null(scheme)
    by = planned.with_columns(scheme_sha256=asks)
    older = by.filter(pl.col("scheme_sha256") != scheme)
    if older.is_empty():
        return by
    path = workspace.root / "schemas" / "label_scheme.toml"
    lost = lost_names(workspace, older)
    if lost:
        raise SettingsError(
            f"{path}: the label scheme was changed since tasks of this round were brought in, and no longer "
            f"has {told(lost)}: put it back, or say what becomes of them with `aufruf annotate migrate --map "
            "FILE`"
        )
    if in_pass != "triage":
        raise SettingsError(
            f"{path}: the label scheme was changed since tasks of this round's {in_pass} pass were brought "
            "in: put it back for this round, and plan the next with the new one"
        )
    return by


def _nothing_lost(api: Api, planned: pl.DataFrame, known: dict[int, Found]) -> None:
    """Refuse to make a project anew whose answers may be lost: nobody would notice."""
    gone = planned.filter(pl.col("project_id").is_not_null() & ~pl.col("project_id").is_in(list(known)))
    if not gone.is_empty():
        numbers = ", ".join(map(str, gone.get_column("project_id").unique().sort()))
        raise ServerError(
            f"{api.url}: projects {numbers} of this round are gone: someone deleted them, or this is another "
            "server: restore the server's backup, or plan a new round"
        )


def _jobs(workspace: Workspace, planned: pl.DataFrame, suggestions: Suggestions | None = None) -> list[_Job]:
    if planned.is_empty():
        return []
    scheme = workspace.label_scheme
    data = _task_data(workspace, planned)
    guidelines = workspace.root / "annotation" / "guidelines"
    languages = data.get_column("language").unique()
    instructions = {language: guidelines_html(guidelines / f"{language}.md") for language in languages}
    jobs: list[_Job] = []
    for (language, annotator), rows in planned.group_by("language", "annotator", maintain_order=True):
        first = rows.row(0, named=True)
        plan = ProjectPlan(
            round=first["round"],
            in_pass=first["pass"],
            language=first["language"],
            annotator=first["annotator"],
            identity=_identity(workspace, first["round"], first["pass"], f"{language}\0{annotator}"),
            interface=build_interface(
                scheme, first["pass"], first["language"], blur=workspace.settings.interface.blur
            ),
            instruction=instructions[language],
            guideline_version=workspace.guideline_version(first["language"]),
        )
        mine = rows.select(TASK_KEY).join(data, on=TASK_KEY, maintain_order="left").drop("language")
        tasks = mine.to_dicts()
        jobs.append(_Job(plan, rows, tasks if suggestions is None else marked(tasks, rows, suggestions)))
    return jobs


def _task_data(workspace: Workspace, planned: pl.DataFrame) -> pl.DataFrame:
    """Return what annotators see of each task: neither outlet nor author."""
    store = workspace.store
    ids = planned.select("record_id").unique()
    records = store.scan(RECORDS).join(ids.lazy(), on="record_id", how="semi").collect()
    if records.height != ids.height:
        raise InputError(f"{ids.height - records.height} records of the round are no longer in the workspace")
    articles = records.get_column("article_id").drop_nulls().unique()
    answered = records.get_column("reply_to").drop_nulls().unique()
    near = pl.col("article_id").is_in(articles.implode()) | pl.col("post_id").is_in(answered.implode())
    every = store.scan(RECORDS).filter(near.fill_null(value=False)).collect()
    shown = with_context(records, every).select("record_id", TEXT, "context_before", "context_after")
    data = planned.select(TASK_KEY, "record_id", "pass", "language").join(shown, on="record_id")
    if data.item(0, "pass") == "detail":
        data = _with_settled(workspace, data)
    if data.item(0, "pass") == ADJUDICATION:
        data = with_disputes(workspace, data)
    return data.drop("record_id", "pass")


def _with_settled(workspace: Workspace, data: pl.DataFrame) -> pl.DataFrame:
    scheme = workspace.label_scheme
    labels: dict[str, list[str]] = dict(settled_in(workspace).group_by("record_id").agg("label").iter_rows())
    values = [
        settled_choices(scheme, labels.get(record, ()), language)
        for record, language in data.select("record_id", "language").iter_rows()
    ]
    return data.with_columns(pl.Series(SETTLED, values))


def _identity(workspace: Workspace, round_name: str, in_pass: TaskPass, rest: str) -> str:
    """Return what tells this project from any other of any workspace on the same server."""
    events = workspace.store.scan(EVENTS).filter(pl.col("n") == 1).select("sha256").collect()
    content = f"{events.item()}\0{round_name}\0{in_pass}\0{rest}"
    return hashlib.sha256(content.encode()).hexdigest()[:16]
