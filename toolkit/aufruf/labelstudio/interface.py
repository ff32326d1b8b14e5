"""What an annotator sees: Label Studio's labeling config, made from the label scheme.

Values are the scheme's names in every language; captions are in the interface's language. The names of
the controls are the contract with `answers`.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, TypedDict
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from aufruf.label_scheme import NONE, NONE_HOTKEY, REVEAL_HOTKEY, Bilingual

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from aufruf.label_scheme import AttributeValue, Flag, Label, LabelScheme, Language, Pass, Voice

    _Entry = Label | Voice | AttributeValue | Flag

TEXT = "text"
LABELS = "labels"
FLAGS = "flags"
COMMENT = "comment"
SPANS = "spans"
SETTLED = "settled"
"""Data field and control of the detail pass: which labels are settled. Its answer carries nothing."""
CONTRADICTION = "contradiction"
"""A control that cannot be seen or answered: it keeps the page from sending `none` beside a label."""

REVEAL = "reveal"
"""A control beside a blurred text: while it has the focus or is ticked, the text shows. No answer."""

_UNREACHABLE = "ctrl+alt+shift+"
"""For choices that nobody is to press: one without a key gets the next free one from Label Studio."""


class SettledChoice(TypedDict):
    """One label that is settled for a task, as the page takes it from the task's data."""

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


def settled_choices(scheme: LabelScheme, labels: Collection[str], language: Language) -> list[SettledChoice]:
    """Return the value of a detail task's data field `settled`, in the scheme's order.

    The page asks the attributes of these labels and of no others.
    """
    return [
        SettledChoice(
            value=label.name,
            html=_caption(label.title[language]),
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


def build_interface(scheme: LabelScheme, in_pass: Pass, language: Language, *, blur: bool = True) -> str:
    """Return the labeling config of a pass as XML for Label Studio 1.23.

    A task's data holds `text`, `context_before` and `context_after` (empty where there is none), and in
    the detail pass `settled`, made by `settled_choices`. With ``blur`` the text shows only while the
    pointer is on it, or `reveal` has the keyboard's focus or is ticked; its answer carries nothing.

    Controls of triage: `labels`, per label `voice_<label>` and `<attribute>_<label>`, `flags`, `comment`.
    Where a flag makes the answer a missing value, the page hides the questions about labels and asks for
    none of them. Controls of detail: `spans`, `<attribute>_<label>`, all of them optional; `settled`
    comes back with what was in the data.
    """
    page = _Page(scheme, language, blur)
    root = Element("View", className=f"aufruf aufruf-{in_pass}")
    style = [_STYLE, _BLUR if blur else "", _ALONE if in_pass == "triage" else ""]
    SubElement(root, "Style").text = "".join([*style, _GERMAN if language == "de" else ""])
    _header(_class(root, "aufruf-warning"), _WARNING[language], 5)
    if in_pass == "triage":
        page.triage(root)
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
        asked = SubElement(root, "View", _unless(FLAGS, self.scheme.missing_flags))
        _header(asked, _LABELS[self.language])
        labels = _choices(asked, LABELS, "multiple", required=_LABELS_REQUIRED[self.language])
        for label in self.scheme.labels:
            self._choice(labels, label, label.hotkey)
        SubElement(labels, "Choice", value=NONE, html=_caption(_NONE[self.language]), hotkey=NONE_HOTKEY)
        self._contradiction(asked)
        for label in self.scheme.labels:
            self._label(asked, label)
        self._remarks(root)

    def detail(self, root: Element) -> None:
        _header(root, _SETTLED[self.language], 5)
        _choices(_class(root, "aufruf-settled"), SETTLED, "multiple").set("value", f"${SETTLED}")
        _header(root, _SPANS[self.language], 5)
        spans = SubElement(root, "Labels", name=SPANS, toName=TEXT, showInline="true")
        for label in self.scheme.labels:
            self._choice(spans, label, label.hotkey, tag="Label").set("background", label.color)
        self._text(root)
        for label in self.scheme.labels:
            view = _when(root, SETTLED, (label.name,), label.color)
            _header(view, label.title[self.language])
            self._attributes(view, label, "detail", answer_keys(label, "detail"))

    def _text(self, page: Element) -> None:
        view = _class(page, "aufruf-reading")
        if self.blur:
            reveal = _choices(_class(view, "aufruf-reveal"), REVEAL, "multiple")
            caption = _caption(_REVEAL[self.language])
            SubElement(reveal, "Choice", value="shown", html=caption, hotkey=REVEAL_HOTKEY)
        view = _class(view, "aufruf-text")
        SubElement(_class(view, "aufruf-context"), "Header", value="$context_before", size="5")
        SubElement(view, "Text", name=TEXT, value=f"${TEXT}", granularity="symbol")
        SubElement(_class(view, "aufruf-context"), "Header", value="$context_after", size="5")

    def _label(self, page: Element, label: Label) -> None:
        title = label.title[self.language]
        view = _when(page, LABELS, (label.name,), label.color)
        _header(view, f"{title}: {_VOICE[self.language]}", 5)
        required = _VOICE_REQUIRED[self.language].format(title)
        voices = _choices(view, voice_control(label.name), "multiple", required=required)
        for voice, key in zip(self.scheme.voices, label.voice_hotkeys, strict=True):
            self._choice(voices, voice, key)
        self._attributes(view, label, "triage", answer_keys(label, "triage"), preselect=True)

    def _attributes(
        self, page: Element, label: Label, in_pass: Pass, keys: Iterator[str], *, preselect: bool = False
    ) -> None:
        for attribute in self.scheme.attributes_of(label.name, in_pass):
            _header(page, attribute.title[self.language], 5)
            choices = _choices(page, attribute_control(attribute.name, label.name), "single")
            for number, value in enumerate(attribute.values):
                choice = self._choice(choices, value, next(keys, ""))
                if preselect and number == 0:
                    choice.set("selected", "true")

    def _contradiction(self, page: Element) -> None:
        view = _when(page, LABELS, (NONE,))
        view = _class(_when(view, LABELS, self.scheme.label_names), "aufruf-contradiction")
        _header(view, _CONTRADICTION[self.language], 5)
        hidden = SubElement(view, "View", style="display: none")
        choices = _choices(hidden, CONTRADICTION, "single", required=_CONTRADICTION[self.language])
        SubElement(choices, "Choice", value="x", hotkey=f"{_UNREACHABLE}f12")

    def _remarks(self, page: Element) -> None:
        _header(page, _FLAGS[self.language], 5)
        choices = _choices(page, FLAGS, "multiple")
        for flag in self.scheme.flags:
            self._choice(choices, flag, flag.hotkey)
        comment = SubElement(page, "TextArea", name=COMMENT, toName=TEXT, rows="1", maxSubmissions="1")
        comment.set("editable", "true")
        comment.set("placeholder", _COMMENT[self.language])

    def _choice(self, parent: Element, entry: _Entry, hotkey: str, *, tag: str = "Choice") -> Element:
        choice = SubElement(parent, tag, value=entry.name, html=_caption(entry.title[self.language]))
        choice.set("hint", entry.definition[self.language])
        if hotkey:
            choice.set("hotkey", hotkey)
        return choice


def _class(page: Element, name: str) -> Element:
    return SubElement(page, "View", className=name)


def _header(page: Element, text: str, size: int = 4) -> None:
    SubElement(page, "Header", value=_literal(text), size=str(size))


def _choices(page: Element, name: str, kind: str, *, required: str = "") -> Element:
    choices = SubElement(page, "Choices", name=name, toName=TEXT, choice=kind, layout="inline")
    if required:
        choices.set("required", "true")
        choices.set("requiredMessage", required)
    return choices


def _when(page: Element, control: str, values: Iterable[str], color: str = "") -> Element:
    view = SubElement(page, "View", visibleWhen="choice-selected", whenTagName=control)
    view.set("whenChoiceValue", ",".join(values))
    if color:
        view.set("style", f"border-left: 4px solid {color}; padding-left: 12px; margin: 8px 0")
    return view


def _unless(control: str, values: tuple[str, ...]) -> dict[str, str]:
    if not values:
        return {}
    joined = ",".join(values)
    return {"visibleWhen": "choice-unselected", "whenTagName": control, "whenChoiceValue": joined}


def _caption(text: str) -> str:
    return escape(text, quote=False)


def _literal(text: str) -> str:
    """Keep Label Studio from putting task data where the text has a dollar sign before a word."""
    return text.replace("$", "$\u2060")


_STYLE = """
.aufruf { max-width: 60rem; }
.aufruf h3, .aufruf h4 {
  font-size: 16px !important; line-height: 1.3 !important; margin: 8px 0 2px !important;
}
.aufruf .lsf-choices { margin: 0 !important; min-height: 0; }
.aufruf .lsf-choice { margin: 0 14px 2px 0; }
.aufruf sup { color: #555; font-size: 11px !important; }
.aufruf .aufruf-warning * { color: #8a4b08 !important; font-size: 14px !important; margin: 0 !important; }
.aufruf-reading {
  background: #f6f6f4; border: 1px solid #ddd; border-radius: 6px; margin: 8px 0; padding: 10px 14px;
}
.aufruf-text .lsf-htx-richtext { font-size: 17px; line-height: 1.6; padding: 2px 0; white-space: pre-wrap; }
.aufruf .aufruf-context * {
  color: #777 !important; font-size: 15px !important; font-weight: normal !important;
  line-height: 1.6 !important; margin: 0 8px !important; white-space: pre-wrap;
}
.aufruf-reveal { float: right; margin: -4px 0 0 12px; }
.aufruf-reveal * { font-size: 13px; margin: 0 !important; }
.aufruf-settled sup { display: none; }
.aufruf-contradiction * { color: #b00020 !important; }
"""

_BLUR = """
.aufruf-text { filter: blur(7px); transition: filter 0.1s; }
.aufruf-text:hover, .aufruf-reading:focus-within .aufruf-text { filter: none; }
.aufruf-reading:has(.aufruf-reveal input:checked) .aufruf-text { filter: none; }
"""

_ALONE = """
.lsf-sidepanels { padding-right: 0 !important; }
.lsf-sidepanels__wrapper_align_right { display: none !important; }
"""
"""Nothing is marked in triage: Label Studio's list of marked places only takes room."""

_GERMAN = "".join(
    f"""
[data-testid=bottombar-{name}-button] span {{ display: none; }}
[data-testid=bottombar-{name}-button]::after {{ content: "{caption}"; flex: 1; text-align: center; }}
"""
    for name, caption in (("submit", "Absenden"), ("update", "Ändern"), ("skip", "Überspringen"))
)
"""Label Studio speaks English only: its buttons get German captions."""

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
