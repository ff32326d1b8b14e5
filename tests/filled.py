"""Fill a workspace with a few hundred small invented records, judged and decided: no commands involved.

Everything follows from the seed. In it are authors and conversations with several posts, articles in
excerpts, duplicates, a record whose text is an example of the guidelines, records that a model chose,
qualification and check items, skipped answers, answers that cannot judge, `urgent`, undecided gold,
records of a foreign set of which only one label was asked, and a source without rights.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from aufruf.tables import ANNOTATIONS, ASSIGNMENTS, CLUSTERS, DUPLICATES, GOLD, RECORDS, SAMPLES
from counted import counted_cell, counted_gold
from invented import FRAMES, OPENINGS, PHRASES, PLAIN

if TYPE_CHECKING:
    from aufruf.label_scheme import Attribute, LabelScheme
    from aufruf.workspace import Workspace

ROUND = "pilot"
MODEL_ROUND = "uncertain"
BOARD, GAZETTE, FOREIGN = "board", "gazette", "foreign"
GOLD_RUN = "gold-1"
WITHOUT_RIGHTS = "found"
ANNOTATORS = ("amsel", "drossel", "fink", "star")
START = datetime(2031, 3, 1, 9, tzinfo=UTC)
POSTS, ARTICLES, EXCERPTS, COPIES, FOREIGN_RECORDS = 150, 15, 4, 10, 40


@dataclass
class _Truth:
    """A record with what a careful reader would answer: voice and span of each label that holds."""

    row: dict[str, Any]
    labels: dict[str, tuple[str, tuple[int, int]]] = field(default_factory=dict)
    round: str = ROUND


def fill(workspace: Workspace, *, seed: int = 0) -> None:
    """Fill the tables of a fresh workspace, gold included, and record the decision's event."""
    rng = random.Random(seed)
    scheme = workspace.label_scheme
    truths = [truth for language in ("de", "en") for truth in _records(language, rng)]
    example = scheme.labels[0].examples[0]
    truths.append(_Truth(_row("example", "post", example.language, example.text, author="nick-example")))
    for chosen in truths[3::25]:
        chosen.round = MODEL_ROUND
    foreign = [_foreign(("de", "en")[n % 2], n, rng) for n in range(FOREIGN_RECORDS)]
    triage, detail = _answers(truths, workspace, rng)
    gold = counted_gold(triage, detail, scheme) + [_foreign_gold(truth) for truth in foreign]
    tables = {
        RECORDS: [truth.row for truth in (*truths, *foreign)],
        CLUSTERS: _clusters([*truths, *foreign]),
        DUPLICATES: _pairs(truths),
        SAMPLES: _samples(truths),
        ASSIGNMENTS: _assignments(triage + detail, truths),
        ANNOTATIONS: triage + detail,
        GOLD: [row | {"gold_run": GOLD_RUN} for row in gold],
    }
    for table, rows in tables.items():
        workspace.store.append(table, pl.DataFrame(rows, schema=table.schema))
    _name_rights(workspace)
    workspace.record_event("gold", GOLD_RUN, {"records": len(truths) + len(foreign)})


def _name_rights(workspace: Workspace) -> None:
    """Write rights for all sources but one, which is released without texts; news with theirs."""
    settings = workspace.root / "aufruf.toml"
    sections = [f'\n[sources.{slug}]\nrights = "CC-BY-4.0"\n' for slug in (BOARD, FOREIGN)]
    sections.append(f'\n[sources.{GAZETTE}]\nrights = "CC-BY-4.0"\nrelease = "text"\n')
    sections.append(f'\n[sources.{WITHOUT_RIGHTS}]\nrelease = "dehydrated"\n')
    settings.write_text(settings.read_text("utf-8") + "".join(sections), "utf-8")


def _hash(*parts: Any) -> str:
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:32]


def _row(key: str, kind: str, language: str, text: str, **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(RECORDS.schema)
    row |= {
        "record_id": _hash("record", key, text),
        "post_id": _hash("post", key),
        "import_id": "import-1",
        "source": BOARD if kind == "post" else GAZETTE,
        "kind": kind,
        "language": language,
        "language_confidence": 0.99,
        "text": text,
        "match_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "quotes": [],
        "has_media": False,
        "truncated": False,
        "key_id": "key-1",
        "created_at": START + timedelta(hours=int(_hash(key), 16) % 5000),
    }
    for name in ("author", "conversation", "article_id"):
        if name in more:
            more[name] = None if more[name] is None else _hash(name, more[name])
    return row | more


def _written(language: str, rng: random.Random, number: int) -> tuple[str, dict[str, Any]]:
    opening = f"{rng.choice(OPENINGS[language])}, {number}"
    if rng.random() < 0.3:
        return rng.choice(PLAIN[language]).format(opening=opening), {}
    label = rng.choice(list(PHRASES[language]))
    phrase = rng.choice(PHRASES[language][label])
    voice = rng.choices(list(FRAMES[language]), weights=(6, 1, 2, 1))[0]
    text = FRAMES[language][voice].format(opening=opening, phrase=phrase)
    start = text.index(phrase)
    return text, {label: (voice, (start, start + len(phrase)))}


def _records(language: str, rng: random.Random) -> list[_Truth]:
    found: list[_Truth] = []
    for number in range(POSTS):
        text, labels = _written(language, rng, number)
        author = None if number % 25 == 0 else f"{language}-nick-{int(rng.triangular(0, 110, 110))}"
        talk = f"{language}-talk-{number // 3}" if number % 15 < 3 else None
        source = WITHOUT_RIGHTS if number % 40 == 7 else BOARD
        row = _row(f"{language}-{number}", "post", language, text, author=author, conversation=talk)
        found.append(_Truth(row | {"source": source}, labels))
    for number in range(COPIES):
        original = found[number * 9]
        row = _row(
            f"{language}-copy-{number}",
            "post",
            language,
            original.row["text"] + " 🔥",
            author=f"{language}-copycat-{number}",
        )
        found.append(_Truth(row, dict(original.labels)))
    for article in range(ARTICLES):
        end = 0
        for number in range(EXCERPTS):
            text, labels = _written(language, rng, 1000 + article * EXCERPTS + number)
            start, end = end, end + len(text) + 1
            row = _row(
                f"{language}-news-{article}-{number}",
                "news",
                language,
                text,
                article_id=f"{language}-{article}",
                excerpt_start=start,
                excerpt_end=end - 1,
                outlet="Bote" if language == "de" else "Gazette",
                title=f"{OPENINGS[language][article % 5]} {article}",
            )
            found.append(_Truth(row, labels))
    return found


def _foreign(language: str, number: int, rng: random.Random) -> _Truth:
    text, labels = _written(language, rng, 5000 + number)
    row = _row(f"{language}-foreign-{number}", "post", language, text)
    return _Truth(row | {"source": FOREIGN, "rights": "CC-BY-4.0"}, labels)


def _original(truth: _Truth) -> str:
    return truth.row["text"].removesuffix(" 🔥")


def _clusters(truths: list[_Truth]) -> list[dict[str, Any]]:
    smallest: dict[str, str] = {}
    for truth in truths:
        record_id = truth.row["record_id"]
        smallest[_original(truth)] = min(record_id, smallest.get(_original(truth), record_id))
    return [{"record_id": t.row["record_id"], "cluster": smallest[_original(t)]} for t in truths]


def _pairs(truths: list[_Truth]) -> list[dict[str, Any]]:
    ids = {truth.row["text"]: truth.row["record_id"] for truth in truths}
    copies = [truth for truth in truths if truth.row["text"].endswith(" 🔥")]
    pairs = [sorted((ids[_original(copy)], copy.row["record_id"])) for copy in copies]
    return [{"left": left, "right": right, "similarity": 0.93} for left, right in pairs]


def _samples(truths: list[_Truth]) -> list[dict[str, Any]]:
    return [
        {
            "round": truth.round,
            "record_id": truth.row["record_id"],
            "stratum": f"{truth.row['language']}/{truth.row['kind']}",
            "strategy": "stratified" if truth.round == ROUND else "uncertainty",
            "inclusion_probability": 0.25 if truth.row["kind"] == "post" else 0.5,
        }
        for truth in truths
    ]


def _answers(
    truths: list[_Truth], workspace: Workspace, rng: random.Random
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    scheme = workspace.label_scheme
    triage: list[dict[str, Any]] = []
    detail: list[dict[str, Any]] = []
    for number, truth in enumerate(truths):
        absent = number % len(ANNOTATORS)
        panel = [name for place, name in enumerate(ANNOTATORS) if place != absent]
        answers = [_judged(truth, annotator, workspace, rng) for annotator in panel]
        if number % 17 == 0:
            answers[0] |= {"state": "skipped", "labels": None, "voices": None, "attributes": None}
        if number % 29 == 0:
            missing = {"labels": None, "voices": None, "attributes": None, "flags": ["cannot_judge"]}
            answers[1] |= missing
        if number % 97 == 5:
            answers[2] |= {"flags": ["urgent"], "comment": "told the lead"}
        triage += answers
        judged = [answer for answer in answers if answer["labels"] is not None]
        votes = Counter(label for answer in judged for label in answer["labels"])
        settled = [name for name in scheme.label_names if 2 * votes[name] > len(judged)]
        if settled:
            detail += [_detailed(truth, answer, settled, scheme, rng) for answer in judged]
    return triage, detail


def _judged(truth: _Truth, annotator: str, workspace: Workspace, rng: random.Random) -> dict[str, Any]:
    chosen = {label: voice for label, (voice, _) in truth.labels.items()}
    if chosen and rng.random() < 0.12:
        chosen = {}
    elif chosen and annotator == "drossel" and rng.random() < 0.5:
        chosen = {label: "endorsed" if voice == "reported" else voice for label, voice in chosen.items()}
    elif not chosen and rng.random() < 0.04:
        chosen = {rng.choice(workspace.label_scheme.label_names): "unclear"}
    scheme = workspace.label_scheme
    serious = rng.choices(("serious", "joking", "unclear"), weights=(8, 1, 1))[0]
    return _answer(truth, annotator, "triage", scheme.sha256) | {
        "labels": list(chosen),
        "voices": [{"label": label, "voice": voice} for label, voice in chosen.items()],
        "attributes": [{"label": label, "attribute": "serious", "value": serious} for label in chosen],
        "flags": ["unsure"] if rng.random() < 0.05 else [],
        "seconds": round(rng.uniform(3, 90), 1),
        "guideline_version": workspace.guideline_version(truth.row["language"]),
    }


def _detailed(
    truth: _Truth, judged: dict[str, Any], settled: list[str], scheme: LabelScheme, rng: random.Random
) -> dict[str, Any]:
    own = [label for label in judged["labels"] if label in settled]
    attributes = [(label, attribute) for label in own for attribute in scheme.attributes_of(label, "detail")]
    text = truth.row["text"]
    spans = {label: truth.labels[label][1] if label in truth.labels else (0, len(text)) for label in own}
    return _answer(truth, judged["annotator"], "detail", scheme.sha256) | {
        "labels": own,
        "voices": None,
        "attributes": [
            {"label": label, "attribute": attribute.name, "value": _value(attribute, len(text), rng)}
            for label, attribute in attributes
        ],
        "spans": [{"label": label, "start": start, "end": end} for label, (start, end) in spans.items()],
        "flags": [],
        "seconds": round(rng.uniform(10, 200), 1),
        "guideline_version": judged["guideline_version"],
    }


def _value(attribute: Attribute, length: int, rng: random.Random) -> str:
    """Return what most would answer, which follows from the text's length, or now and then another."""
    names = attribute.value_names
    return names[length % len(names)] if rng.random() < 0.8 else rng.choice(names)


def _answer(truth: _Truth, annotator: str, in_pass: str, scheme_sha256: str) -> dict[str, Any]:
    record_id = truth.row["record_id"]
    moment = START + timedelta(days=300)
    return dict.fromkeys(ANNOTATIONS.schema) | {
        "annotation_uuid": _hash("annotation", record_id, annotator, in_pass),
        "revision": 1,
        "state": "live",
        "task_key": _hash("task", record_id, annotator, in_pass),
        "record_id": record_id,
        "annotator": annotator,
        "round": truth.round,
        "pass": in_pass,
        "created_at": moment,
        "updated_at": moment,
        "scheme_sha256": scheme_sha256,
    }


def _assignments(answers: list[dict[str, Any]], truths: list[_Truth]) -> list[dict[str, Any]]:
    languages = {truth.row["record_id"]: truth.row["language"] for truth in truths}
    special = {5: "qualification", 6: "gold_check"}
    purposes = {truth.row["record_id"]: special.get(n % 60, "main") for n, truth in enumerate(truths)}
    return [
        {
            "task_key": answer["task_key"],
            "round": answer["round"],
            "pass": answer["pass"],
            "record_id": answer["record_id"],
            "language": languages[answer["record_id"]],
            "annotator": answer["annotator"],
            "purpose": purposes[answer["record_id"]],
            "position": number,
            "release_day": 0,
            "project_id": 1 + ANNOTATORS.index(answer["annotator"]),
            "scheme_sha256": answer["scheme_sha256"],
        }
        for number, answer in enumerate(answers)
    ]


def _foreign_gold(truth: _Truth) -> dict[str, Any]:
    cell = counted_cell("contained", ["true" if "threat" in truth.labels else "false"])
    return {"record_id": truth.row["record_id"], "label": "threat", **cell}
