"""The page that an annotator sees, as Label Studio's own validator and an XML parser read it."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, fromstring

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aufruf.assets import asset
from aufruf.generated.files import generated_files
from aufruf.label_scheme import LANGUAGES, NONE, PASSES, Bilingual, LabelScheme, load_label_scheme
from aufruf.labelstudio.answers import Answer, to_result
from aufruf.labelstudio.instruction import guidelines_html
from aufruf.labelstudio.interface import answer_keys, build_interface, settled_choices

if TYPE_CHECKING:
    from aufruf.label_scheme import Language, Pass
    from aufruf.workspace import Workspace

SCHEME = load_label_scheme(asset("schemas", "label_scheme.toml"))
PAGES = [(in_pass, language) for in_pass in PASSES for language in LANGUAGES]
PAYLOADS = [
    "<script>alert(1)</script>",
    '"/><HyperText name="x" value="$text"/>',
    "Müll & Co. <b>fett</b>",
    "kostet $text Euro",
]


def page(in_pass: Pass = "triage", language: Language = "de", scheme: LabelScheme = SCHEME) -> Element:
    return fromstring(build_interface(scheme, in_pass, language))


def named(root: Element) -> dict[str, Element]:
    """The controls and objects of a page by their name."""
    return {element.attrib["name"]: element for element in root.iter() if "name" in element.attrib}


def shown(html: str) -> str:
    """What a browser shows of HTML."""
    parts: list[str] = []
    parser = HTMLParser()
    parser.handle_data = parts.append
    parser.handle_starttag = lambda tag, _: parts.append(f"[tag {tag}]")
    parser.feed(html)
    parser.close()
    return "".join(parts)


def captions(control: Element) -> dict[str, str]:
    """The captions of a control's choices by their value."""
    return {choice.attrib["value"]: shown(choice.attrib["html"]) for choice in control}


def views_around(root: Element, name: str) -> list[Element]:
    """The views with a condition that a control stands in, from the outside."""

    def search(element: Element, path: list[Element]) -> list[Element] | None:
        path = [*path, element] if "visibleWhen" in element.attrib else path
        if element.attrib.get("name") == name:
            return path
        return next((found for child in element if (found := search(child, path)) is not None), None)

    found = search(root, [])
    assert found is not None
    return found


def titled(scheme: LabelScheme, title: str) -> LabelScheme:
    """The scheme with a title for everything that has one."""
    both = Bilingual(title, title)
    replace = msgspec.structs.replace
    return replace(
        scheme,
        labels=tuple(replace(e, title=both, definition=both) for e in scheme.labels),
        voices=tuple(replace(e, title=both, definition=both) for e in scheme.voices),
        flags=tuple(replace(e, title=both, definition=both) for e in scheme.flags),
        attributes=tuple(
            replace(e, title=both, values=tuple(replace(v, title=both) for v in e.values))
            for e in scheme.attributes
        ),
    )


@pytest.mark.parametrize(("in_pass", "language"), PAGES)
def test_label_studios_own_validator_accepts_the_page(in_pass: Pass, language: Language):
    from label_studio_sdk.label_interface import LabelInterface

    LabelInterface(build_interface(SCHEME, in_pass, language)).validate()


def test_the_validator_accepts_an_answer_with_every_control_of_triage():
    from label_studio_sdk.label_interface import LabelInterface

    labels = SCHEME.label_names
    answer = Answer(
        labels=labels,
        voices=tuple((label, voice) for label in labels for voice in SCHEME.voice_names),
        attributes=tuple((label, "serious", "joking") for label in labels),
        flags=SCHEME.flag_names,
        comment="nothing",
    )
    result = to_result(answer, "a text", SCHEME, "triage")
    interface = LabelInterface(build_interface(SCHEME, "triage", "en"))
    assert interface.validate_annotation({"result": result})
    assert {region["from_name"] for region in result} == set(named(page())) - {
        "text",
        "contradiction",
        "reveal",
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_triage_asks_for_labels_voices_triage_attributes_and_flags(language: Language):
    controls = named(page("triage", language))
    voices = {voice.name: voice.title[language] for voice in SCHEME.voices}
    serious = next(a for a in SCHEME.attributes if a.name == "serious")
    assert set(controls) == (
        {"text", "reveal", "labels", "flags", "comment", "contradiction"}
        | {f"{question}_{label}" for question in ("voice", "serious") for label in SCHEME.label_names}
    )
    titles = {label.name: label.title[language] for label in SCHEME.labels}
    none = {"de": "nichts davon", "en": "none of these"}[language]
    assert captions(controls["labels"]) == {**titles, NONE: none}
    for label in SCHEME.label_names:
        assert captions(controls[f"voice_{label}"]) == voices
        expected = {value.name: value.title[language] for value in serious.values}
        assert captions(controls[f"serious_{label}"]) == expected
    assert captions(controls["flags"]) == {flag.name: flag.title[language] for flag in SCHEME.flags}


@pytest.mark.parametrize("language", LANGUAGES)
def test_detail_asks_for_spans_and_the_detail_attributes_of_each_label(language: Language):
    controls = named(page("detail", language))
    asked = {
        f"{attribute.name}_{label}": {value.name: value.title[language] for value in attribute.values}
        for label in SCHEME.label_names
        for attribute in SCHEME.attributes_of(label, "detail")
    }
    assert set(controls) == {"text", "reveal", "settled", "spans"} | set(asked)
    assert {name: captions(controls[name]) for name in asked} == asked
    assert captions(controls["spans"]) == {label.name: label.title[language] for label in SCHEME.labels}
    assert not [name for name in controls if controls[name].get("required")]


def test_the_text_is_plain_text_and_the_only_object():
    for in_pass, language in PAGES:
        root = page(in_pass, language)
        assert [e.attrib["value"] for e in root.iter("Text")] == ["$text"]
        assert not list(root.iter("HyperText"))
        assert {e.attrib["toName"] for e in root.iter() if "toName" in e.attrib} == {"text"}


def test_a_label_asks_for_its_voices_once_it_is_chosen_and_only_then():
    root = page()
    for label in SCHEME.label_names:
        condition = views_around(root, f"voice_{label}")[-1].attrib
        assert condition["visibleWhen"] == "choice-selected"
        assert (condition["whenTagName"], condition["whenChoiceValue"]) == ("labels", label)
    required = {name for name, control in named(root).items() if control.get("required") == "true"}
    assert required == {"labels", "contradiction"} | {f"voice_{label}" for label in SCHEME.label_names}
    assert all(named(root)[name].attrib["requiredMessage"] for name in required)


def test_who_cannot_judge_is_asked_for_no_label():
    root = page()
    for name in ("labels", *(f"voice_{label}" for label in SCHEME.label_names)):
        outer = views_around(root, name)[0].attrib
        assert outer["visibleWhen"] == "choice-unselected"
        assert (outer["whenTagName"], outer["whenChoiceValue"]) == ("flags", "cannot_judge")
    assert views_around(root, "flags") == []


def test_without_a_flag_for_missing_values_the_labels_are_always_asked_for():
    flags = tuple(msgspec.structs.replace(flag, missing=False) for flag in SCHEME.flags)
    root = page(scheme=msgspec.structs.replace(SCHEME, flags=flags))
    assert views_around(root, "labels") == []


def test_none_beside_a_label_shows_a_required_question_that_nobody_can_answer():
    around = [view.attrib["whenChoiceValue"] for view in views_around(page(), "contradiction")]
    assert around == ["cannot_judge", "none", ",".join(SCHEME.label_names)]
    hidden = next(view for view in page().iter("View") if view.get("style") == "display: none")
    assert [control.attrib["name"] for control in hidden.iter("Choices")] == ["contradiction"]


def test_only_the_first_answer_of_triage_attributes_is_chosen_beforehand():
    root = page()
    chosen = {
        (control.attrib["name"], choice.attrib["value"])
        for control in root.iter("Choices")
        for choice in control
        if choice.get("selected")
    }
    assert chosen == {(f"serious_{label}", "serious") for label in SCHEME.label_names}
    assert not [choice for choice in page("detail").iter("Choice") if choice.get("selected")]


def test_detail_asks_about_a_label_only_where_it_is_settled():
    root = page("detail")
    assert named(root)["settled"].attrib["value"] == "$settled"
    for label in SCHEME.label_names:
        for attribute in SCHEME.attributes_of(label, "detail"):
            (condition,) = views_around(root, f"{attribute.name}_{label}")
            assert (condition.attrib["whenTagName"], condition.attrib["whenChoiceValue"]) == (
                "settled",
                label,
            )


def test_settled_labels_are_ticked_and_fixed_in_the_order_of_the_scheme():
    choices = settled_choices(SCHEME, {"protest_mobilization", "threat"}, "de")
    assert [(c["value"], c["html"]) for c in choices] == [
        ("threat", "Drohung"),
        ("protest_mobilization", "Aufruf zum Protest"),
    ]
    assert all(choice["selected"] and choice["readonly"] for choice in choices)


@pytest.mark.parametrize("in_pass", PASSES)
def test_every_choice_has_a_key_of_its_own(in_pass: Pass):
    root = page(in_pass)
    keys = [choice.attrib["hotkey"] for tag in ("Choice", "Label") for choice in root.iter(tag)]
    keys += [choice["hotkey"] for choice in settled_choices(SCHEME, SCHEME.label_names, "de")]
    assert len(set(keys)) == len(keys)


def test_a_record_without_a_label_takes_two_keys():
    none = next(choice for choice in named(page())["labels"] if choice.attrib["value"] == NONE)
    assert none.attrib["hotkey"] == "0"


def test_triage_keeps_the_bare_keys_for_voices():
    label = SCHEME.labels[0]
    assert list(answer_keys(label, "triage"))[:2] == ["shift+q", "shift+w"]
    assert list(answer_keys(label, "detail"))[:2] == ["q", "w"]


def test_the_page_blurs_the_text_unless_told_not_to():
    assert "blur(" in build_interface(SCHEME, "triage", "de")
    plain = build_interface(SCHEME, "triage", "de", blur=False)
    assert "blur(" not in plain
    assert "reveal" not in named(fromstring(plain))


@pytest.mark.parametrize(("in_pass", "language"), PAGES)
def test_a_blurred_text_can_be_shown_by_a_key(in_pass: Pass, language: Language):
    reveal = named(page(in_pass, language))["reveal"]
    assert [(choice.attrib["value"], choice.attrib["hotkey"]) for choice in reveal] == [("shown", "9")]
    assert "required" not in reveal.attrib


def test_a_workspace_can_do_without_the_blur(workspace: Workspace):
    settings = workspace.root / "aufruf.toml"
    settings.write_text(settings.read_text("utf-8").replace("blur = true", "blur = false"), "utf-8")
    made = generated_files(workspace.root)[Path("annotation/interface.triage.de.xml")]
    assert made == build_interface(SCHEME, "triage", "de", blur=False)


def test_label_studios_buttons_have_german_captions_on_german_pages_alone():
    assert 'content: "Absenden"' in build_interface(SCHEME, "triage", "de")
    assert "content:" not in build_interface(SCHEME, "triage", "en")


def test_the_style_holds_nothing_that_label_studio_escapes():
    style = page().find("Style")
    assert style is not None
    assert style.text
    assert not set("<>&") & set(style.text)


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("in_pass", PASSES)
def test_no_title_breaks_out_of_the_page(payload: str, in_pass: Pass):
    from label_studio_sdk.label_interface import LabelInterface

    scheme = titled(SCHEME, payload)
    xml = build_interface(scheme, in_pass, "de")
    LabelInterface(xml).validate()
    root = fromstring(xml)
    assert [element.tag for element in root.iter()] == [element.tag for element in page(in_pass).iter()]
    control = named(root)["labels" if in_pass == "triage" else "spans"]
    assert captions(control)["threat"] == payload
    assert settled_choices(scheme, ["threat"], "de")[0]["html"] == control[0].attrib["html"]


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cn", "Cs"]), max_size=20))
def test_any_title_is_shown_as_it_is(title: str):
    root = fromstring(build_interface(titled(SCHEME, title), "triage", "en"))
    assert captions(named(root)["flags"])["urgent"] == title


def test_no_heading_lets_label_studio_put_task_data_into_it():
    root = page(scheme=titled(SCHEME, "costs $text"))
    headings = [header.attrib["value"] for header in root.iter("Header")]
    assert {heading for heading in headings if "$text" in heading} == set()
    assert {"$context_before", "$context_after"} <= set(headings)


def test_the_guidelines_are_shown_without_comments_and_their_markup_is_not_followed(tmp_path: Path):
    path = tmp_path / "de.md"
    path.write_text(
        "# Titel\n<!-- generated: labels -->\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\n<script>x</script>\n",
        "utf-8",
    )
    html = guidelines_html(path)
    assert "<h1>Titel</h1>" in html
    assert "<td>1</td>" in html
    assert "generated" not in html
    assert "&lt;script&gt;" in html
    assert "<script" not in html


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_shipped_guidelines_hold_only_markup_that_label_studio_keeps(language: Language):
    found: set[str] = set()
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, _: found.add(tag)
    parser.feed(guidelines_html(asset("annotation", "guidelines", f"{language}.md")))
    kept = "style div h1 h2 h3 p strong em code ul ol li table thead tbody tr th td"
    assert found <= set(kept.split())
    assert "table" in found
