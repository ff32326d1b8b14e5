"""Import files of which some are exports of Label Studio: their texts, and what was answered about them.

Answers to our interface become annotations of the source, whoever's server they come from; choices in
another interface are kept in their own words, so that a crosswalk can be written for them. A round of this
workspace is brought in by a pull, which knows what was planned, and is left out here.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from aufruf.errors import InputError
from aufruf.importing import ImportReport, import_paths, origin_of, slug_of
from aufruf.intake import silent
from aufruf.labelstudio.answers import Refusal as RefusedAnswer
from aufruf.labelstudio.export_rows import Said, Shown, Source, said_of
from aufruf.labelstudio.projects import TASK_KEY
from aufruf.masking import mask
from aufruf.records import records_from_items
from aufruf.sources.containers import members_of
from aufruf.sources.items import Refusal
from aufruf.sources.labelstudio import Task, is_export, read_labelstudio, tasks_of
from aufruf.sources.located import located
from aufruf.sources.reading import files_of, given_map, placed
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, QUARANTINE, SOURCE_LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from aufruf.intake import Progress
    from aufruf.records import Origin
    from aufruf.sources.fields import FieldMap
    from aufruf.sources.formats import Format
    from aufruf.workspace import Workspace

_CONTENT = ("state", "labels", "voices", "attributes", "spans", "flags", "comment", "seconds")


@dataclass(frozen=True)
class ExportReport:
    """What the import of exports did, beside what it did with their texts.

    ``annotations`` are answers to our interface, ``skipped`` those of them that judged nothing; ``others``
    are annotations of another interface, ``source_labels`` the choices in them. ``left_out`` counts what was
    not taken: free text and drawings, tasks whose text is no post, tasks of this workspace's own rounds.
    ``refused`` counts answers that were wrong, by reason.
    """

    imported: ImportReport
    annotations: int = 0
    skipped: int = 0
    others: int = 0
    source_labels: int = 0
    left_out: dict[str, int] = field(default_factory=dict[str, int])
    refused: dict[str, int] = field(default_factory=dict[str, int])

    def counts(self) -> dict[str, Any]:
        """Return what programs read: the counts of the import, and those of the annotations."""
        own = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "imported"}
        return {**self.imported.counts(), **own}


@dataclass
class _Gathered:
    """What the exports of an import say, as rows to be written. ``own`` are the tasks of rounds here."""

    own: set[str]
    annotations: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    labels: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    quarantine: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    others: int = 0
    left_out: Counter[str] = field(default_factory=Counter[str])

    def take(
        self,
        tasks: Iterable[Task | Refusal],
        shown: Mapping[str, Shown],
        source: Source,
        place: tuple[str, str],
    ) -> None:
        """Add the annotations of a file's tasks; ``place`` names the import and the file.

        Nothing tells by which interface a task was skipped: by ours, if others in the file were answered so.
        """
        skipped: list[dict[str, Any]] = []
        before = len(self.annotations)
        for task in tasks:
            if isinstance(task, Refusal) or not task.annotations:
                continue
            if task.data.get(TASK_KEY) in self.own:
                self.left_out["tasks of rounds here, to be pulled"] += 1
            elif task.item not in shown:
                self.left_out["tasks whose text is no post"] += 1
            else:
                skipped += self._take_task(task, shown[task.item], source, place)
        if len(self.annotations) > before:
            self.annotations += skipped
        else:
            self.left_out["tasks skipped in another interface"] += len(skipped)

    def _take_task(
        self, task: Task, shown: Shown, source: Source, place: tuple[str, str]
    ) -> Iterator[dict[str, Any]]:
        """Add the annotations of a task, and yield those that only say that it was skipped."""
        import_id, file = place
        for number, raw in enumerate(task.annotations, 1):
            item = task.item if len(task.annotations) == 1 else f"{task.item}.{number}"
            try:
                said = said_of(raw, task, shown, source)
            except RefusedAnswer as refusal:
                row = {"import_id": import_id, "file": file, "item": f"{item} annotation"}
                self.quarantine.append({**row, "reason": refusal.reason, "message": refusal.message})
                continue
            if said.is_skipped and said.row is not None:
                yield said.row
            elif said.row is not None:
                self.annotations.append(said.row)
            self.others += bool(said.choices)
            self.labels += _label_rows(said, item, shown.record_id, file, source.slug)
            self.left_out["answers that are no choice"] += said.left_out


def import_with_answers(  # noqa: PLR0913 -- the command's own options
    workspace: Workspace,
    paths: Sequence[Path],
    *,
    format: Format | None = None,  # noqa: A002 -- as the command line says
    field_map: FieldMap | Path | None = None,
    source: str | None = None,
    max_bad: float = 0.05,
    dry_run: bool = False,
    progress: Progress = silent,
) -> ImportReport | ExportReport:
    """Import files and folders, see `import_paths`; of exports of Label Studio, the annotations too.

    An answer that has changed since an earlier import is a new revision. Accounts become pseudonyms.

    Raises:
        InputError: if a path or file is not what it must be; nothing is written then.
        WorkspaceError: if another process is writing, or the pseudonym key was destroyed.
    """
    with ExitStack() as stack:
        found = [stack.enter_context(located(path, format, workspace.cache)) for path in paths]
        imported = import_paths(
            workspace,
            found,
            format=format,
            field_map=field_map,
            source=source,
            max_bad=max_bad,
            dry_run=dry_run,
            progress=progress,
        )
        exports = [(path, name, file) for path in found for name, file in _files_with_exports(path, format)]
        if not exports:
            return imported
        given = given_map(field_map)
        with workspace.locked():
            gathered = _Gathered(set(workspace.store.scan(ASSIGNMENTS).select(TASK_KEY).collect()[TASK_KEY]))
            for path, name, file in exports:
                origin = origin_of(workspace, slug_of(path, source), imported.import_id)
                asked = Source(origin.source, origin.key, workspace.label_scheme, datetime.now(UTC))
                for member, content in _exports_in(file, name):
                    shown = dict(_shown(content, member, given, origin))
                    content.seek(0)
                    gathered.take(tasks_of(content), shown, asked, (imported.import_id, member))
            report = _report(imported, gathered)
            if not dry_run:
                _write(workspace, gathered, report)
    return report


def _files_with_exports(path: Path, format_: str | None) -> Iterator[tuple[str, Path]]:
    if format_ not in (None, "labelstudio") or not path.exists():
        return
    for name, file in files_of(path):
        if any(True for _ in _exports_in(file, name)):
            yield name, file


def _exports_in(file: Path, name: str) -> Iterator[tuple[str, BinaryIO]]:
    """Yield the exports in a file: itself, compressed or not, or members of an archive.

    What cannot be read was told by the import of the texts.
    """
    try:
        with file.open("rb") as stream:
            for member, content in members_of(stream, name):
                if not isinstance(content, Refusal) and is_export(content):
                    yield member, content
    except InputError:
        return


def _shown(content: BinaryIO, name: str, given: FieldMap, origin: Origin) -> Iterator[tuple[str, Shown]]:
    """Yield the items of an export's tasks with their texts and the records that were made of them."""
    for batch in read_labelstudio(content, name, given):
        items = placed(name, batch).filter(pl.col("kind") == "post")
        made = records_from_items(items, origin)
        kept = items.join(made.refused, on="item", how="anti", maintain_order="left")
        rows = kept.select("item", "text").with_columns(record_id=made.units)
        for item, text, record_id in rows.iter_rows():
            yield item, Shown(record_id, text, mask(text, origin.key, origin.mask))


def _label_rows(said: Said, place: str, record_id: str, name: str, slug: str) -> Iterator[dict[str, Any]]:
    for number, (column, value) in enumerate(said.choices, 1):
        yield {
            "record_id": record_id,
            "source": slug,
            "file": name,
            "item": place if len(said.choices) == 1 else f"{place}/{number}",
            "annotator": said.annotator,
            "split": None,
            "column": column,
            "value": value,
            "candidate_for": [],
        }


def _write(workspace: Workspace, gathered: _Gathered, report: ExportReport) -> None:
    """Write what is new or changed; the event only if anything is."""
    labels = pl.DataFrame(gathered.labels, schema=SOURCE_LABELS.schema)
    refused = pl.DataFrame(gathered.quarantine, schema=QUARANTINE.schema)
    changed = _revised(gathered.annotations, workspace)
    written = [
        workspace.store.upsert(QUARANTINE, refused),
        workspace.store.upsert(SOURCE_LABELS, labels),
        workspace.store.upsert(ANNOTATIONS, changed),
    ]
    if any(written):
        own = {name: value for name, value in report.counts().items() if name not in report.imported.counts()}
        workspace.record_event("import answers", report.imported.import_id, own)


def _revised(rows: list[dict[str, Any]], workspace: Workspace) -> pl.DataFrame:
    """Return the annotations that are new or say something else than their newest revision."""
    schema = {name: dtype for name, dtype in ANNOTATIONS.schema.items() if name != "revision"}
    fresh = pl.DataFrame([{"asked": None, **row} for row in rows], schema=schema)
    fresh = fresh.unique("annotation_uuid", keep="last", maintain_order=True)
    uuids = fresh.lazy().select("annotation_uuid")
    stored = workspace.store.scan(ANNOTATIONS).join(uuids, on="annotation_uuid", how="semi").collect()
    newest = stored.sort("revision").unique("annotation_uuid", keep="last")
    joined = fresh.join(
        newest.select("annotation_uuid", "revision", *_CONTENT),
        on="annotation_uuid",
        how="left",
        suffix="_before",
        maintain_order="left",
    )
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_before")) for name in _CONTENT)
    changed = joined.filter(pl.col("revision").is_null() | ~same)
    return ANNOTATIONS.conform(
        changed.with_columns(pl.col("revision").fill_null(0) + 1).select(ANNOTATIONS.schema.names())
    )


def _report(imported: ImportReport, gathered: _Gathered) -> ExportReport:
    states = Counter(row["state"] for row in gathered.annotations)
    return ExportReport(
        imported,
        annotations=states.total(),
        skipped=states["skipped"],
        others=gathered.others,
        source_labels=len(gathered.labels),
        left_out={reason: n for reason, n in sorted(gathered.left_out.items()) if n},
        refused=dict(sorted(Counter(row["reason"] for row in gathered.quarantine).items())),
    )
