"""From a template to its cases: a pure function of what stands in the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SLOT = re.compile(r"\{([^{}]*)\}")


def expand(template: str) -> list[str]:
    """Return the texts of a template: ``{a|b}`` stands for a in the first, for b in the second.

    All slots of a template have equally many fills and move on together, so that gender, case and sense
    fit. A template without a slot is one text.

    Raises:
        ValueError: if slots have different numbers of fills, or a brace stands alone.
    """
    slots = [slot.split("|") for slot in _SLOT.findall(template)]
    if len({len(fills) for fills in slots}) > 1:
        raise ValueError("slots have different numbers of fills")
    n_texts = len(slots[0]) if slots else 1
    return [_filled(template, [fills[number] for fills in slots]) for number in range(n_texts)]


def name_callers(template: str, callers: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return a template's text for each caller: ``{gen}`` is their name in the form of that name.

    ``{Gen}`` is the same with a capital, for the start of a sentence.

    Raises:
        ValueError: if a caller lacks a form, or a brace stands alone.
    """
    wanted: list[str] = _SLOT.findall(template)
    found: dict[str, str] = {}
    for caller, forms in callers.items():
        missing = [form for form in wanted if form.lower() not in forms]
        if missing:
            raise ValueError(f"caller {caller!r} has no form {missing[0]!r}")
        found[caller] = _filled(template, [_form(forms, form) for form in wanted])
    return found


def _form(forms: Mapping[str, str], name: str) -> str:
    form = forms[name.lower()]
    return form if name.islower() else form[0].upper() + form[1:]


def _filled(template: str, fills: Sequence[str]) -> str:
    rest = iter(fills)
    text = _SLOT.sub(lambda _: next(rest), template)
    if "{" in text or "}" in text:
        raise ValueError("a brace stands alone")
    return text
