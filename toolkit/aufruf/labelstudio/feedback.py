"""The page that tells an annotator how they did: item, own answer, expected answer, why.

Self-contained HTML without script. It holds items and the annotator's own choices, nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from aufruf.label_scheme import Bilingual

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aufruf.label_scheme import LabelScheme, Language
    from aufruf.labelstudio.qualification import Item, LabelFigure

Verdict = Literal["same", "voice", "other", "missing"]
Chosen = dict[str, tuple[str, ...]]
"""The voices of each label that was chosen, by label; empty: none of them."""
_TEMPLATE = Path(__file__).with_name("feedback.html.j2")


@dataclass(frozen=True)
class ItemFeedback:
    """One item with the annotator's answer, null where it was not judged.

    ``serious`` says of chosen labels what the annotator did not take seriously.
    """

    item: Item
    given: Chosen | None
    serious: dict[str, str] = field(default_factory=dict[str, str])


def verdict(feedback: ItemFeedback, scheme: LabelScheme) -> Verdict:
    """Compare an answer with the expected one.

    ``same``: labels and voices; ``voice``: the labels are right, and so is for each whether it counts as the
    author's own, and some voice is another; ``other``: anything else; ``missing``: not judged.
    """
    expected, given = feedback.item.answer, feedback.given
    if given is None:
        return "missing"
    if {label: set(voices) for label, voices in given.items()} == {k: set(v) for k, v in expected.items()}:
        return "same"
    return "voice" if _as_author(given, scheme) == _as_author(expected, scheme) else "other"


def feedback_page(
    language: Language,
    scheme: LabelScheme,
    lines: Sequence[LabelFigure],
    items: Sequence[ItemFeedback],
    *,
    passed: bool,
) -> str:
    """Return the page as HTML; everything on it is escaped."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(_TEMPLATE.read_text("utf-8"))
    labels = {label.name: label.title[language] for label in scheme.labels}
    shown = [_shown(feedback, scheme, language) for feedback in items]
    words = {name: text[language] for name, text in _WORDS.items()}
    different = sum(entry["verdict"] in {"other", "voice"} for entry in shown)
    content = {"labels": labels, "lines": lines, "items": shown, "passed": passed, "different": different}
    return template.render(language=language, words=words, percent=_PERCENT[language], **content) + "\n"


def _as_author(answer: Mapping[str, Sequence[str]], scheme: LabelScheme) -> dict[str, bool]:
    return {label: not set(voices).isdisjoint(scheme.author_voices) for label, voices in answer.items()}


def _shown(feedback: ItemFeedback, scheme: LabelScheme, language: Language) -> dict[str, object]:
    item, given = feedback.item, feedback.given
    found = verdict(feedback, scheme)
    return {
        "text": item.text,
        "why": item.why,
        "section": _SECTION[language].format(item.section),
        "verdict": found,
        "said": _VERDICTS[found][language],
        "given": None if given is None else _worded(given, feedback.serious, scheme, language),
        "expected": _worded(item.answer, item.serious, scheme, language),
    }


def _worded(
    answer: Mapping[str, Sequence[str]], serious: Mapping[str, str], scheme: LabelScheme, language: Language
) -> list[str]:
    """Return an answer in words, a line for each label."""
    if not answer:
        return [_NONE[language]]
    voices = {voice.name: voice.title[language] for voice in scheme.voices}
    lines: list[str] = []
    for label in scheme.labels:
        if label.name in answer:
            said = ", ".join(title for name, title in voices.items() if name in answer[label.name])
            lines.append(f"{label.title[language]}: {said}{_meant(label.name, serious, scheme, language)}")
    return lines


def _meant(label: str, serious: Mapping[str, str], scheme: LabelScheme, language: Language) -> str:
    values = [value for a in scheme.attributes_of(label, "triage") for value in a.values]
    return "".join(f" ({v.title[language]})" for v in values if v.name == serious.get(label))


_PERCENT = Bilingual(de="%.0f %%", en="%.0f%%")
_NONE = Bilingual(de="nichts davon", en="none of these")
_SECTION = Bilingual(de="Leitfaden, Abschnitt „{}“", en="Guidelines, section “{}”")
_VERDICTS: dict[Verdict, Bilingual] = {
    "same": Bilingual(de="stimmt überein", en="agrees"),
    "voice": Bilingual(de="Label stimmen, eine Stimme ist anders", en="labels agree, a voice differs"),
    "other": Bilingual(de="anders", en="differs"),
    "missing": Bilingual(de="nicht beurteilt", en="not judged"),
}
_WORDS = {
    "title": Bilingual(de="Rückmeldung zur Qualifikation", en="Feedback on the qualification"),
    "passed": Bilingual(
        de="Bestanden. Danke! Sie können mit den Aufgaben beginnen.",
        en="Passed. Thank you! You can start on the tasks.",
    ),
    "failed": Bilingual(
        de="Noch nicht bestanden. Lesen Sie die Erklärungen in Ruhe und sprechen Sie mit der Leitung, wie es "
        "weitergeht. Viele Fälle sind auch für Geübte schwierig.",
        en="Not passed yet. Take your time with the explanations and talk with the lead about what comes "
        "next. Many cases are hard for experienced people too.",
    ),
    "warning": Bilingual(
        de="Die Texte sind erfunden, einige sprechen von Gewalt.",
        en="The texts are invented; some speak of violence.",
    ),
    "about": Bilingual(
        de="Verglichen wird mit Antworten, die vorher festgelegt wurden. Gemessen wird also die "
        "Übereinstimmung mit dem Leitfaden, nicht die Wahrheit. Wo Sie eine Erklärung nicht überzeugt, "
        "sagen Sie es der Leitung: Vielleicht hat der Leitfaden eine Lücke.",
        en="Your answers are compared with ones that were fixed beforehand: this measures agreement with the "
        "guidelines, not truth. Where an explanation does not convince you, tell the lead: the guidelines "
        "may have a gap.",
    ),
    "label": Bilingual(de="Label", en="Label"),
    "question": Bilingual(de="Frage", en="Question"),
    "contained": Bilingual(de="kommt vor", en="contained"),
    "author": Bilingual(de="als eigene Haltung", en="as the author's own"),
    "held": Bilingual(de="erkannt, wo es gilt", en="seen where it holds"),
    "not_held": Bilingual(de="weggelassen, wo es nicht gilt", en="left out where it does not"),
    "figure": Bilingual(de="Mittel aus beidem", en="mean of both"),
    "mark": Bilingual(de="nötig", en="needed"),
    "of": Bilingual(de="von", en="of"),
    "all_items": Bilingual(de="Aufgaben", en="Items"),
    "different": Bilingual(de="anders beantwortet", en="answered differently"),
    "given": Bilingual(de="Ihre Antwort", en="Your answer"),
    "expected": Bilingual(de="Erwartet", en="Expected"),
    "why": Bilingual(de="Warum", en="Why"),
    "missing": Bilingual(de="übersprungen oder nicht zu beurteilen", en="skipped or could not be judged"),
}
