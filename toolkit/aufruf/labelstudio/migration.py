"""Answers by an older label scheme as answers by the one in force; what it never asked is told."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from aufruf.errors import InputError, SettingsError
from aufruf.kept_schemes import keep_version
from aufruf.labelstudio.migration_map import MigrationMap, check_map, names_in
from aufruf.labelstudio.scheme_versions import keep_map, load_versions
from aufruf.tables import ANNOTATIONS
from aufruf.views import current_annotations

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aufruf.label_scheme import LabelScheme
    from aufruf.labelstudio.migration_map import Target
    from aufruf.labelstudio.scheme_versions import Versions
    from aufruf.workspace import Workspace

    Row = dict[str, Any]

_JUDGED = ("contained", "author", "voice")


@dataclass(frozen=True)
class AskAgain:
    """A question about a record that an answer by the old scheme leaves open, such as threat_voice."""

    record_id: str
    question: str


@dataclass(frozen=True)
class MigrationReport:
    """What was done: ``answers`` by older schemes were there, ``migrated`` have a new revision."""

    scheme_sha256: str
    answers: int
    migrated: int
    ask_again: list[AskAgain]
    written: bool


@dataclass(frozen=True)
class _Step:
    """One map from a scheme to another, applied to rows of ANNOTATIONS."""

    old: LabelScheme
    new: LabelScheme
    mapping: MigrationMap

    def lacking(self, row: Row) -> Iterator[tuple[str, str]]:
        """Yield the (kind, name) that a row uses, and neither the new scheme nor the map has."""
        there = names_in(self.new)
        entries = dict(self.mapping.kinds())
        for kind, name in _used(row):
            if name not in entries.get(kind, {}) and name not in there.get(self._renamed(kind), ()):
                yield kind, name

    def _renamed(self, kind: str) -> str:
        attribute = kind.removeprefix("value of ")
        return kind if attribute == kind else f"value of {self.mapping.attribute.get(attribute, attribute)}"

    def applied(self, row: Row) -> tuple[Row, set[str]]:
        """Return the row by the new scheme, and the questions that it leaves open."""
        labels = row["labels"]
        is_judged = row["state"] == "live" and labels is not None
        open_questions = self._added() if is_judged and row["pass"] == "triage" else set[str]()
        for label in labels or ():
            open_questions |= {f"{part}_{name}" for part in _parts(self._label(label)) for name in _JUDGED}
        voices = self._voices(row["voices"], open_questions)
        attributes = self._attributes(row["attributes"], open_questions)
        flags = [self.mapping.flag.get(flag, flag) for flag in row["flags"]]
        changed = {
            "labels": None if labels is None else _ordered(map(self._label, labels), self.new.label_names),
            "voices": voices,
            "attributes": attributes,
            "spans": self._spans(row["spans"], open_questions),
            "flags": _ordered(flags, self.new.flag_names),
            "asked": self._asked(row, open_questions),
            "scheme_sha256": self.new.sha256,
        }
        return {**row, **changed}, open_questions

    def _label(self, name: str) -> Target:
        return self.mapping.label.get(name, name)

    def _added(self) -> set[str]:
        """Return the questions of labels that the old scheme had in no form."""
        known = {
            part for name in self.old.label_names for part in (self._label(name), *_parts(self._label(name)))
        }
        new = [name for name in self.new.label_names if name not in known]
        return {f"{label}_{name}" for label in new for name in _JUDGED}

    def _voices(self, voices: list[Row] | None, open_questions: set[str]) -> list[Row] | None:
        if voices is None:
            return None
        kept: set[tuple[str, str]] = set()
        named: set[str] = set()
        for entry in voices:
            label, voice = self._label(entry["label"]), self.mapping.voice.get(entry["voice"], entry["voice"])
            if not isinstance(label, str) or not label:
                continue
            named.add(label)
            if isinstance(voice, str) and voice:
                kept.add((label, voice))
            elif voice:
                open_questions |= {f"{label}_author", f"{label}_voice"}
        for label in named - {label for label, _ in kept}:
            open_questions |= {f"{label}_author", f"{label}_voice"}
        order = [(label, voice) for label in self.new.label_names for voice in self.new.voice_names]
        return [{"label": label, "voice": voice} for label, voice in order if (label, voice) in kept]

    def _attributes(self, attributes: list[Row] | None, open_questions: set[str]) -> list[Row] | None:
        if attributes is None:
            return None
        answers: dict[tuple[str, str], set[Target]] = defaultdict(set)
        for entry in attributes:
            label = self._label(entry["label"])
            name = self.mapping.attribute.get(entry["attribute"], entry["attribute"])
            entries: dict[str, Target] = self.mapping.value.get(entry["attribute"], {})
            value: str = entry["value"]
            if isinstance(label, str) and label and name:
                answers[label, name].add(entries.get(value, value))
        kept: list[Row] = []
        order = [(label, a.name) for label in self.new.label_names for a in self.new.attributes_of(label)]
        for label, name in order:
            values = answers.get((label, name), set())
            target = next(iter(values), "")
            if len(values) > 1 or isinstance(target, tuple):  # split, or labels merged whose answers differ
                open_questions.add(f"{label}_{name}")
            elif target:
                kept.append({"label": label, "attribute": name, "value": target})
        return kept

    def _spans(self, spans: list[Row] | None, open_questions: set[str]) -> list[Row] | None:
        if spans is None:
            return None
        kept: set[tuple[int, int, str]] = set()
        for span in spans:
            label = self._label(span["label"])
            if isinstance(label, tuple):
                open_questions |= {f"{part}_spans" for part in label}
            elif label:
                kept.add((span["start"], span["end"], label))
        place = {label: number for number, label in enumerate(self.new.label_names)}
        ordered = sorted(kept, key=lambda span: (span[0], span[1], place[span[2]]))
        return [{"label": label, "start": start, "end": end} for start, end, label in ordered]

    def _asked(self, row: Row, open_questions: set[str]) -> list[str] | None:
        """Return what was asked, by the new names; None as long as that is everything."""
        if row["asked"] is None and not open_questions:
            return None
        columns = {
            f"{label}_{name}": f"{part}_{name}"
            for label in self.old.label_names
            for name in (*_JUDGED, "spans", *(a.name for a in self.old.attributes_of(label)))
            for part in (_parts(self._label(label)) or (self._label(label),))
            if part
        }
        before = columns if row["asked"] is None else row["asked"]
        return [
            name
            for name in dict.fromkeys(columns[column] for column in before if column in columns)
            if name not in open_questions
        ]


def in_force(row: Row, versions: Versions) -> tuple[Row, set[str], list[tuple[str, str]]]:
    """Return a row by the label scheme in force, the questions left open, and names that no map has."""
    left_open: set[str] = set()
    for old, new, mapping in versions.path(row["scheme_sha256"]) if _is_old(row, versions) else ():
        step = _Step(old, new, mapping)
        lacking = list(step.lacking(row))
        if lacking:
            return row, left_open, lacking
        row, found = step.applied(row)
        left_open |= found
    return row, left_open, []


def migrate(
    workspace: Workspace,
    mapping: MigrationMap | None = None,
    *,
    old: LabelScheme | None = None,
    dry_run: bool = False,
) -> MigrationReport:
    """Give each answer by an older label scheme a new revision by the one in force.

    The map is recorded first, so that a pull of a task that asks by the old scheme goes the same way. What
    was migrated before stays as it is.

    Args:
        workspace: the workspace.
        mapping: what becomes of names that the scheme in force does not have; none: there are only additions.
        old: an older scheme that was not kept yet.
        dry_run: write nothing.

    Raises:
        SettingsError: if the map does not fit the scheme, or contradicts the one recorded before.
        InputError: if the map lacks names that answers use, or an older scheme was not kept.
    """
    wanted = mapping or MigrationMap()
    check_map(wanted, workspace.label_scheme)
    with workspace.locked():
        versions = load_versions(workspace)
        if old is not None:
            versions.schemes[old.sha256] = old
        rows = _rows(workspace, versions)
        hashes = sorted({row["scheme_sha256"] for row in rows})
        for sha256 in hashes:
            _ = versions.scheme(sha256)
            versions.maps[sha256, versions.current.sha256] = _agreeing(versions, sha256, wanted)
        migrated, ask_again = _migrated(rows, versions)
        if rows and not dry_run:
            _write(workspace, versions, hashes, migrated, old)
    return MigrationReport(
        versions.current.sha256, len(rows), len(migrated), ask_again, bool(rows) and not dry_run
    )


def lost_names(workspace: Workspace, planned: pl.DataFrame) -> Counter[tuple[str, str]]:
    """Count the answers to some assignments by each (kind, name) that they use and nothing maps."""
    versions = load_versions(workspace)
    keys = set(planned.get_column("task_key"))
    lost: Counter[tuple[str, str]] = Counter()
    for row in _rows(workspace, versions):
        if row["task_key"] in keys and row["scheme_sha256"] in versions.schemes:
            lost.update(set(in_force(row, versions)[2]))
    return lost


def _rows(workspace: Workspace, versions: Versions) -> list[Row]:
    current = current_annotations(workspace.store.scan(ANNOTATIONS))
    older = current.filter(pl.col("scheme_sha256") != versions.current.sha256)
    return older.sort("annotation_uuid").collect().to_dicts()


def _migrated(rows: list[Row], versions: Versions) -> tuple[list[Row], list[AskAgain]]:
    lacking: Counter[tuple[str, str]] = Counter()
    migrated: list[Row] = []
    ask_again: set[tuple[str, str]] = set()
    now = datetime.now(UTC)
    for row in rows:
        moved, left_open, missing = in_force(row, versions)
        lacking.update(set(missing))
        ask_again |= {(row["record_id"], question) for question in left_open}
        migrated.append({**moved, "revision": row["revision"] + 1, "updated_at": now})
    if lacking:
        raise InputError(
            f'the map lacks {told(lacking)}: nothing was migrated; give each a new name, "" or a list'
        )
    return migrated, [AskAgain(*each) for each in sorted(ask_again)]


def _agreeing(versions: Versions, sha256: str, wanted: MigrationMap) -> MigrationMap:
    """Return the map, unless the recorded one says otherwise of a name: answers went that way already."""
    recorded = versions.maps.get((sha256, versions.current.sha256), MigrationMap())
    said = dict(wanted.kinds())
    differing = [
        f"{kind} '{name}'"
        for kind, entries in recorded.kinds()
        for name, target in entries.items()
        if said.get(kind, {}).get(name) != target
    ]
    if differing:
        raise SettingsError(
            f"answers by the label scheme {sha256[:12]} were migrated by another map before: keep its "
            f"entries for {', '.join(differing)}"
        )
    return wanted


def _write(
    workspace: Workspace, versions: Versions, hashes: list[str], rows: list[Row], old: LabelScheme | None
) -> None:
    keep_version(workspace)
    if old is not None:
        keep_version(workspace, old)
    for sha256 in hashes:
        keep_map(workspace, sha256, versions.current.sha256, versions.maps[sha256, versions.current.sha256])
    workspace.store.append(ANNOTATIONS, pl.DataFrame(rows, schema=ANNOTATIONS.schema))
    details = {"from": hashes, "to": versions.current.sha256, "answers": len(rows)}
    workspace.record_event("migrate", versions.current.sha256[:12], details)


def told(lacking: Mapping[tuple[str, str], int]) -> str:
    """Return names with the number of answers that use each, for a message."""
    return ", ".join(f"{kind} '{name}' (in {n} answers)" for (kind, name), n in sorted(lacking.items()))


def _is_old(row: Row, versions: Versions) -> bool:
    return row["scheme_sha256"] != versions.current.sha256


def _used(row: Row) -> set[tuple[str, str]]:
    used = {("label", label) for label in row["labels"] or ()}
    used |= {("flag", flag) for flag in row["flags"]}
    used |= {("label", span["label"]) for span in row["spans"] or ()}
    used |= {("voice", entry["voice"]) for entry in row["voices"] or ()}
    for entry in row["attributes"] or ():
        used |= {("attribute", entry["attribute"]), ("label", entry["label"])}
        used.add((f"value of {entry['attribute']}", entry["value"]))
    return used


def _parts(target: Target) -> tuple[str, ...]:
    return () if isinstance(target, str) else target


def _ordered(targets: Any, order: tuple[str, ...]) -> list[str]:
    chosen = {target for target in targets if isinstance(target, str)}
    return [name for name in order if name in chosen]
