"""Import files into a workspace: read, make records, leave out what is there, commit.

Each table gets one commit, in the order quarantine, records, pairs, clusters, event. What an import is
called follows from its files, and each commit bears that name: after a crash at any moment the same
command ends as if nothing had happened, and a second run changes nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

from aufruf.clustering import clustered, update_clusters
from aufruf.crosswalks.definition import known_crosswalks
from aufruf.crosswalks.reading import sets_of
from aufruf.errors import InputError
from aufruf.files import sha256_of
from aufruf.records import MADE, Made, Origin, records_from_items
from aufruf.recurring import recurring_lines, site_of
from aufruf.settings import Source
from aufruf.sources.items import REFUSALS
from aufruf.sources.located import located
from aufruf.sources.reading import files_of, given_map, placed, read_batches
from aufruf.tables import CLUSTERS, DUPLICATES, EVENTS, QUARANTINE, RECORDS
from aufruf.text import normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from aufruf.sources.fields import FieldMap
    from aufruf.sources.formats import Format
    from aufruf.sources.items import Batch, Refusal
    from aufruf.workspace import Workspace

    Progress = Callable[[str, int], None]

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
    def passed(self) -> bool:
        """Whether no larger share of the items was quarantined than is allowed."""
        return self.bad <= self.max_bad * self.read

    def counts(self) -> dict[str, Any]:
        """Return what programs read: everything but notes and the limit."""
        names = [name for name in self.__dataclass_fields__ if name not in ("notes", "max_bad")]
        return {name: getattr(self, name) for name in names}


@dataclass
class Read:
    """What was read so far: records (see `MADE`), refusals (see `REFUSALS`), the unit of each kept item."""

    records: list[pl.DataFrame] = field(default_factory=list[pl.DataFrame])
    refused: list[pl.DataFrame] = field(default_factory=list[pl.DataFrame])
    units: list[pl.Series] = field(default_factory=list[pl.Series])
    notes: list[str] = field(default_factory=list[str])
    residue: Counter[str] = field(default_factory=Counter[str])
    items: int = 0

    def add(self, name: str, batch: Batch, origin: Origin) -> Made:
        """Make records of a batch and return them."""
        made = records_from_items(placed(name, batch), origin)
        self.records.append(made.records)
        self.refused.append(made.refused)
        self.units.append(made.units)
        self.residue += made.residue
        self.notes += batch.notes
        self.items += batch.items.height
        self.refuse(name, batch.refusals)
        return made

    def refuse(self, name: str, refusals: Sequence[Refusal]) -> None:
        """Count items of a file that were refused."""
        rows = [{"file": name, **refusal._asdict()} for refusal in refusals]
        self.refused.append(pl.DataFrame(rows, schema=REFUSALS))
        self.items += len(refusals)

    def about(self, units: pl.Series) -> None:
        """Count items that tell something about units which other items brought."""
        self.units.append(units)
        self.items += len(units)


def import_paths(  # noqa: PLR0913 -- the command's own options
    workspace: Workspace,
    paths: Sequence[Path],
    *,
    format: Format | None = None,  # noqa: A002 -- as the command line says
    field_map: FieldMap | Path | None = None,
    source: str | None = None,
    max_bad: float = 0.05,
    dry_run: bool = False,
    progress: Progress = lambda _stage, _items: None,
) -> ImportReport:
    """Import files and folders as one import; good items are kept even if too many are bad.

    Whether the share of bad items is above ``max_bad`` is for the caller to see: `ImportReport.passed`.
    ``progress`` is told the stage and how many items are through it.

    Raises:
        InputError: if a path or file is not what it must be; nothing is written then.
        WorkspaceError: if another process is writing, or the pseudonym key was destroyed.
    """
    given = given_map(field_map)
    with workspace.locked(), ExitStack() as stack:
        found = [stack.enter_context(located(path, format, workspace.cache)) for path in paths]
        slugs = {path: _slug(path, source) for path in found}
        import_id = import_id_of(slugs, [dict(sorted(given.columns.items())), given.kind, format])
        read = Read()
        news: list[tuple[str, Batch, Origin]] = []
        for path, slug in slugs.items():
            origin = origin_of(workspace, slug, import_id)
            for name, batch in read_batches(path, format, given):
                if "news" in batch.items["kind"]:
                    news.append((name, batch, origin))
                    continue
                read.add(name, batch, origin)
                progress("read", read.items)
        recurring = _recurring(news)
        for name, batch, origin in news:
            read.add(name, batch, replace(origin, recurring=recurring))
            progress("read", read.items)
        read.notes += _labels_left_out(found, workspace)
        report = keep(workspace, import_id, read, sources=slugs.values(), dry_run=dry_run, progress=progress)
    return replace(report, max_bad=max_bad)


def _recurring(news: Sequence[tuple[str, Batch, Origin]]) -> dict[str, frozenset[str]]:
    """Return the lines that recur, by site: articles wait until all pages of an import are read."""
    url, outlet = pl.col("url"), pl.col("outlet")
    articles = [
        placed(name, batch)
        .filter(pl.col("kind") == "news")
        .select(site=site_of(url, outlet, origin.outlet or origin.source), text=normalise(pl.col("text")))
        for name, batch, origin in news
    ]
    return recurring_lines(pl.concat(articles)) if articles else {}


def _labels_left_out(paths: Sequence[Path], workspace: Workspace) -> Iterator[str]:
    """Say of which files a crosswalk would read the labels too."""
    crosswalks = known_crosswalks(workspace)
    for name, file in (each for path in paths for each in files_of(path)):
        for slug in sets_of(file, crosswalks):
            yield (
                f"{name}: laid out like a file of '{slug}'; its labels were left out: to have them, import "
                f"it with --crosswalk {slug} instead"
            )


def keep(  # noqa: PLR0913 -- what an import is made of
    workspace: Workspace,
    import_id: str,
    read: Read,
    *,
    sources: Iterable[str],
    dry_run: bool,
    progress: Progress,
    also: Callable[[], Mapping[str, Any]] = dict,
) -> ImportReport:
    """Store what was read, leaving out what is there, find duplicates, and record the event.

    ``also`` is called before the event, to write what belongs to the records; what it returns is added to
    the event's details. A dry run does not call it.
    """
    made = pl.concat([pl.DataFrame(schema=MADE), *read.records])
    fresh = _superseding(_new_records(made, workspace), workspace)
    done = _is_done(workspace, import_id)
    if dry_run:
        clusters = _foreseen_clusters(fresh, workspace)
    else:
        progress("store", fresh.height)
        _commit(workspace, import_id, fresh, pl.concat([pl.DataFrame(schema=REFUSALS), *read.refused]))
        progress("duplicates", fresh.height)
        clusters = update_clusters(workspace.store)
    mine = _records_of(workspace, import_id) if not dry_run else fresh
    report = _report(import_id, read, made, mine.clear() if done else mine, clusters)
    if not dry_run:
        more = also()
        if not done:
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


def _slug(path: Path, given: str | None) -> str:
    if given is not None:
        return checked_slug(given)
    name = path.resolve()
    plain = (name.name if path.is_dir() else name.stem).lower().translate(_UMLAUTS)
    return "-".join(re.findall(r"[a-z0-9]+", plain)) or "source"


def import_id_of(slugs: Mapping[Path, str], how: Sequence[object]) -> str:
    """Name an import by what goes into it: files with their sources, and how they are read."""
    files = sorted(
        (slug, name, sha256_of(file)) for path, slug in slugs.items() for name, file in files_of(path)
    )
    content = msgspec.json.encode([files, *how])
    return hashlib.sha256(content).hexdigest()[:_ID_DIGITS]


def origin_of(workspace: Workspace, slug: str, import_id: str) -> Origin:
    """Return what holds for all items of a source: from the settings, and the workspace's key."""
    settings = workspace.settings
    about = settings.sources.get(slug, Source())
    key = workspace.pseudonym_key()
    return Origin(slug, import_id, key, settings.privacy.mask, about.rights, about.outlet)


def _new_records(made: pl.DataFrame, workspace: Workspace) -> pl.DataFrame:
    """Return the records whose post or article is not in the workspace, each once."""
    stored = (
        workspace.store.scan(RECORDS).select(unit=pl.coalesce("article_id", "record_id")).unique().collect()
    )
    return made.join(stored, on="unit", how="anti", maintain_order="left").unique(
        "record_id", keep="first", maintain_order=True
    )


def _superseding(fresh: pl.DataFrame, workspace: Workspace) -> pl.DataFrame:
    """Say which version each edited post replaces: the one before it in the import, else the stored one.

    Within an import, versions follow each other by their times, without times as the files have them.
    """
    posts = fresh.filter("editable").select("post_id").unique()
    stored = workspace.store.scan(RECORDS).select("record_id", "post_id", "supersedes")
    versions = stored.join(posts.lazy(), on="post_id", how="semi").collect()
    newest = versions.join(versions, left_on="record_id", right_on="supersedes", how="anti")
    before = newest.group_by("post_id").agg(pl.col("record_id").max().alias("before"))
    order = ("version", pl.int_range(pl.len()))
    earlier = pl.when("editable").then(pl.col("record_id").shift(1).over("post_id", order_by=order))
    joined = fresh.join(before, on="post_id", how="left", maintain_order="left")
    return joined.with_columns(supersedes=pl.coalesce(earlier, "before")).drop("before")


def _is_done(workspace: Workspace, import_id: str) -> bool:
    events = workspace.store.scan(EVENTS).filter(
        (pl.col("action") == "import") & (pl.col("subject") == import_id)
    )
    return events.select(pl.len()).collect().item() > 0


def _commit(workspace: Workspace, import_id: str, fresh: pl.DataFrame, refused: pl.DataFrame) -> None:
    transaction = (f"import:{import_id}", 1)
    if not refused.is_empty():
        rows = refused.select(pl.lit(import_id).alias("import_id"), *REFUSALS.names())
        workspace.store.append(QUARANTINE, rows, transaction)
    if not fresh.is_empty():
        workspace.store.append(RECORDS, fresh.select(RECORDS.schema.names()), transaction)


def _records_of(workspace: Workspace, import_id: str) -> pl.DataFrame:
    columns = ("record_id", "article_id", "kind", "language")
    return workspace.store.scan(RECORDS).filter(pl.col("import_id") == import_id).select(columns).collect()


def _foreseen_clusters(fresh: pl.DataFrame, workspace: Workspace) -> pl.DataFrame:
    store = workspace.store
    stored = store.scan(RECORDS).select("record_id", "text").collect()
    every = pl.concat([stored, fresh.select("record_id", "text")])
    return clustered(every, store.read(CLUSTERS), store.read(DUPLICATES)).clusters


def _report(
    import_id: str, read: Read, made: pl.DataFrame, mine: pl.DataFrame, clusters: pl.DataFrame
) -> ImportReport:
    reasons = Counter(reason for frame in read.refused for reason in frame["reason"])
    kept = sum(len(units) for units in read.units)
    new = mine.select(pl.coalesce("article_id", "record_id").n_unique()).item()
    assert read.items == kept + reasons.total()
    shared = clusters.filter(pl.col("cluster").is_duplicated())
    return ImportReport(
        import_id=import_id,
        read=read.items,
        kept=kept,
        new=new,
        known=kept - new,
        quarantined=dict(sorted(reasons.items())),
        records=mine.height,
        languages=_counted(mine["language"]),
        kinds=_counted(mine["kind"]),
        clusters=shared.join(made, on="record_id", how="semi")["cluster"].n_unique(),
        notes=(*read.notes, *_residue_note(read.residue)),
    )


def _residue_note(residue: Counter[str]) -> list[str]:
    if not residue:
        return []
    parts = ", ".join(f"{n:,} {reason}" for reason, n in sorted(residue.items()))
    return [f"lines of articles left out as residue: {parts}"]


def _counted(values: pl.Series) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
