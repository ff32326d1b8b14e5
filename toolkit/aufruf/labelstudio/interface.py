"""What an annotator sees: Label Studio's labeling config, made from the label scheme.

Values are the scheme's names in every language; captions are in the interface's language. The names of
the controls are the contract with `answers`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from aufruf.gold.verdicts import AMBIGUOUS, ERROR, GUIDELINE_GAP, SLIP
from aufruf.label_scheme import NONE, NONE_HOTKEY, REVEAL_HOTKEY, Bilingual
from aufruf.labelstudio.elements import (
    ALONE,
    ANSWERS,
    BLUR,
    GERMAN,
    STYLE,
    TEXT,
    block,
    caption,
    choices_of,
    header,
    unless,
    when,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from aufruf.label_scheme import AttributeValue, Flag, Label, LabelScheme, Language, Pass, TaskPass, Voice

    _Entry = Label | Voice | AttributeValue | Flag

LABELS = "labels"
FLAGS = "flags"
COMMENT = "comment"
URGENT = "urgent"
"""The flag that reports a credible danger."""
SPANS = "spans"
SETTLED = "settled"
"""Data field and control of the detail pass: which labels are settled. Its answer carries nothing."""
DISPUTED = "disputed"
"""The same of adjudication: which labels are to be decided."""
ANSWER_FIELDS = tuple(f"answer_{number}" for number in range(1, 7))
"""Data fields of adjudication: one earlier answer each; the last holds all that are left."""
VERDICT, CONTAINED, NOT_CONTAINED = "verdict", "contained", "not_contained"
CONTRADICTION = "contradiction"
"""A control that cannot be seen or answered: it keeps the page from sending `none` beside a label."""

REVEAL = "reveal"
"""A control beside a blurred text: while it has the focus or is ticked, the text shows. No answer."""

_UNREACHABLE = "ctrl+alt+shift+"
"""For choices that nobody is to press: one without a key gets the next free one from Label Studio."""


class SettledChoice(TypedDict):
    """One label that is settled, or to be decided, as the page takes it from the task's data."""

    value: str
    html: str
    selected: bool
    readonly: bool
    hotkey: str


def voice_control(label: str) -> str:
    """Return the name of the control that asks for a label's voices."""
    return f"voice_{label}"


def attribute_control(attribute: str, label: str) -> str:
    """Return the name of the control that asks an attribute's question about a label."""
    return f"{attribute}_{label}"


def error_control(label: str) -> str:
    """Return the name of the control that asks why the answers about a label differ."""
    return attribute_control(ERROR, label)


def settled_choices(scheme: LabelScheme, labels: Collection[str], language: Language) -> list[SettledChoice]:
    """Return the value of the data field `settled`, or in adjudication `disputed`, in the scheme's order.

    The page asks about these labels and about no others.
    """
    return [
        SettledChoice(
            value=label.name,
            html=caption(label.title[language]),
            selected=True,
            readonly=True,
            hotkey=f"{_UNREACHABLE}f{number}",
        )
        for number, label in enumerate(scheme.labels, start=1)
        if label.name in labels
    ]


def answer_keys(label: Label, in_pass: Pass) -> Iterator[str]:
    """Yield the keys of the answers to a label's attributes, in their order.

    They are the label's own row of the keyboard: in triage with shift, for the bare keys are its voices'; in
    detail bare, then with shift, then with alt and shift. Answers beyond the last key have none.
    """
    modifiers = ("shift+",) if in_pass == "triage" else ("", "shift+", "alt+shift+")
    return (f"{modifier}{key}" for modifier in modifiers for key in label.voice_hotkeys)


def build_interface(scheme: LabelScheme, in_pass: TaskPass, language: Language, *, blur: bool = True) -> str:
    """Return the labeling config of a pass as XML for Label Studio 1.23.

    A task's data holds `text`, `context_before` and `context_after` (empty where there is none), and in
    the detail pass `settled`, made by `settled_choices`. With ``blur`` the text shows only while the
    pointer is on it, or `reveal` has the keyboard's focus or is ticked; its answer carries nothing.

    Controls of triage: `labels`, per label `voice_<label>` and `<attribute>_<label>`, `flags`, `comment`.
    Where a flag makes the answer a missing value, the page hides the questions about labels and asks for
    none of them. Controls of detail: `spans`, `<attribute>_<label>`, all of them optional; `settled`
    comes back with what was in the data.

    In adjudication the data holds `disputed` and the `ANSWER_FIELDS`. Controls: per label that is in dispute
    `verdict_<label>`, for a contained one its voices and attributes as in triage, `error_<label>`; `flags`,
    of which only `urgent` is asked, and `comment`. A label that is truly ambiguous needs no verdict.
    """
    page = _Page(scheme, language, blur)
    root = Element("View", className=f"aufruf aufruf-{in_pass}")
    style = [STYLE, BLUR if blur else "", ALONE if in_pass != "detail" else ""]
    style += [ANSWERS] if in_pass == "adjudication" else []
    SubElement(root, "Style").text = "".join([*style, GERMAN if language == "de" else ""])
    header(block(root, "aufruf-warning"), _WARNING[language], 5)
    if in_pass == "triage":
        page.triage(root)
    elif in_pass == "adjudication":
        page.adjudication(root)
    else:
        page.detail(root)
    indent(root)
    return tostring(root, encoding="unicode") + "\n"


@dataclass(frozen=True)
class _Page:
    """The questions of one scheme in one language; each method adds to the element that it is given."""

    scheme: LabelScheme
    language: Language
    blur: bool

    def triage(self, root: Element) -> None:
        self._text(root)
        asked = SubElement(root, "View", unless(FLAGS, self.scheme.missing_flags))
        header(asked, _LABELS[self.language])
        labels = choices_of(asked, LABELS, "multiple", required=_LABELS_REQUIRED[self.language])
        for label in self.scheme.labels:
            self._choice(labels, label, label.hotkey)
        SubElement(labels, "Choice", value=NONE, html=caption(_NONE[self.language]), hotkey=NONE_HOTKEY)
        self._contradiction(asked)
        for label in self.scheme.labels:
            self._label(asked, label)
        self._remarks(root, self.scheme.flags, _COMMENT[self.language])

    def detail(self, root: Element) -> None:
        header(root, _SETTLED[self.language], 5)
        choices_of(block(root, "aufruf-settled"), SETTLED, "multiple").set("value", f"${SETTLED}")
        header(root, _SPANS[self.language], 5)
        spans = SubElement(root, "Labels", name=SPANS, toName=TEXT, showInline="true")
        for label in self.scheme.labels:
            self._choice(spans, label, label.hotkey, tag="Label").set("background", label.color)
        self._text(root)
        for label in self.scheme.labels:
            view = when(root, SETTLED, (label.name,), label.color)
            header(view, label.title[self.language])
            self._attributes(view, label, "detail", answer_keys(label, "detail"))

    def adjudication(self, root: Element) -> None:
        self._text(root)
        header(root, _EARLIER[self.language], 5)
        answers = block(root, "aufruf-answers")
        for name in ANSWER_FIELDS:
            SubElement(block(answers, "aufruf-answer"), "Text", name=name, value=f"${name}")
        header(root, _DISPUTED[self.language], 5)
        choices_of(block(root, "aufruf-settled"), DISPUTED, "multiple").set("value", f"${DISPUTED}")
        for label in self.scheme.labels:
            self._verdict(when(root, DISPUTED, (label.name,), label.color), label)
        self._remarks(root, [flag for flag in self.scheme.flags if flag.name == URGENT], _NOTE[self.language])

    def _verdict(self, page: Element, label: Label) -> None:
        title, language = label.title[self.language], self.language
        header(page, title)
        asked = SubElement(page, "View", unless(error_control(label.name), (AMBIGUOUS,)))
        required = _VERDICT_REQUIRED[language].format(title)
        control = attribute_control(VERDICT, label.name)
        verdict = choices_of(asked, control, "single", required=required)
        for value, modifier in ((CONTAINED, ""), (NOT_CONTAINED, "shift+")):
            shown = caption(VERDICTS[value][language])
            SubElement(verdict, "Choice", value=value, html=shown, hotkey=f"{modifier}{label.hotkey}")
        self._voices(when(asked, control, (CONTAINED,)), label)
        header(page, _ERROR[language], 5)
        required = _ERROR_REQUIRED[language].format(title)
        errors = choices_of(page, error_control(label.name), "single", required=required)
        keys = (f"alt+shift+{key}" for key in label.voice_hotkeys)
        for value, (name, hint) in _ERRORS.items():
            choice = SubElement(errors, "Choice", value=value, html=caption(name[language]))
            choice.set("hint", hint[language])
            choice.set("hotkey", next(keys))

    def _text(self, page: Element) -> None:
        view = block(page, "aufruf-reading")
        if self.blur:
            reveal = choices_of(block(view, "aufruf-reveal"), REVEAL, "multiple")
            shown = caption(_REVEAL[self.language])
            SubElement(reveal, "Choice", value="shown", html=shown, hotkey=REVEAL_HOTKEY)
        view = block(view, "aufruf-text")
        SubElement(block(view, "aufruf-context"), "Header", value="$context_before", size="5")
        SubElement(view, "Text", name=TEXT, value=f"${TEXT}", granularity="symbol")
        SubElement(block(view, "aufruf-context"), "Header", value="$context_after", size="5")

    def _label(self, page: Element, label: Label) -> None:
        self._voices(when(page, LABELS, (label.name,), label.color), label)

    def _voices(self, view: Element, label: Label) -> None:
        title = label.title[self.language]
        header(view, f"{title}: {_VOICE[self.language]}", 5)
        required = _VOICE_REQUIRED[self.language].format(title)
        voices = choices_of(view, voice_control(label.name), "multiple", required=required)
        for voice, key in zip(self.scheme.voices, label.voice_hotkeys, strict=True):
            self._choice(voices, voice, key)
        self._attributes(view, label, "triage", answer_keys(label, "triage"), preselect=True)

    def _attributes(
        self, page: Element, label: Label, in_pass: Pass, keys: Iterator[str], *, preselect: bool = False
    ) -> None:
        for attribute in self.scheme.attributes_of(label.name, in_pass):
            header(page, attribute.title[self.language], 5)
            choices = choices_of(page, attribute_control(attribute.name, label.name), "single")
            for number, value in enumerate(attribute.values):
                choice = self._choice(choices, value, next(keys, ""))
                if preselect and number == 0:
                    choice.set("selected", "true")

    def _contradiction(self, page: Element) -> None:
        view = when(page, LABELS, (NONE,))
        view = block(when(view, LABELS, self.scheme.label_names), "aufruf-contradiction")
        header(view, _CONTRADICTION[self.language], 5)
        hidden = SubElement(view, "View", style="display: none")
        choices = choices_of(hidden, CONTRADICTION, "single", required=_CONTRADICTION[self.language])
        SubElement(choices, "Choice", value="x", hotkey=f"{_UNREACHABLE}f12")

    def _remarks(self, page: Element, asked: Sequence[Flag], placeholder: str) -> None:
        header(page, _FLAGS[self.language], 5)
        choices = choices_of(page, FLAGS, "multiple")
        for flag in asked:
            self._choice(choices, flag, flag.hotkey)
        comment = SubElement(page, "TextArea", name=COMMENT, toName=TEXT, rows="1", maxSubmissions="1")
        comment.set("editable", "true")
        comment.set("placeholder", placeholder)

    def _choice(self, parent: Element, entry: _Entry, hotkey: str, *, tag: str = "Choice") -> Element:
        choice = SubElement(parent, tag, value=entry.name, html=caption(entry.title[self.language]))
        choice.set("hint", entry.definition[self.language])
        if hotkey:
            choice.set("hotkey", hotkey)
        return choice


_WARNING = Bilingual(
    de="Der Text kann Drohungen und Gewalt enthalten. Überspringen und Pausen sind jederzeit in Ordnung.",
    en="The text may hold threats and violence. Skipping and taking a break are always fine.",
)
_REVEAL = Bilingual(de="Text zeigen", en="Show the text")
_LABELS = Bilingual(de="Was enthält der Text?", en="What does the text contain?")
_LABELS_REQUIRED = Bilingual(
    de="Bitte mindestens ein Label wählen, oder 0 für „nichts davon“.",
    en="Please choose at least one label, or 0 for “none of these”.",
)
_NONE = Bilingual(de="nichts davon", en="none of these")
_VOICE = Bilingual(de="In wessen Stimme?", en="In whose voice?")
_VOICE_REQUIRED = Bilingual(
    de="{}: Bitte angeben, in wessen Stimme.",
    en="{}: please say in whose voice.",
)
_CONTRADICTION = Bilingual(
    de="„Nichts davon“ und ein Label schließen einander aus: Bitte eines von beiden abwählen.",
    en="“None of these” and a label exclude each other: please unselect one of them.",
)
_FLAGS = Bilingual(de="Anmerkungen", en="Remarks")
_COMMENT = Bilingual(
    de="Kommentar (freiwillig; wird nie veröffentlicht)",
    en="Comment (optional; never released)",
)
_SETTLED = Bilingual(
    de="Das steht nach dem ersten Durchgang fest:",
    en="This was settled in the first pass:",
)
_SPANS = Bilingual(
    de="Label wählen, dann die Wörter markieren, die es tragen:",
    en="Choose a label, then mark the words that carry it:",
)
_EARLIER = Bilingual(
    de="So wurde bisher geantwortet (in zufälliger Reihenfolge):",
    en="These are the answers so far (in random order):",
)
_DISPUTED = Bilingual(de="Zu entscheiden ist:", en="This is to be decided:")
VERDICTS = {
    CONTAINED: Bilingual(de="enthalten", en="contained"),
    NOT_CONTAINED: Bilingual(de="nicht enthalten", en="not contained"),
}
_VERDICT_REQUIRED = Bilingual(
    de="{}: Bitte entscheiden, ob es enthalten ist.", en="{}: please decide whether it is contained."
)
_ERROR = Bilingual(de="Warum gehen die Antworten auseinander?", en="Why do the answers differ?")
_ERROR_REQUIRED = Bilingual(
    de="{}: Bitte angeben, warum die Antworten auseinandergehen.", en="{}: please say why the answers differ."
)
_ERRORS = {
    SLIP: (
        Bilingual(de="Versehen", en="slip"),
        Bilingual(
            de="Die Richtlinien sind klar; jemand hat etwas überlesen oder verwechselt.",
            en="The guidelines are clear; somebody overlooked or confused something.",
        ),
    ),
    GUIDELINE_GAP: (
        Bilingual(de="Lücke in den Richtlinien", en="gap in the guidelines"),
        Bilingual(
            de="Die Richtlinien sagen zu diesem Fall nichts, oder nichts Eindeutiges.",
            en="The guidelines say nothing about this case, or nothing clear.",
        ),
    ),
    AMBIGUOUS: (
        Bilingual(de="wirklich mehrdeutig", en="truly ambiguous"),
        Bilingual(
            de="Der Text lässt sich so und so lesen: Nichts wird entschieden, alle Antworten bleiben stehen.",
            en="The text can be read both ways: nothing is decided, all answers stand.",
        ),
    ),
}
_NOTE = Bilingual(
    de="Notiz für die Leitung (freiwillig; wird nie veröffentlicht)",
    en="Note for the lead (optional; never released)",
)
