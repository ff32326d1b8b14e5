"""Export: what a release holds, that it repeats to the byte, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from aufruf.errors import InputError, SettingsError
from aufruf.release.build import export
from aufruf.release.draft import draft_release
from aufruf.release.features import FEATURES, GROUPS, default_features, encode
from aufruf.release.manifest import read_manifest
from aufruf.release.verify import verify
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, GOLD, RECORDS, SAMPLES
from aufruf.workspace import PSEUDONYM_KEY, open_workspace

if TYPE_CHECKING:
    from aufruf.label_scheme import LabelScheme
    from aufruf.workspace import Workspace


def rows_of(release: Path, config: str = "data", split: str = "*") -> pl.DataFrame:
    return pl.read_parquet(release / config / f"{split}-*.parquet")


def named(release: Path, column: str, scheme: LabelScheme) -> dict[str, Any]:
    """Return a class label column with its names, by id."""
    names = default_features(scheme)[column].names
    found = rows_of(release).select("id", column).rows()
    return {name: None if value is None else names[value] for name, value in found}


def values_of(gold: pl.DataFrame, label: str, column: str) -> dict[str, str | None]:
    chosen = gold.filter((pl.col("label") == label) & (pl.col("column") == column))
    return dict(chosen.select("record_id", "value").rows())


def bytes_of(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_contained_and_author_say_what_gold_says_and_null_where_it_says_nothing(
    filled_workspace: Workspace, filled_release: Path
):
    gold = filled_workspace.store.read(GOLD)
    rows = rows_of(filled_release)
    meaning = {"true": True, "false": False, None: None}
    for label in filled_workspace.label_scheme.label_names:
        for column in ("contained", "author"):
            decided = values_of(gold, label, column)
            expected = {name: meaning[decided.get(name)] for name in rows["id"]}
            assert dict(rows.select("id", f"{label}_{column}").rows()) == expected
    assert rows.get_column("threat_author").null_count() > 30


def test_attributes_describe_labels_that_hold_and_are_null_elsewhere(
    filled_workspace: Workspace, filled_release: Path
):
    gold = filled_workspace.store.read(GOLD)
    held = values_of(gold, "threat", "contained")
    target = values_of(gold, "threat", "target")
    expected = {name: target.get(name) if held[name] == "true" else None for name in held}
    assert named(filled_release, "threat_target", filled_workspace.label_scheme) == expected
    assert len(set(expected.values())) > 2


def test_lists_of_labels_say_what_is_contained_and_what_was_asked(
    filled_workspace: Workspace, filled_release: Path
):
    names = filled_workspace.label_scheme.label_names
    for row in rows_of(filled_release).iter_rows(named=True):
        held = [n for n, name in enumerate(names) if row[f"{name}_contained"]]
        assert row["labels"] == held
        assert set(held) <= set(row["asked"])
        if row["source"] == "foreign":
            assert row["asked"] == [names.index("threat")]
            assert row["protest_mobilization_n"] is None


def test_spans_are_the_decided_places_of_labels_that_hold(filled_workspace: Workspace, filled_release: Path):
    gold = filled_workspace.store.read(GOLD)
    names = filled_workspace.label_scheme.label_names
    rows = {row["id"]: row for row in rows_of(filled_release).iter_rows(named=True)}
    checked = 0
    for label, name in enumerate(names):
        for record_id, value in values_of(gold, name, "spans").items():
            found = [s for s in rows[record_id]["spans"] or [] if s["label"] == label]
            wanted = value if rows[record_id][f"{name}_contained"] else None
            assert "+".join(f"{s['start']}:{s['end']}" for s in found) == (wanted or "")
            checked += bool(wanted)
    assert checked > 100


def test_weights_are_one_over_the_inclusion_probability_and_null_where_it_is_unknown(
    filled_workspace: Workspace, filled_release: Path
):
    chance = filled_workspace.store.read(SAMPLES).select("record_id", "inclusion_probability").rows()
    rows = dict(rows_of(filled_release).select("id", "weight").rows())
    assert {name: 1 / p for name, p in chance} == {n: w for n, w in rows.items() if w is not None}
    assert sum(weight is None for weight in rows.values()) == 40


def test_what_a_model_chose_check_items_and_guideline_examples_are_never_held_out(
    filled_workspace: Workspace, filled_release: Path
):
    store = filled_workspace.store
    chosen = store.read(SAMPLES).filter(pl.col("strategy") == "uncertainty").get_column("record_id")
    check = pl.col("purpose").is_in(["qualification", "gold_check"])
    told = store.read(ASSIGNMENTS).filter(check).get_column("record_id")
    example = filled_workspace.label_scheme.labels[0].examples[0].text
    texts = store.read(RECORDS).filter(pl.col("text") == example).get_column("record_id")
    held = {*chosen, *told, *texts}
    assert len(held) > 25
    assert held <= set(rows_of(filled_release, split="train").get_column("id"))


def test_shares_come_within_two_points_for_every_common_category(filled_workspace: Workspace):
    report = export(filled_workspace, "0.1.0", dry_run=True)
    assert report.largest_deviation is not None
    assert report.largest_deviation <= 0.02


def test_judgements_hold_no_comment_no_report_of_danger_and_no_name_of_an_annotator(
    filled_workspace: Workspace, filled_release: Path
):
    answers = filled_workspace.store.read(ANNOTATIONS)
    assert answers.filter(pl.col("flags").list.contains("urgent")).height > 0
    rows = rows_of(filled_release, "annotations")
    assert not {"comment", "annotation_uuid", "created_at"} & set(rows.columns)
    flags = FEATURES["annotations"](filled_workspace.label_scheme)["flags"].feature.names
    assert "urgent" not in flags
    assert "cannot_judge" in flags
    everything = b"".join(bytes_of(filled_release).values()) + rows.write_json().encode()
    assert b"told the lead" not in everything
    assert not any(name in rows.write_json() for name in ("amsel", "drossel", "fink"))
    assert rows.get_column("annotator").n_unique() == 4


def test_every_live_judgement_but_those_of_qualification_is_released_in_its_records_split(
    filled_workspace: Workspace, filled_release: Path
):
    store = filled_workspace.store
    purposes = store.read(ASSIGNMENTS).select("task_key", "purpose")
    live = store.read(ANNOTATIONS).filter(pl.col("state") == "live").join(purposes, on="task_key")
    wanted = live.filter(pl.col("purpose") != "qualification").group_by("record_id").len()
    rows = rows_of(filled_release, "annotations")
    assert dict(rows.group_by("id").len().rows()) == dict(wanted.rows())
    for split in ("train", "validation", "test"):
        judged = set(rows_of(filled_release, "annotations", split)["id"])
        assert judged <= set(rows_of(filled_release, split=split)["id"])


def test_who_cannot_judge_has_null_labels_and_who_sees_none_an_empty_list(filled_release: Path):
    rows = rows_of(filled_release, "annotations").filter(pl.col("pass") == "triage")
    flagged = pl.col("flags").list.len() > 0
    assert rows.filter(pl.col("labels").is_null() & flagged).height == rows["labels"].null_count() > 0
    assert rows.filter(pl.col("labels").list.len() == 0).height > 0


def test_a_judgement_says_which_columns_were_asked_and_null_for_all(filled_workspace: Workspace):
    answers = filled_workspace.store.read(ANNOTATIONS).filter(pl.col("labels").list.len() == 0).head(1)
    newer = answers.with_columns(revision=2, asked=pl.lit(["threat_contained"]))
    filled_workspace.store.append(ANNOTATIONS, newer)
    frames = draft_release(filled_workspace, "0.1.0", seed=0).frames
    found = pl.concat([frame for (config, _), frame in frames.items() if config == "annotations"])
    asked = found.filter(pl.col("asked").is_not_null())
    assert asked.select("id", "asked").rows() == [(answers.item(0, "record_id"), ["threat_contained"])]


def test_context_is_given_for_news_with_rights_and_never_for_posts(filled_release: Path):
    rows = rows_of(filled_release)
    news = pl.col("kind") == "news"
    assert rows.filter(~news)["context_before"].null_count() == rows.filter(~news).height
    assert rows.filter(news)["context_before"].null_count() == 0
    assert rows.filter(news & (pl.col("context_before") != "")).height >= 90


def test_the_cards_figures_are_those_that_plain_counting_gives(filled_release: Path):
    card = (filled_release / "README.md").read_text("utf-8").splitlines()
    cells = {line.split(" | ")[0].removeprefix("| "): line.rstrip(" |").split(" | ")[1:] for line in card}
    splits = [rows_of(filled_release, split=split).to_dicts() for split in ("train", "validation", "test")]
    judged = [rows_of(filled_release, "annotations", split) for split in ("train", "validation", "test")]
    for language in ("de", "en"):
        news = [sum((r["language"], r["kind"]) == (language, "news") for r in rows) for rows in splits]
        assert cells[f"{language}, news"] == [str(n) for n in news]
        for column in ("contained", "author"):
            answers = [[r[f"threat_{column}"] for r in rows if r["language"] == language] for rows in splits]
            counts = [f"{a.count(True)} / {a.count(False)} / {a.count(None)}" for a in answers]
            assert cells[f"threat, {column}, {language}"] == counts
    assert cells["all"] == [str(len(rows)) for rows in splits]
    assert cells["detail"] == [str(rows["pass"].to_list().count("detail")) for rows in judged]
    assert cells["annotators"] == ["4", "4", "4"]


def test_the_same_tables_version_and_seed_give_the_same_bytes(
    filled_workspace: Workspace, filled_release: Path
):
    again = export(filled_workspace, "0.1.0")
    assert bytes_of(Path(again.path)) == bytes_of(filled_release)


def test_a_dry_run_says_what_the_release_will_hold_and_writes_nothing(
    filled_workspace: Workspace, filled_release: Path
):
    before = bytes_of(filled_workspace.root)
    planned = export(filled_workspace, "0.1.0", dry_run=True)
    manifest = read_manifest(filled_release)
    assert (planned.splits, planned.content_sha256) == (manifest.splits, manifest.content_sha256)
    assert bytes_of(filled_workspace.root) == before


def test_pseudonyms_of_one_release_cannot_be_found_in_the_next(released_workspace: Workspace):
    first = released_workspace.root / "releases" / "0.1.0"
    second = Path(export(released_workspace, "0.2.0").path)
    both = rows_of(first).join(rows_of(second), on="id", suffix="@next")
    for column in GROUPS:
        pairs = both.select(column, f"{column}@next").drop_nulls().unique()
        assert pairs.height == pairs.get_column(column).n_unique() >= 20
        same = pairs.filter(pl.col(column) == pl.col(f"{column}@next")).height
        assert same <= 5, "names are dealt anew"
    names = [set(rows_of(path, "annotations")["annotator"]) for path in (first, second)]
    assert not names[0] & names[1]


def test_groups_hold_the_same_records_as_authors_and_conversations(
    filled_workspace: Workspace, filled_release: Path
):
    records = filled_workspace.store.read(RECORDS).select("record_id", "author", "conversation")
    rows = rows_of(filled_release).join(records, left_on="id", right_on="record_id")
    for column in ("author", "conversation"):
        pairs = rows.select(column, f"{column}_group").unique()
        assert pairs.height == rows[column].n_unique() == rows[f"{column}_group"].n_unique()
        assert rows.filter(pl.col(column).is_null() != pl.col(f"{column}_group").is_null()).is_empty()


def test_an_answer_by_another_label_scheme_is_refused_and_leaves_no_folder(filled_workspace: Workspace):
    foreign = filled_workspace.store.read(ANNOTATIONS).filter(pl.col("state") == "live").head(1)
    moment = datetime(2032, 1, 1, tzinfo=UTC)
    newer = foreign.with_columns(revision=2, updated_at=pl.lit(moment), labels=pl.lit(["gossip"]))
    filled_workspace.store.append(ANNOTATIONS, newer)
    with pytest.raises(InputError, match="column labels") as raised:
        export(filled_workspace, "0.1.0")
    assert "gossip" not in str(raised.value)
    assert list((filled_workspace.root / "releases").iterdir()) == []


def test_a_destroyed_key_leaves_export_possible_with_a_warning(filled_workspace: Workspace):
    filled_workspace.secrets.update({PSEUDONYM_KEY: None})
    drafts = [draft_release(filled_workspace, "0.1.0", seed=0) for _ in range(2)]
    assert all("pseudonym key is gone" in draft.warnings[0] for draft in drafts)
    assert drafts[0].lock.equals(drafts[1].lock)
    assert drafts[0].content_sha256 != drafts[1].content_sha256


def test_names_become_numbers_in_the_order_of_the_scheme(workspace: Workspace):
    features = FEATURES["annotations"](workspace.label_scheme)
    blank = pl.DataFrame({name: [None] for name in features}, schema=dict.fromkeys(features, pl.Null))
    answer = blank.with_columns(
        labels=pl.Series([["protest_mobilization", "threat"]]),
        voices=pl.Series([[{"label": "threat", "voice": "reported"}]]),
        seconds=pl.Series(["under 5"]),
    )
    row = encode(answer, features).row(0, named=True)
    assert (row["labels"], row["voices"], row["seconds"]) == ([2, 0], [{"label": 0, "voice": 2}], 0)
    assert row["spans"] is None


def test_a_scheme_whose_attribute_makes_a_label_column_twice_is_refused(workspace: Workspace):
    path = workspace.root / "schemas" / "label_scheme.toml"
    path.write_text(path.read_text("utf-8").replace('name = "target"', 'name = "voice"'), "utf-8")
    with pytest.raises(SettingsError, match="threat_voice"):
        default_features(open_workspace(workspace.root).label_scheme)


def test_annotators_keep_their_pseudonym_over_releases_only_if_asked(filled_workspace: Workspace):
    settings = filled_workspace.root / "aufruf.toml"
    changed = settings.read_text("utf-8").replace("[release]", '[release]\nannotators = "stable"')
    settings.write_text(changed, "utf-8")
    stable = open_workspace(filled_workspace.root)
    first, second = (Path(export(stable, version).path) for version in ("0.1.0", "0.1.1"))
    people = [set(rows_of(path, "annotations")["annotator"]) for path in (first, second)]
    assert people[0] == people[1]
    assert len(people[0]) == 4
    assert [read_manifest(path).annotators for path in (first, second)] == ["stable", "stable"]


def test_a_relation_that_is_switched_off_is_recorded_and_may_be_shared(filled_workspace: Workspace):
    settings = filled_workspace.root / "aufruf.toml"
    changed = settings.read_text("utf-8").replace('"author", ', "", 1)
    settings.write_text(changed, "utf-8")
    path = Path(export(open_workspace(filled_workspace.root), "0.1.0").path)
    assert read_manifest(path).relations == ["duplicate", "conversation", "reply", "article", "syndicated"]
    report = verify(path)
    assert report.ok
    assert report.certificate["shared_author_groups"] > 0
    assert report.certificate["shared_groups"] == 0
