"""Answers by an older label scheme, taken to the one in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aufruf.agreement import agreement
from aufruf.assets import asset
from aufruf.errors import InputError, SettingsError
from aufruf.gold import decide_gold
from aufruf.kept_schemes import keep_version
from aufruf.label_scheme import load_label_scheme
from aufruf.labelstudio.answers import Answer
from aufruf.labelstudio.apply import apply
from aufruf.labelstudio.entry import enter_answers
from aufruf.labelstudio.migration import in_force, migrate
from aufruf.labelstudio.migration_map import MigrationMap
from aufruf.labelstudio.pull import pull
from aufruf.labelstudio.rounds import assignments, plan_round
from aufruf.labelstudio.scheme_versions import Versions, load_versions
from aufruf.tables import ANNOTATIONS, EVENTS
from aufruf.views import current_annotations
from labelstudio_fixtures import ROUND

if TYPE_CHECKING:
    from aufruf.label_scheme import LabelScheme
    from aufruf.workspace import Workspace

SCHEME = load_label_scheme(asset("schemas", "label_scheme.toml"))
RENAME = MigrationMap(label={"threat": "menace"})
BACK = MigrationMap(label={"menace": "threat"})


def renamed(scheme: LabelScheme, old: str, new: str) -> LabelScheme:
    """The scheme with one label called something else."""
    replace = msgspec.structs.replace
    labels = tuple(replace(each, name=new) if each.name == old else each for each in scheme.labels)
    attributes = tuple(
        replace(each, labels=tuple(new if name == old else name for name in each.labels))
        for each in scheme.attributes
    )
    return replace(scheme, labels=labels, attributes=attributes)


MENACE = renamed(SCHEME, "threat", "menace")
WITHOUT = msgspec.structs.replace(SCHEME, labels=SCHEME.labels[1:])


def row(labels: list[str] | None, voices: list[tuple[str, str]], **more: Any) -> dict[str, Any]:
    """An answer in triage by the shipped scheme."""
    return {
        **dict.fromkeys(ANNOTATIONS.schema),
        "annotation_uuid": "a",
        "revision": 1,
        "state": "live",
        "task_key": "t",
        "record_id": "r",
        "annotator": "amsel",
        "round": ROUND,
        "pass": "triage",
        "labels": labels,
        "attributes": [],
        "voices": None if labels is None else [{"label": a, "voice": b} for a, b in voices],
        "flags": [],
        "scheme_sha256": SCHEME.sha256,
        "guideline_version": "g",
        **more,
    }


def versions(current: LabelScheme, *maps: tuple[LabelScheme, LabelScheme, MigrationMap]) -> Versions:
    """What is kept: all schemes named, and the maps."""
    schemes = {each.sha256: each for old, new, _ in maps for each in (old, new)}
    recorded = {(old.sha256, new.sha256): each for old, new, each in maps}
    return Versions(current, {**schemes, current.sha256: current}, recorded)


@st.composite
def answers(draw: st.DrawFn) -> dict[str, Any]:
    """Any answer in triage."""
    chosen = draw(st.none() | st.sets(st.sampled_from(SCHEME.label_names)))
    labels = None if chosen is None else [name for name in SCHEME.label_names if name in chosen]
    voices = [
        (label, voice)
        for label in labels or ()
        for some in [draw(st.sets(st.sampled_from(SCHEME.voice_names), min_size=1))]
        for voice in SCHEME.voice_names
        if voice in some
    ]
    return row(labels, voices, flags=draw(st.sampled_from([[], ["urgent"]])))


@given(answers())
def test_a_rename_there_and_back_is_the_identity(answer: dict[str, Any]):
    there, left_open, lacking = in_force(answer, versions(MENACE, (SCHEME, MENACE, RENAME)))
    assert (left_open, lacking) == (set(), [])
    assert "threat" not in (there["labels"] or ())
    assert in_force(there, versions(SCHEME, (MENACE, SCHEME, BACK)))[0] == answer


@given(answers())
def test_maps_are_followed_from_version_to_version(answer: dict[str, Any]):
    peril = renamed(SCHEME, "threat", "peril")
    step = MigrationMap(label={"menace": "peril"})
    chain = in_force(answer, versions(peril, (SCHEME, MENACE, RENAME), (MENACE, peril, step)))[0]
    direct = MigrationMap(label={"threat": "peril"})
    assert chain == in_force(answer, versions(peril, (SCHEME, peril, direct)))[0]


def test_a_split_label_is_asked_again_only_where_it_held():
    first, second = SCHEME.label_names[1], SCHEME.label_names[2]
    split = versions(WITHOUT, (SCHEME, WITHOUT, MigrationMap(label={"threat": (first, second)})))
    moved, left_open, _ = in_force(row(["threat"], [("threat", "own")]), split)
    assert left_open == {f"{name}_{c}" for name in (first, second) for c in ("contained", "author", "voice")}
    assert moved["labels"] == []
    assert not left_open & set(moved["asked"])
    assert in_force(row([], []), split)[1] == set()


def test_what_a_new_label_asks_is_open_in_old_answers_and_no_answer_of_no():
    moved, left_open, _ = in_force(
        row([], [], scheme_sha256=WITHOUT.sha256), versions(SCHEME, (WITHOUT, SCHEME, MigrationMap()))
    )
    assert left_open == {"threat_contained", "threat_author", "threat_voice"}
    assert "threat_contained" not in moved["asked"]


def in_use(workspace: Workspace, scheme: LabelScheme) -> Workspace:
    """The workspace with another scheme in force."""
    keep_version(workspace)
    workspace.__dict__["label_scheme"] = scheme
    return workspace


def store(workspace: Workspace, *rows: dict[str, Any]) -> None:
    times = pl.lit("2031-03-01").str.to_datetime(time_zone="UTC")
    frame = pl.DataFrame(list(rows), schema=ANNOTATIONS.schema)
    workspace.store.append(ANNOTATIONS, frame.with_columns(created_at=times, updated_at=times))


def test_answers_get_a_revision_once_and_keep_the_old_one(workspace: Workspace):
    store(workspace, row(["threat"], [("threat", "own")]))
    in_use(workspace, MENACE)
    assert migrate(workspace, RENAME, dry_run=True).migrated == 1
    assert workspace.store.scan(ANNOTATIONS).collect().height == 1
    assert migrate(workspace, RENAME).migrated == 1
    assert migrate(workspace, RENAME).migrated == 0
    assert workspace.store.scan(ANNOTATIONS).sort("revision").collect()["labels"].to_list() == [
        ["threat"],
        ["menace"],
    ]
    assert workspace.store.scan(EVENTS).filter(pl.col("action") == "migrate").collect().height == 1


def test_an_answer_from_before_a_label_is_no_answer_of_no(workspace: Workspace):
    workspace.__dict__["label_scheme"] = WITHOUT
    keep_version(workspace)
    store(workspace, row([], [], scheme_sha256=WITHOUT.sha256))
    workspace.__dict__["label_scheme"] = SCHEME
    for count in (agreement, decide_gold):
        with pytest.raises(InputError, match=r"before the label scheme had threat.*annotate migrate"):
            count(workspace)
    migrate(workspace)
    assert "threat" not in {column.label for column in decide_gold(workspace).columns if column.decided}


def test_an_identity_map_changes_nothing(workspace: Workspace):
    store(workspace, row(["threat"], [("threat", "own")]))
    report = migrate(workspace, MigrationMap(label={"threat": "threat"}))
    assert (report.answers, report.written) == (0, False)


def test_an_incomplete_map_names_what_it_lacks_and_migrates_nothing(workspace: Workspace):
    store(workspace, row(["threat"], [("threat", "own")]))
    with pytest.raises(InputError, match=r"lacks label 'threat' \(in 1 answers\)"):
        migrate(in_use(workspace, MENACE))
    assert workspace.store.scan(ANNOTATIONS).collect().height == 1


def test_a_map_that_gives_a_name_another_meaning_is_refused(workspace: Workspace):
    other = SCHEME.label_names[1]
    with pytest.raises(SettingsError, match="still has it, with the same meaning"):
        migrate(workspace, MigrationMap(label={"threat": other}))


def test_a_kept_version_that_was_changed_is_found(workspace: Workspace):
    keep_version(workspace)
    (path,) = (workspace.root / "schemas" / "versions").iterdir()
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(InputError, match="the file was changed"):
        load_versions(workspace)


@pytest.mark.labelstudio
def test_a_round_goes_on_after_a_migration_and_a_pull_does_not_undo_it(live: Workspace):
    plan_round(live, ROUND, allow_unqualified=True)
    apply(live, ROUND)
    keys = assignments(live, ROUND).get_column("task_key").to_list()
    threat = Answer(("threat",), (("threat", "own"),))
    enter_answers(live, ROUND, "triage", {keys[0]: threat})
    pull(live, ROUND)
    enter_answers(live, ROUND, "triage", {keys[1]: threat})  # not pulled before the scheme changes
    in_use(live, MENACE)
    with pytest.raises(SettingsError, match=r"no longer has label 'threat' \(in 1 answers\)"):
        apply(live, ROUND)
    migrate(live, RENAME)
    assert apply(live, ROUND).created == 0
    pull(live, ROUND, full=True)
    now = current_annotations(live.store.scan(ANNOTATIONS)).collect()
    assert now["labels"].to_list() == [["menace"], ["menace"]]
    assert set(now["scheme_sha256"]) == {MENACE.sha256}
