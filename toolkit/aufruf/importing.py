"""Import files into a workspace: read, make records, leave out what is there, commit.

What was made waits on disk until all is read (see `aufruf.staging`). Then each table gets one commit, in
the order quarantine, records, pairs, clusters, event. What an import is called follows from its files, and
each commit bears that name: after a crash at any moment the same command ends as if nothing had happened,
and a second run changes nothing.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

from aufruf.clustering import foreseen_clusters, update_clusters
from aufruf.crosswalks.definition import known_crosswalks
from aufruf.crosswalks.reading import sets_of
from aufruf.errors import InputError
from aufruf.files import sha256_of
from aufruf.intake import silent, take_in
from aufruf.novelty import novel_records
from aufruf.pseudonyms import key_id
from aufruf.records import Origin
from aufruf.settings import Source
from aufruf.sources.items import REFUSALS, is_damage
from aufruf.sources.located import STANDARD_INPUT, forget_spooled, located
from aufruf.sources.reading import files_of, given_map, parts_of
from aufruf.staging import Staging
from aufruf.tables import CLUSTERS, DUPLICATES, EVENTS, PLATFORM_IDS, QUARANTINE, RECORDS, SIGNATURES
from aufruf.tombstones import screen_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from aufruf.intake import Progress
    from aufruf.sources.fields import FieldMap
    from aufruf.sources.formats import Format
    from aufruf.staging import Totals
    from aufruf.workspace import Workspace

_ID_DIGITS = 16
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


@dataclass(frozen=True)
class ImportReport:
    """What an import did, in source items but for ``records``, ``languages`` and ``kinds``.

    ``read`` = ``kept`` + quarantined; ``kept`` = ``new`` + ``known``. ``records`` are the rows that were
    made of new items; ``clusters`` the duplicate clusters of two or more that hold any of the items.
    """

    import_id: str
    read: int
    kept: int
    new: int
    known: int
    quarantined: dict[str, int]
    records: int
    languages: dict[str, int]
    kinds: dict[str, int]
    clusters: int
    notes: tuple[str, ...] = ()
    max_bad: float = 0.05

    @property
    def bad(self) -> int:
        """The number of quarantined items."""
        return sum(self.quarantined.values())

    @property
    def damaged(self) -> int:
        """The number of items that were quarantined for damage: the others are what any source has."""
        return sum(n for reason, n in self.quarantined.items() if is_damage(reason))

    @property
    def passed(self) -> bool:
        """Whether no larger share of the items is damaged than is allowed."""
        return self.damaged <= self.max_bad * self.read

    def counts(self) -> dict[str, Any]:
        """Return what programs read: everything but notes and the limit."""
        names = [name for name in self.__dataclass_fields__ if name not in ("notes", "max_bad")]
        return {name: getattr(self, name) for name in names}


def import_paths(  # noqa: PLR0913 -- the command's own options
    workspace: Workspace,
    paths: Sequence[Path],
    *,
    format: Format | None = None,  # noqa: A002 -- as the command line says
    field_map: FieldMap | Path | None = None,
    source: str | None = None,
    max_bad: float = 0.05,
    dry_run: bool = False,
    progress: Progress = silent,
) -> ImportReport:
    """Import files and folders as one import; good items are kept even if too many are bad.

    Whether the share of bad items is above ``max_bad`` is for the caller to see: `ImportReport.passed`.
    Memory does not grow with the number of posts; articles are compared as a whole. An import that was
    stopped is taken up where it was when it is run again, as long as no other import came in between.

    Raises:
        InputError: if a path or file is not what it must be; nothing is written then.
        WorkspaceError: if another process is writing, or the pseudonym key was destroyed.
    """
    given = given_map(field_map)
    with workspace.locked(), ExitStack() as stack:
        forget_spooled(workspace.cache)
        found = [stack.enter_context(located(path, format, workspace.cache)) for path in _once(paths)]
        slugs = {path: slug_of(path, source) for path in found}
        import_id = import_id_of(slugs, [dict(sorted(given.columns.items())), given.kind, format])
        origins = {slug: origin_of(workspace, slug, import_id) for slug in slugs.values()}
        in_order = [file.resolve() for path in found for _, file in files_of(path)]
        with staged(workspace, import_id, origins.values(), in_order, dry_run=dry_run) as staging:
            parts = [(part, slug) for path, slug in slugs.items() for part in parts_of(path, format, given)]
            take_in(staging, parts, origins, progress)
            return keep(
                workspace,
                import_id,
                staging,
                sources=slugs.values(),
                max_bad=max_bad,
                dry_run=dry_run,
                progress=progress,
                notes=tuple(_labels_left_out(found, workspace)),
            )


def _labels_left_out(paths: Sequence[Path], workspace: Workspace) -> Iterator[str]:
    """Say of which files a crosswalk would read the labels too."""
    crosswalks = known_crosswalks(workspace)
    for name, file in (each for path in paths for each in files_of(path)):
        for slug in sets_of(file, crosswalks):
            yield (
                f"{name}: laid out like a file of '{slug}'; its labels were left out: to have them, import "
                f"it with --crosswalk {slug} instead"
            )


def _once(paths: Sequence[Path]) -> list[Path]:
    """Return paths, each once, however it is spelled."""
    return list({path if path == STANDARD_INPUT else path.resolve(): path for path in paths}.values())


@contextmanager
def staged(
    workspace: Workspace,
    import_id: str,
    origins: Iterable[Origin],
    in_order: Sequence[Path] | None = None,
    *,
    dry_run: bool = False,
) -> Generator[Staging]:
    """Give an empty place or what a stopped run of the same import left, files in the same order.

    It is empty again after success and after an error in the input. What other imports left is removed:
    it holds texts that no table knows of. A dry run has a place of its own, and nothing is taken up without
    an order of files.
    """
    about = [(o.source, key_id(o.key), o.mask, o.rights, o.outlet, o.language, o.keep_ids) for o in origins]
    what = [import_id, sorted(about), [str(path) for path in in_order or ()]]
    name = hashlib.sha256(msgspec.json.encode(what)).hexdigest()
    root = workspace.cache / ("dry-run" if dry_run else "import")
    for other in root.glob("*"):
        if dry_run or in_order is None or other.name != name[:_ID_DIGITS]:
            shutil.rmtree(other, ignore_errors=True)
    staging = Staging(root / name[:_ID_DIGITS], screen_of(workspace))
    try:
        yield staging
    except InputError:
        staging.discard()
        raise
    staging.discard()


def keep(  # noqa: PLR0913 -- what an import is made of
    workspace: Workspace,
    import_id: str,
    staging: Staging,
    *,
    sources: Iterable[str],
    max_bad: float,
    dry_run: bool,
    progress: Progress,
    notes: Sequence[str] = (),
    also: Callable[[], Mapping[str, Any]] = dict,
) -> ImportReport:
    """Store what was read, leaving out what is there, find duplicates, and record the event.

    ``also`` is called before the event, to write what belongs to the records; what it returns is added to
    the event's details. A dry run does not call it.
    """
    staging.finish()
    novelty = novel_records(staging.records(), workspace.store.scan(RECORDS))
    done = _was_made(workspace, import_id)
    if dry_run:
        mine = novelty.records
        clusters, duplicates = foreseen_clusters(workspace.store, novelty.records)
    else:
        progress("store", 0, novelty.units)
        _commit(workspace, import_id, novelty.records, staging)
        _keep_ids(workspace, staging)
        progress("store", novelty.units, novelty.units)
        update_clusters(workspace.store, progress)
        mine = workspace.store.scan(RECORDS).filter(pl.col("import_id") == import_id)
        clusters, duplicates = workspace.store.scan(CLUSTERS), workspace.store.scan(DUPLICATES)
    shared = _shared_clusters(staging.records(), clusters, duplicates)
    made = _counted(mine.limit(0) if done else mine)
    totals = staging.totals
    report = replace(
        _report(import_id, totals, made, shared),
        max_bad=max_bad,
        notes=(*totals.notes, *notes, *_left_out(totals), *_edits_note(novelty.edits)),
    )
    if not dry_run:
        more = dict(also())
        if more.pop("changed", False) or not done:
            details = {**report.counts(), **more, "sources": sorted(set(sources))}
            workspace.record_event("import", import_id, details)
    return report


def checked_slug(slug: str) -> str:
    """Return the slug of a source.

    Raises:
        InputError: if it is none.
    """
    if not _SLUG.fullmatch(slug):
        raise InputError(f"source {slug!r}: expected lower-case letters, digits and hyphens, as in my-corpus")
    return slug


def slug_of(path: Path, given: str | None) -> str:
    """Return the slug of a path's source: the given one, else one from its name.

    Raises:
        InputError: if the given one is none.
    """
    if given is not None:
        return checked_slug(given)
    name = path.resolve()
    plain = (name.name if path.is_dir() else name.stem).lower().translate(_UMLAUTS)
    return "-".join(re.findall(r"[a-z0-9]+", plain)) or "source"


def import_id_of(slugs: Mapping[Path, str], how: Sequence[object]) -> str:
    """Name an import by what goes into it: files with their sources, and how and by what they are read.

    A newer aufruf may read more out of a file, so its import is another.
    """
    files = sorted(
        (slug, name, sha256_of(file)) for path, slug in slugs.items() for name, file in files_of(path)
    )
    content = msgspec.json.encode([version("aufruf"), files, *how])
    return hashlib.sha256(content).hexdigest()[:_ID_DIGITS]


def origin_of(workspace: Workspace, slug: str, import_id: str) -> Origin:
    """Return what holds for all items of a source: from the settings, and the workspace's key."""
    settings = workspace.settings
    about = settings.sources.get(slug, Source())
    key = workspace.pseudonym_key()
    mask = settings.privacy.mask
    return Origin(slug, import_id, key, mask, about.rights, about.outlet, keep_ids=about.keep_ids)


def _was_made(workspace: Workspace, import_id: str) -> bool:
    events = workspace.store.scan(EVENTS).filter(
        (pl.col("action") == "import") & (pl.col("subject") == import_id)
    )
    return events.select(pl.len()).collect().item() > 0


def _commit(workspace: Workspace, import_id: str, fresh: pl.LazyFrame, staging: Staging) -> None:
    transaction = (f"import:{import_id}", 1)
    for table in (QUARANTINE, RECORDS, SIGNATURES, DUPLICATES, CLUSTERS):
        workspace.store.tidy(table)
    if staging.totals.reasons:
        rows = staging.refused().select(pl.lit(import_id).alias("import_id"), *REFUSALS.names())
        workspace.store.append(QUARANTINE, rows, transaction)
    workspace.store.append(RECORDS, fresh.select(RECORDS.schema.names()), transaction, staging.size)


def _keep_ids(workspace: Workspace, staging: Staging) -> None:
    """Keep the platform's ids of records that are here, new or not, as far as they are to be kept."""
    named = staging.records().select("record_id", "platform_id").drop_nulls().unique("record_id")
    here = named.join(workspace.store.scan(RECORDS).select("record_id"), on="record_id", how="semi")
    fresh = here.join(workspace.store.scan(PLATFORM_IDS), on="record_id", how="anti").collect()
    if not fresh.is_empty():
        workspace.store.append(PLATFORM_IDS, fresh)


def _shared_clusters(made: pl.LazyFrame, clusters: pl.LazyFrame, pairs: pl.LazyFrame) -> int:
    """Count the clusters of two or more that hold any of the records: only records in pairs can be in one."""
    paired = pl.concat([pairs.select(record_id="left"), pairs.select(record_id="right")]).unique()
    mine = paired.join(made.select("record_id"), on="record_id", how="semi")
    held = clusters.join(mine, on="record_id", how="semi")
    return held.select(pl.col("cluster").n_unique()).collect(engine="streaming").item()


@dataclass(frozen=True)
class _Made:
    """Counts of new records: by kind, by language, and the posts and articles that they were made of."""

    kinds: dict[str, int]
    languages: dict[str, int]
    units: int


def _counted(records: pl.LazyFrame) -> _Made:
    article = pl.col("article_id")
    units, *by = pl.collect_all(
        [
            records.select(article.is_null().sum() + article.drop_nulls().n_unique()),
            *(records.group_by(name).len().sort(name) for name in ("kind", "language")),
        ],
        engine="streaming",
    )
    kinds, languages = (dict(frame.iter_rows()) for frame in by)
    return _Made(kinds, languages, units.item())


def _report(import_id: str, totals: Totals, made: _Made, clusters: int) -> ImportReport:
    assert totals.items == totals.kept + sum(totals.reasons.values())
    return ImportReport(
        import_id=import_id,
        read=totals.items,
        kept=totals.kept,
        new=made.units,
        known=totals.kept - made.units,
        quarantined=dict(sorted(totals.reasons.items())),
        records=sum(made.kinds.values()),
        languages=made.languages,
        kinds=made.kinds,
        clusters=clusters,
    )


def _edits_note(edits: int) -> Iterator[str]:
    if edits:
        yield (
            f"{edits:,} posts have the id of another text: they count as edits, which take its place. If "
            "they are other posts, numbered by each file for itself, give each file a --source of its own"
        )


def _left_out(totals: Totals) -> Iterator[str]:
    """Say what was left out of articles, and whether nothing is left at all."""
    if totals.residue:
        parts = ", ".join(f"{n:,} {reason}" for reason, n in sorted(totals.residue.items()))
        yield f"lines of articles left out as residue: {parts}"
    if totals.items and not totals.kept:
        yield "nothing was kept: none of what was read is a post or an article"
