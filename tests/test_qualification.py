"""Qualification: its items, who has passed, and that nothing of it reaches a corpus."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl
import pytest
from typer.testing import CliRunner

from aufruf.assets import asset
from aufruf.cli.app import app
from aufruf.clustering import update_clusters
from aufruf.duplicates import find_duplicates
from aufruf.errors import InputError, SettingsError
from aufruf.label_scheme import LANGUAGES, load_label_scheme
from aufruf.labelstudio.annotators import Annotator
from aufruf.labelstudio.answers import Answer, to_result
from aufruf.labelstudio.feedback import ItemFeedback, feedback_page, verdict
from aufruf.labelstudio.qualification import (
    Item,
    figures,
    item_records,
    items_of,
    load_items,
    qualified,
    record_id,
)
from aufruf.labelstudio.qualifying import qualification_results, qualify
from aufruf.labelstudio.routing import task_key
from aufruf.labelstudio.rows import answer_columns
from aufruf.masking import mask_column
from aufruf.release.content import gather
from aufruf.sample import sample_posts
from aufruf.sampling import sample_round
from aufruf.status import status
from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, CLUSTERS, EVENTS, GOLD, RECORDS
from aufruf.workspace import open_workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aufruf.label_scheme import Language
    from aufruf.labelstudio.qualifying import QualifyReport
    from aufruf.workspace import Workspace

SCHEME = load_label_scheme(asset("schemas", "label_scheme.toml"))
ITEMS = {
    language: load_items(asset("annotation", "qualification", f"{language}.toml"), SCHEME)
    for language in LANGUAGES
}
EVERY = [pytest.param(language, item, id=item.id) for language in LANGUAGES for item in ITEMS[language]]
NOON = datetime(2031, 5, 1, 12, tzinfo=UTC)
NONE = Answer(labels=())


def as_answer(item: Item) -> Answer:
    """The expected answer, as an annotator would give it."""
    labels = tuple(name for name in SCHEME.label_names if name in item.answer)
    voices = tuple(
        (label, voice) for label in labels for voice in SCHEME.voice_names if voice in item.answer[label]
    )
    return Answer(labels, voices, tuple((k, "serious", v) for k, v in item.serious.items()))


def answered(
    workspace: Workspace, annotator: str, language: Language, answer: Callable[[Item], Answer | None]
) -> None:
    """Put an annotator's pulled answers to the items into the workspace; None: not answered yet."""
    items = items_of(workspace)[language]
    keys = {
        item.id: task_key("qualification", "triage", record_id(language, item), annotator, "x")
        for item in items
    }
    planned = [
        {
            "task_key": keys[item.id],
            "round": "qualification",
            "pass": "triage",
            "record_id": record_id(language, item),
            "language": language,
            "annotator": annotator,
            "purpose": "qualification",
            "position": position,
            "release_day": 0,
            "project_id": 1,
            "scheme_sha256": SCHEME.sha256,
        }
        for position, item in enumerate(items)
    ]
    workspace.store.append(ASSIGNMENTS, pl.DataFrame(planned, schema=ASSIGNMENTS.schema))
    given = [(item, found) for item in items if (found := answer(item)) is not None]
    rows = [_row(item, found, keys[item.id], annotator, language) for item, found in given]
    workspace.store.append(ANNOTATIONS, pl.DataFrame(rows, schema=ANNOTATIONS.schema))


def _row(item: Item, answer: Answer, key: str, annotator: str, language: Language) -> dict[str, Any]:
    return {
        **dict.fromkeys(ANNOTATIONS.schema),
        "annotation_uuid": f"{annotator}-{item.id}",
        "revision": 1,
        "task_key": key,
        "record_id": record_id(language, item),
        "annotator": annotator,
        "round": "qualification",
        "pass": "triage",
        **answer_columns(answer, "triage"),
        "created_at": NOON,
        "updated_at": NOON,
        "scheme_sha256": SCHEME.sha256,
        "guideline_version": "0",
    }


def copy_of(item: Item, language: Language, **more: Any) -> dict[str, Any]:
    """A real record with an item's text."""
    (row,) = item_records([item], language).to_dicts()
    return row | {"record_id": "copied", "post_id": "copied", "import_id": "import", "source": "board"} | more


# --- The items ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_are_24_items_and_their_ids_are_numbered(language: Language):
    assert [item.id for item in ITEMS[language]] == [f"{language}-{n:02}" for n in range(1, 25)]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("label", SCHEME.label_names)
def test_every_label_is_three_times_the_authors_own_and_three_times_not(language: Language, label: str):
    own = [not set(SCHEME.author_voices).isdisjoint(item.answer.get(label, ())) for item in ITEMS[language]]
    assert sum(own) >= 3
    assert len(own) - sum(own) >= 3


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_voice_is_asked_for_and_six_items_have_no_label(language: Language):
    voices = {voice for item in ITEMS[language] for of in item.answer.values() for voice in of}
    assert voices == set(SCHEME.voice_names)
    assert sum(not item.answer for item in ITEMS[language]) >= 6


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_border_of_the_label_scheme_is_asked_about(language: Language):
    cited = {item.section for item in ITEMS[language]}
    assert {border.title[language] for border in SCHEME.borders} <= cited


@pytest.mark.parametrize(("language", "item"), EVERY)
def test_the_section_that_an_item_cites_is_a_heading_of_the_guidelines(language: Language, item: Item):
    guidelines = asset("annotation", "guidelines", f"{language}.md").read_text("utf-8")
    assert item.section in re.findall(r"^#+ (.+)$", guidelines, re.MULTILINE)


@pytest.mark.parametrize(("language", "item"), EVERY)
def test_an_expected_answer_can_be_given_on_the_page(language: Language, item: Item):
    from aufruf.labelstudio.answers import read_result

    answer = as_answer(item)
    assert language in LANGUAGES
    assert (
        read_result(to_result(answer, item.text, SCHEME, "triage"), item.text, SCHEME, "triage").answer
        == answer
    )


@pytest.mark.parametrize(("language", "item"), EVERY)
def test_the_text_of_an_item_is_stored_as_it_stands_and_holds_no_personal_data(
    language: Language, item: Item
):
    (row,) = item_records([item], language).to_dicts()
    assert row["text"] == item.text == item.text.strip()
    masked = mask_column(
        pl.Series([item.text]), b"key", ("mention", "email", "phone", "profile_link", "iban")
    )
    assert masked.to_list() == [item.text]


def test_no_item_is_a_near_copy_of_another_or_of_what_annotators_have_seen():
    shown = [
        example.text for label in SCHEME.labels for example in (*label.examples, *label.counter_examples)
    ]
    shown += [example.text for border in SCHEME.borders for example in border.examples]
    shown += [post.text for post in sample_posts()]
    shown += [path.read_text("utf-8") for path in asset("annotation", "sample", "news").glob("*.txt")]
    texts = [item.text for language in LANGUAGES for item in ITEMS[language]]
    pairs = find_duplicates(texts + shown, threshold=0.5).pairs
    assert pairs.filter(pl.col("left") < len(texts)).is_empty()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ('answer = { threats = ["own"] }', "label 'threats' is not in the label scheme"),
        ('answer = { threat = ["mine"] }', "threat needs voices among own, "),
        ("answer = { threat = [] }", "threat needs voices among own, "),
        ('serious = { threat = "joking" }', "needs a label of the answer"),
        ('answer = { threat = ["own"] }\nserious = { threat = "meant" }', "one of serious, joking, unclear"),
        ("weight = 2", "unknown field `weight`"),
        ("text = 1", "not valid TOML"),
    ],
)
def test_a_wrong_item_is_named_with_what_was_expected(tmp_path: Path, change: str, said: str):
    file = tmp_path / "de.toml"
    file.write_text(f'[[item]]\nid = "a"\ntext = "t"\nwhy = "w"\nsection = "s"\n{change}\n', "utf-8")
    with pytest.raises(SettingsError, match=re.escape(said)):
        load_items(file, SCHEME)


def test_items_that_stand_twice_and_a_missing_file_are_refused(tmp_path: Path):
    item = '[[item]]\nid = "a"\ntext = "t"\nwhy = "w"\nsection = "s"\n'
    (tmp_path / "de.toml").write_text(item * 2, "utf-8")
    with pytest.raises(SettingsError, match=r"a stands twice; the text of a stands twice"):
        load_items(tmp_path / "de.toml", SCHEME)
    with pytest.raises(SettingsError, match="copy them from a new workspace"):
        load_items(tmp_path / "en.toml", SCHEME)


# --- Who has passed ----------------------------------------------------------------------------------


def test_nobody_is_qualified_before_anybody_has_answered(workspace: Workspace):
    assert qualified(workspace).rows() == []
    assert qualified(workspace).schema == {
        "annotator": pl.String,
        "language": pl.String,
        "passed": pl.Boolean,
    }


def test_who_answers_as_expected_passes_in_that_language_alone(workspace: Workspace):
    answered(workspace, "amsel", "de", as_answer)
    assert qualified(workspace).rows() == [("amsel", "de", True)]


def test_who_always_says_none_of_these_gets_one_half_everywhere_and_fails(workspace: Workspace):
    answered(workspace, "fink", "en", lambda _: NONE)
    assert qualified(workspace).rows() == [("fink", "en", False)]
    assert set(figures(workspace).get_column("figure")) == {0.5}


def test_a_figure_is_the_mean_of_the_right_shares_where_the_label_holds_and_where_it_does_not(
    workspace: Workspace,
):
    """Threat, German: contained in 7 of 24; one of them missed, and seen once where it is not.

    (6/7 + 16/17) / 2
    """
    wrong = {"de-05": NONE, "de-09": Answer(("threat",), (("threat", "reported"),))}
    answered(workspace, "amsel", "de", lambda item: wrong.get(item.id) or as_answer(item))
    (row,) = figures(workspace).filter(label="threat", column="contained").to_dicts()
    assert (row["held_right"], row["held"], row["not_held_right"], row["not_held"]) == (6, 7, 16, 17)
    assert row["figure"] == pytest.approx((6 / 7 + 16 / 17) / 2)
    author = figures(workspace).filter(label="threat", column="author")
    assert author.item(0, "figure") == 1


def test_taking_reported_words_for_the_authors_own_costs_the_authors_column_alone(workspace: Workspace):
    def own(item: Item) -> Answer:
        answer = as_answer(item)
        return replace(answer, voices=tuple((label, "own") for label in answer.labels or ()))

    answered(workspace, "amsel", "de", own)
    found = {(r["label"], r["column"]): r["passed"] for r in figures(workspace).to_dicts()}
    assert found["threat", "contained"]
    assert found["threat", "author"]
    assert not open_with_marks(workspace, "pass = 0.95")[("threat", "author")]


def open_with_marks(workspace: Workspace, setting: str) -> dict[tuple[str, str], bool]:
    path = workspace.root / "aufruf.toml"
    old = re.sub(r"^labels = .*\n", "", path.read_text("utf-8"), flags=re.MULTILINE)
    path.write_text(re.sub(r"^pass = .*$", setting, old, flags=re.MULTILINE), "utf-8")
    rows = figures(open_workspace(workspace.root)).to_dicts()
    return {(row["label"], row["column"]): row["passed"] for row in rows}


def test_a_label_may_have_a_mark_of_its_own(workspace: Workspace):
    missed = {"de-05", "de-06"}
    answered(workspace, "amsel", "de", lambda i: NONE if i.id in missed else as_answer(i))
    assert open_with_marks(workspace, "pass = 0.8")["threat", "contained"]
    marks = open_with_marks(workspace, "pass = 0.8\nlabels = { threat = 0.9 }")
    assert not marks["threat", "contained"]
    assert marks["threat", "author"]
    with pytest.raises(SettingsError, match="names 'thread', expected one of threat,"):
        open_with_marks(workspace, "pass = 0.8\nlabels = { thread = 0.9 }")
    with pytest.raises(SettingsError, match="pass: expected a share from 0 to 1"):
        open_with_marks(workspace, "pass = 80")


@pytest.mark.parametrize("missing", [None, Answer(skipped=True), Answer(flags=("cannot_judge",))])
@pytest.mark.parametrize("left_out", [6, 7])
def test_what_was_skipped_counts_neither_way_but_three_quarters_must_be_judged(
    workspace: Workspace, missing: Answer | None, left_out: int
):
    easy = [*(item.id for item in ITEMS["de"] if not item.answer), "de-17"][:left_out]
    answered(workspace, "amsel", "de", lambda i: missing if i.id in easy else as_answer(i))
    (row,) = figures(workspace).filter(label="threat", column="contained").to_dicts()
    assert (row["figure"], row["judged"], row["items"]) == (1, 24 - left_out, 24)
    assert qualified(workspace).item(0, "passed") is (left_out == 6)


def test_a_label_of_which_nothing_was_judged_has_no_figure_and_is_not_passed(workspace: Workspace):
    having = {item.id for item in ITEMS["en"] if "violence_approval" in item.answer}
    answered(workspace, "fink", "en", lambda i: None if i.id in having else as_answer(i))
    (row,) = figures(workspace).filter(label="violence_approval", column="contained").to_dicts()
    assert (row["held"], row["figure"], row["passed"]) == (0, None, False)
    assert not qualified(workspace).item(0, "passed")


def test_a_changed_text_is_a_new_item_and_its_old_answer_counts_no_more(workspace: Workspace):
    answered(workspace, "amsel", "de", as_answer)
    path = workspace.root / "annotation" / "qualification" / "de.toml"
    path.write_text(path.read_text("utf-8").replace("Trillerpfeifen nicht", "Plakate nicht"), "utf-8")
    (row,) = figures(workspace).filter(label="threat", column="contained").to_dicts()
    assert row["judged"] == 23
    assert qualified(workspace).rows() == [("amsel", "de", True)]


# --- The feedback page ---------------------------------------------------------------------------------


class Reader(HTMLParser):
    """What a page holds: its tags and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, "missing"),
        ({"threat": ("own", "condemned")}, "same"),
        ({"threat": ("endorsed",)}, "voice"),
        ({"threat": ("reported",)}, "other"),
        ({}, "other"),
        ({"threat": ("own",), "call_to_violence": ("own",)}, "other"),
    ],
)
def test_an_answer_agrees_in_full_or_but_for_a_voice_or_differs(given: dict[str, Any] | None, expected: str):
    item = ITEMS["de"][2]
    assert verdict(ItemFeedback(item, given), SCHEME) == expected


def test_the_page_shows_text_both_answers_and_why_in_its_language(workspace: Workspace):
    wrong = Answer(("threat",), (("threat", "own"),))
    answered(workspace, "amsel", "de", lambda i: wrong if i.id == "de-05" else as_answer(i))
    (result,) = qualification_results(workspace)
    assert result.page == str(workspace.root / "reports" / "qualification" / "amsel.de.html")
    page = read((workspace.root / "reports" / "qualification" / "amsel.de.html").read_text("utf-8"))
    for item in ITEMS["de"]:
        assert item.text in page.text
        assert item.why in page.text
    assert "Drohung: eigene Stimme" in page.text
    assert "Drohung: verurteilt" in page.text
    assert "Leitfaden, Abschnitt „Häufige Fälle“" in page.text
    assert "1 von 24 anders beantwortet" in page.text
    assert page.text.count("Drohung: eigene Stimme (scherzhaft oder übertrieben)") == 2
    assert "\nAufgaben\n" in page.text
    assert "<" not in page.text
    assert ("html", {"lang": "de"}) in page.tags


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing():
    item = Item("x", "<script>alert(1)</script> & <img src=x onerror=alert(1)>", "<b>why</b>", "S")
    page = feedback_page("en", SCHEME, [], [ItemFeedback(item, {})], passed=False)
    reader = read(page)
    names = {tag for tag, _ in reader.tags}
    assert not names & {"script", "img", "link", "iframe", "b", "a"}
    assert item.text in reader.text
    assert not any(name in attributes for _, attributes in reader.tags for name in ("src", "href", "onerror"))
    policy = next(a["content"] for tag, a in reader.tags if tag == "meta" and "http-equiv" in a)
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


def test_the_page_does_not_say_what_a_comment_says(workspace: Workspace):
    answered(workspace, "amsel", "en", lambda i: replace(as_answer(i), comment="do not show this"))
    (result,) = qualification_results(workspace)
    assert result.page is not None
    assert "do not show this" not in open_page(workspace, "amsel.en.html")


def open_page(workspace: Workspace, name: str) -> str:
    return (workspace.root / "reports" / "qualification" / name).read_text("utf-8")


def test_results_come_by_name_and_a_dry_run_writes_no_page(workspace: Workspace):
    answered(workspace, "fink", "de", as_answer)
    answered(workspace, "amsel", "de", lambda _: NONE)
    events = workspace.store.scan(EVENTS).collect().height
    found = qualification_results(workspace, dry_run=True)
    assert [(r.annotator, r.passed, r.page) for r in found] == [("amsel", False, None), ("fink", True, None)]
    assert not (workspace.root / "reports" / "qualification").exists()
    assert workspace.store.scan(EVENTS).collect().height == events


def test_results_before_any_answer_say_what_to_do(workspace: Workspace):
    with pytest.raises(InputError, match="ask with `aufruf annotate qualify`"):
        qualification_results(workspace)


# --- Who is asked --------------------------------------------------------------------------------------


@pytest.fixture
def staffed(workspace: Workspace) -> Workspace:
    file = workspace.root / "annotation" / "annotators.toml"
    people = [("amsel", ["de", "en"]), ("fink", ["de"])]
    file.write_text("".join(f'[[annotator]]\nid = "{n}"\nlanguages = {ls}\n' for n, ls in people), "utf-8")
    return workspace


def asked(report: QualifyReport) -> list[tuple[str, str, int, int]]:
    return [(a.annotator, a.language, a.new, a.existing) for a in report.asked]


def test_everybody_is_asked_in_the_languages_that_they_read(staffed: Workspace):
    report = qualify(staffed, dry_run=True)
    assert asked(report) == [("amsel", "de", 24, 0), ("amsel", "en", 24, 0), ("fink", "de", 24, 0)]
    assert staffed.store.read(ASSIGNMENTS).is_empty()
    assert staffed.store.read(RECORDS).is_empty()


def test_people_and_languages_can_be_named(staffed: Workspace):
    assert asked(qualify(staffed, ["amsel"], ["en"], dry_run=True)) == [("amsel", "en", 24, 0)]
    with pytest.raises(InputError, match=r"'meise' is not in .*; it names amsel, fink"):
        qualify(staffed, ["meise"], dry_run=True)
    with pytest.raises(InputError, match="none of fink reads en"):
        qualify(staffed, ["fink"], ["en"], dry_run=True)


def test_nobody_is_asked_an_item_twice_and_a_changed_one_is_asked_anew(staffed: Workspace):
    answered(staffed, "fink", "de", as_answer)
    assert asked(qualify(staffed, ["fink"], dry_run=True)) == [("fink", "de", 0, 24)]
    path = staffed.root / "annotation" / "qualification" / "de.toml"
    path.write_text(path.read_text("utf-8").replace("Trillerpfeifen nicht", "Plakate nicht"), "utf-8")
    assert asked(qualify(staffed, ["fink"], dry_run=True)) == [("fink", "de", 1, 23)]


def test_the_command_shows_what_it_would_do_and_scores_everybody(staffed: Workspace):
    run = CliRunner()
    where = ["--workspace", str(staffed.root), "--json"]
    shown = run.invoke(app, ["annotate", "qualify", "fink", "--dry-run", *where])
    assert msgspec.json.decode(shown.stdout)["asked"] == [
        {"annotator": "fink", "language": "de", "new": 24, "existing": 0}
    ]
    answered(staffed, "fink", "de", as_answer)
    scored = run.invoke(app, ["annotate", "qualify", "--results", *where])
    (result,) = msgspec.json.decode(scored.stdout)
    assert (result["annotator"], result["passed"], len(result["labels"])) == ("fink", True, 8)
    table = run.invoke(app, ["annotate", "qualify", "--results", "--workspace", str(staffed.root)])
    assert "fink, de: passed; judged 24 of 24" in table.stdout


# --- Nothing of it reaches a corpus ------------------------------------------------------------------


def with_items(workspace: Workspace, *more: dict[str, Any]) -> None:
    """Put the records behind all items into the workspace, and others, with their clusters."""
    rows = [item_records(ITEMS[language], language) for language in LANGUAGES]
    others = [pl.DataFrame([row], schema=RECORDS.schema) for row in more]
    workspace.store.append(RECORDS, pl.concat([*rows, *others]))
    update_clusters(workspace.store)


def other(number: int) -> dict[str, Any]:
    text = f"Im Gemeindeblatt steht heute nichts Neues, Nummer {number}."
    return copy_of(Item("x", text, "w", "s"), "de", record_id=f"r{number}", post_id=f"r{number}")


def test_items_and_their_near_copies_are_never_sampled_or_counted(workspace: Workspace):
    near = replace_text(ITEMS["de"][0], ITEMS["de"][0].text + " Schluss.")
    with_items(workspace, copy_of(near, "de"), other(1))
    report = sample_round(workspace, "pilot", 100, seed=0)
    assert (report.available, report.drawn) == (1, 1)
    assert status(workspace).records == {"post de": 2}


def replace_text(item: Item, text: str) -> Item:
    return msgspec.structs.replace(item, text=text)


def test_no_round_can_take_the_name_of_the_qualification(workspace: Workspace):
    with_items(workspace, other(1))
    with pytest.raises(InputError, match="belongs to `aufruf annotate qualify`"):
        sample_round(workspace, "qualification", 1, seed=0)


def test_no_item_is_released_and_a_near_copy_stays_in_train(filled_workspace: Workspace):
    """Even where somebody decided gold labels about an item."""
    store = filled_workspace.store
    before = gather(filled_workspace)
    near = replace_text(ITEMS["en"][0], ITEMS["en"][0].text + " Soon.")
    items = item_records(ITEMS["en"], "en")
    copied = pl.DataFrame([copy_of(near, "en")], schema=RECORDS.schema)
    store.append(RECORDS, pl.concat([items, copied]))
    store.append(
        CLUSTERS,
        pl.DataFrame(
            [(i, "c") for i in ("copied", items.item(0, "record_id"))], CLUSTERS.schema, orient="row"
        ),
    )
    gold = store.read(GOLD).filter(pl.col("record_id") == before.records.item(0, "record_id"))
    for number in (*items.get_column("record_id"), "copied"):
        store.append(GOLD, gold.with_columns(record_id=pl.lit(number)))
    after = gather(filled_workspace)
    assert set(after.records["record_id"]) - set(before.records["record_id"]) == {"copied"}
    assert after.records.filter(record_id="copied").item(0, "train_only") is True
    same = after.records.filter(pl.col("record_id") != "copied")
    assert same.get_column("train_only").equals(before.records.get_column("train_only"))


# --- With Label Studio -----------------------------------------------------------------------------------


@pytest.mark.labelstudio
@pytest.mark.slow
def test_the_whole_way_asks_each_item_once_and_scores_what_was_pulled(live: Workspace):
    from aufruf.labelstudio.entry import enter_answers
    from aufruf.labelstudio.pull import pull
    from aufruf.labelstudio.rounds import annotators_of, assignments

    first = qualify(live, ["amsel"], ["de"])
    again = qualify(live, ["amsel", "fink"], ["de"])
    assert asked(first) == [("amsel", "de", 24, 0)]
    assert asked(again) == [("amsel", "de", 0, 24), ("fink", "de", 24, 0)]
    assert first.applied is not None
    assert again.applied is not None
    assert (first.applied.created, again.applied.created, again.applied.existing) == (24, 24, 24)
    planned = assignments(live, "qualification")
    expected = {record_id("de", item): as_answer(item) for item in ITEMS["de"]}
    mine = planned.filter(annotator="amsel").select("task_key", "record_id").iter_rows()
    enter_answers(live, "qualification", "triage", {key: expected[record] for key, record in mine})
    assert pull(live, "qualification").quarantined == {}
    assert qualified(live).rows() == [("amsel", "de", True)]
    assert isinstance(annotators_of(live)[0], Annotator)
