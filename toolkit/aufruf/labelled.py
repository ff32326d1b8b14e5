"""Import labelled data sets of others: records, the set's own labels, and the answers that follow from them.

The annotations of a set follow from all that it says of a record, in whatever order its files come in: each
import derives them anew, and what changed is a new revision. They are answers of a named source.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from aufruf.crosswalks.answers import annotations_of, answered, candidates_of, unknown_values
from aufruf.crosswalks.defects import Defects, find_defects
from aufruf.crosswalks.definition import open_crosswalk
from aufruf.crosswalks.reading import SAID, LabelledFile, read_labelled, recognise
from aufruf.errors import InputError
from aufruf.importing import ImportReport, checked_slug, import_id_of, keep, origin_of, staged
from aufruf.intake import silent
from aufruf.pseudonyms import keyed_hashes
from aufruf.records import records_from_items
from aufruf.sources.containers import members_of
from aufruf.sources.items import Batch, Refusal
from aufruf.sources.located import located
from aufruf.sources.reading import files_of, placed
from aufruf.tables import ANNOTATIONS, RECORDS, SOURCE_LABELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from aufruf.crosswalks.definition import Crosswalk, Layout
    from aufruf.intake import Progress
    from aufruf.records import Made, Origin
    from aufruf.staging import Staging
    from aufruf.workspace import Workspace

_SAID = ("labels", "asked", "voices")
_LINKS = pl.Schema({"item": pl.String, "record_id": pl.String})


@dataclass(frozen=True)
class LabelledReport:
    """What the import of a labelled set did.

    ``source_labels`` are the rows of what the set says in its own words. ``annotations`` are the answers
    that follow about the records of this import, ``answers`` the counts of each column and value;
    ``contradictory`` counts labels of records left unanswered because rows about the record contradict
    each other. ``candidates`` counts records by the label that they are candidates for; ``unknown_values``
    are rows by category whose value the crosswalk does not have.
    """

    imported: ImportReport
    crosswalk: str
    source_labels: int
    annotations: int
    answers: dict[str, int]
    contradictory: int
    candidates: dict[str, int]
    unknown_values: dict[str, int]
    defects: Defects

    def counts(self) -> dict[str, Any]:
        """Return what programs read: the counts of the import, and those of the labels."""
        own = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "imported"}
        return {**self.imported.counts(), **own, "defects": asdict(self.defects)}


@dataclass(frozen=True)
class _Derived:
    """What follows from the files: rows of both tables, new or changed, and what to report."""

    source_labels: pl.DataFrame
    annotations: pl.DataFrame
    answers: pl.DataFrame
    current: pl.DataFrame


def import_labelled(  # noqa: PLR0913 -- the command's own options
    workspace: Workspace,
    paths: Sequence[Path],
    crosswalk: str,
    *,
    source: str | None = None,
    max_bad: float = 0.05,
    dry_run: bool = False,
    progress: Progress = silent,
) -> LabelledReport:
    """Import files of a labelled data set through a crosswalk of the workspace; see `import_paths`.

    Files in a folder that are none of the set's are left out with a note. The source is called like the
    crosswalk if it is not given.

    Raises:
        InputError: if there is no such crosswalk or file, or a named file is none of the set's.
        SettingsError: if the crosswalk is wrong.
    """
    rules = open_crosswalk(crosswalk, workspace)
    slug = checked_slug(source or crosswalk)
    with workspace.locked(), ExitStack() as stack:
        found = [stack.enter_context(located(path, None, workspace.cache)) for path in dict.fromkeys(paths)]
        import_id = import_id_of(dict.fromkeys(found, slug), ["crosswalk", rules.sha256])
        origin = _origin(workspace, slug, import_id, rules)
        staging = stack.enter_context(staged(workspace, import_id, [origin], dry_run=dry_run))
        files = _files(found, rules, crosswalk, staging)
        said = pl.concat([_take(file, staging, origin, workspace) for file in files])
        derived = _derive(said, slug, rules, workspace)

        def write() -> dict[str, int | bool]:
            changed = workspace.store.upsert(SOURCE_LABELS, derived.source_labels)
            if not derived.annotations.is_empty():
                changed |= workspace.store.append(ANNOTATIONS, derived.annotations)
            counts = {"source_labels": said.height, "annotations": derived.current.height}
            return {**counts, "changed": changed}

        report = keep(
            workspace,
            import_id,
            staging,
            sources=[slug],
            max_bad=max_bad,
            dry_run=dry_run,
            progress=progress,
            also=write,
        )
    return _report(report, crosswalk, derived, rules, find_defects(files))


def _files(paths: Sequence[Path], rules: Crosswalk, name: str, staging: Staging) -> list[LabelledFile]:
    """Read the files of the set, those without texts last; note what was left out."""
    files: list[LabelledFile] = []
    for path in paths:
        for file_name, file in files_of(path):
            found = list(_labelled(file, file_name, rules, staging))
            if not found and path.is_file():
                raise InputError(f"{file}: no file of '{name}': expected {_layouts(rules)}")
            if not found:
                staging.note([f"{file_name}: no file of '{name}', left out"])
            for entry in found:
                taken = any(other.name == entry.name for other in files)
                unique = f"{file.resolve().parent.name}/{entry.name}" if taken else entry.name
                files.append(replace(entry, name=unique))
    if not files:
        raise InputError(f"no file of '{name}' here: expected {_layouts(rules)}")
    return sorted(files, key=lambda file: file.layout.text is None)


def _labelled(file: Path, name: str, rules: Crosswalk, staging: Staging) -> Iterator[LabelledFile]:
    """Yield what of a file is the set's: itself, compressed or not, or members of an archive."""
    with file.open("rb") as stream:
        for member, content in members_of(stream, name):
            if isinstance(content, Refusal):
                staging.refuse(member, [content])
            elif found := recognise(content, rules):
                yield read_labelled(content, member, found)


def _layouts(rules: Crosswalk) -> str:
    return "; or ".join(_shown(layout) for layout in rules.layouts)


def _shown(layout: Layout) -> str:
    if layout.has_header:
        return "the columns " + ", ".join(name or "(no name)" for name in layout.header)
    return f"no header and {len(layout.header)} columns: {', '.join(layout.header)}"


def _origin(workspace: Workspace, slug: str, import_id: str, rules: Crosswalk) -> Origin:
    origin = origin_of(workspace, slug, import_id)
    return replace(origin, rights=origin.rights or rules.license, language=rules.language or "und")


def _take(file: LabelledFile, staging: Staging, origin: Origin, workspace: Workspace) -> pl.DataFrame:
    """Make records of a file's rows; return what it says of them: `SAID`, ``record_id`` and ``file``."""
    items = file.items()
    staging.refuse(file.name, file.refusals)
    if file.layout.text is not None:
        given = placed(file.name, Batch(items))
        made = staging.add(given, records_from_items(given, origin))
        links = _links(items, made)
    else:
        links = _links_by_id(items, staging, origin, workspace)
        staging.about(links.height)
        lost = items.join(links, on="item", how="anti", maintain_order="left")["item"]
        staging.refuse(file.name, [Refusal(item, "no_record", "no text has this id here") for item in lost])
    said = file.said().join(links, on="item", how="inner", maintain_order="left")
    return said.with_columns(file=pl.lit(file.name))


def _links(items: pl.DataFrame, made: Made) -> pl.DataFrame:
    kept = items.join(made.refused, on="item", how="anti", maintain_order="left")
    return kept.select("item", record_id=made.units)


def _links_by_id(items: pl.DataFrame, staging: Staging, origin: Origin, workspace: Workspace) -> pl.DataFrame:
    """Return the newest record of each item's id, from this import or the workspace."""
    stored = workspace.store.scan(RECORDS).filter(pl.col("source") == origin.source)
    columns = ("post_id", "record_id", "supersedes")
    staging.finish()
    known = pl.concat([stored.select(columns), staging.records().select(columns)]).collect()
    newest = known.join(known, left_on="record_id", right_on="supersedes", how="anti").unique(
        "post_id", keep="last", maintain_order=True
    )
    posts = keyed_hashes(origin.key, "post", origin.source, "id", items["id"], None, None)
    return (
        items.select("item", post_id=posts)
        .join(newest, on="post_id", how="inner", maintain_order="left")
        .select(_LINKS.names())
    )


def _derive(said: pl.DataFrame, slug: str, rules: Crosswalk, workspace: Workspace) -> _Derived:
    labels = _source_labels(said, slug, rules)
    stored = workspace.store.scan(SOURCE_LABELS).filter(pl.col("source") == slug).collect()
    touched = labels.select("record_id").unique()
    before = stored.join(labels, on=SOURCE_LABELS.key, how="anti")
    every = pl.concat([before.join(touched, on="record_id", how="semi"), labels])
    scheme = workspace.label_scheme
    answers = answered(every, rules, scheme)
    current = annotations_of(answers, slug, scheme)
    old = workspace.store.scan(ANNOTATIONS).filter(pl.col("round") == f"source:{slug}").collect()
    version = f"crosswalk:{rules.sha256[:12]}"
    changed = _changed(current, old.join(touched, on="record_id", how="semi"))
    return _Derived(labels, _revisions(changed, scheme.sha256, version), answers, current)


def _source_labels(said: pl.DataFrame, slug: str, rules: Crosswalk) -> pl.DataFrame:
    whole = f"source:{slug}"
    rows = (
        said.select("record_id", "file", *SAID.names())
        .with_columns(
            source=pl.lit(slug),
            annotator=pl.when(pl.col("annotator").is_null())
            .then(pl.lit(whole))
            .otherwise(pl.format(whole + "/{}", "annotator")),
            key=pl.col("value").str.to_lowercase(),
        )
        .join(candidates_of(rules), left_on=["column", "key"], right_on=["column", "value"], how="left")
        .with_columns(pl.col("candidate_for").fill_null([]))
    )
    return SOURCE_LABELS.conform(rows.select(SOURCE_LABELS.schema.names()))


def _changed(current: pl.DataFrame, old: pl.DataFrame) -> pl.DataFrame:
    """Return the annotations that are new, say something else than before, or say nothing any more."""
    newest = old.filter(pl.col("revision") == pl.col("revision").max().over("annotation_uuid"))
    before = newest.select("annotation_uuid", "revision", "state", "created_at", *_SAID)
    joined = current.join(before, on="annotation_uuid", how="left", suffix="_before", maintain_order="left")
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_before")) for name in _SAID)
    other = joined.filter(~(same & pl.col("state").eq_missing(pl.lit("live"))))
    gone = newest.filter(pl.col("state") == "live").join(current, on="annotation_uuid", how="anti")
    columns = (*current.columns, "revision", "created_at")
    return pl.concat(
        [
            other.select(*columns, state=pl.lit("live")),
            gone.select(*columns, state=pl.lit("deleted")),
        ]
    )


def _revisions(changed: pl.DataFrame, scheme_sha256: str, version: str) -> pl.DataFrame:
    now = datetime.now(UTC)
    full = changed.with_columns(
        pl.col("revision").fill_null(0) + 1,
        pl.col("created_at").fill_null(now),
        updated_at=now,
        task_key="annotation_uuid",
        flags=pl.lit([], pl.List(pl.String)),
        scheme_sha256=pl.lit(scheme_sha256),
        guideline_version=pl.lit(version),
        **{"pass": pl.lit("triage")},
    )
    empty = [
        pl.lit(None, dtype).alias(name) for name, dtype in ANNOTATIONS.schema.items() if name not in full
    ]
    return ANNOTATIONS.conform(full.with_columns(empty))


def _report(
    imported: ImportReport, crosswalk: str, derived: _Derived, rules: Crosswalk, defects: Defects
) -> LabelledReport:
    candidates = (
        derived.source_labels.select("record_id", "candidate_for")
        .explode("candidate_for")
        .drop_nulls()
        .unique()
    )
    return LabelledReport(
        imported=imported,
        crosswalk=crosswalk,
        source_labels=derived.source_labels.height,
        annotations=derived.current.height,
        answers=_answer_counts(derived.answers),
        contradictory=int(derived.answers["contradictory"].sum()),
        candidates=dict(sorted(Counter(candidates["candidate_for"]).items())),
        unknown_values=unknown_values(derived.source_labels, rules),
        defects=defects,
    )


def _answer_counts(answers: pl.DataFrame) -> dict[str, int]:
    """Count answers by column and value, such as ``threat_contained=true``."""
    counts: Counter[str] = Counter()
    for name in ("contained", "author"):
        for label, value in answers.drop_nulls(name).select("label", name).iter_rows():
            counts[f"{label}_{name}={str(value).lower()}"] += 1
    return dict(sorted(counts.items()))
