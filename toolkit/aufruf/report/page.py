"""Pages from templates: everything that is put into one is escaped, and no page runs or loads anything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from aufruf.label_scheme import Bilingual

if TYPE_CHECKING:
    from aufruf.label_scheme import Language

_TEMPLATES = Path(__file__).parent


def words_of(name: str, language: Language) -> dict[str, str]:
    """Return what a page says for itself: ``<name>.toml`` beside this file, in one language."""
    content = (_TEMPLATES / f"{name}.toml").read_bytes()
    found = msgspec.toml.decode(content, type=dict[str, Bilingual])
    return {word: text[language] for word, text in found.items()}


def page(name: str, language: Language, **content: Any) -> str:
    """Return a page as HTML: ``<name>.html.j2`` beside this file, with its words and what it shows."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {"number": _number(language), "percent": _percent(language), "place": _place}
    environment.filters.update(filters)
    template = environment.get_template(f"{name}.html.j2")
    return template.render(language=language, words=words_of(name, language), **content) + "\n"


def _number(language: Language) -> Any:
    def written(value: float | None, digits: int = 0) -> str:
        if value is None:
            return "–"
        text = f"{value:,.{digits}f}".replace("-", "\u2212")
        return text.translate(str.maketrans(",.", ".,")) if language == "de" else text

    return written


def _percent(language: Language) -> Any:
    number = _number(language)

    def written(value: float | None, digits: int = 0) -> str:
        if value is None:
            return "–"
        return number(100 * value, digits) + ("\u202f%" if language == "de" else "%")

    return written


def _place(value: float, low: float, high: float) -> str:
    """Return where a value lies between two others as a percentage for SVG, held at their ends."""
    share = (min(max(value, low), high) - low) / (high - low) if high > low else 0.5
    return f"{100 * share:.2f}%"
