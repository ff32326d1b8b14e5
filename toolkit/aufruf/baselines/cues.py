"""How a text speaks: cues of whose voice it is in, and none of what it is about.

Whoever reports a threat quotes it, names who said it, puts it in indirect speech; whoever threatens says
I and you. The cues are words of grammar and of reporting: they find no topic, so they find no incitement by
themselves, but they tell where an n-gram of violence stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin

from aufruf.quotes import quotes_column

if TYPE_CHECKING:
    from collections.abc import Sequence

_HALF = 0.5
_LETTER_OR_DIGIT = r"[\p{L}\p{N}]"
_LINK = r"https?://\S+|www\.\S+"
_NOT_SPOKEN = rf"{_LINK}|@\w+|\[(?:email|phone|profile_link|iban)\]"

_WORDS = {
    "says": (
        r"sag(?:t|te|ten|en)|gesagt|meint(?:e|en)?|erklärt(?:e|en)?|schr(?:eibt|ieb|ieben)|geschrieben"
        r"|behauptet(?:e|en)?|berichtet(?:e|en)?|kündigt(?:e|en)? an|angekündigt|said|says|saying|told|tells"
        r"|wrote|writes|claim(?:s|ed)|stated?|announced|reported|posted|tweeted"
    ),
    "calls or threatens, of others": (
        r"ruft|rief(?:en)?|aufgerufen|aufruf(?:e|s|en)?|fordert(?:e|en)?|gefordert|forderung(?:en)?|droht(?:e|en)?"
        r"|gedroht|bedroht(?:e|en)?|drohung(?:en)?|called|calls|calling|demand(?:s|ed)|urge[sd]|threat(?:s|ened|ening)?"
        r"|threatens|incite[sd]|inciting|encouraged"
    ),
    "that": r"dass|daß|that",
    "indirect speech": (
        r"sei|seien|habe|werde|wolle|wollten|könne|müsse|solle|dürfe|gebe|gehe|komme|lasse|mache|stehe|wisse"
        r"|would|had|allegedly|supposedly|apparently|purportedly|angeblich|reportedly|mutmaßlich(?:e[rnms]?)?|vermeintlich(?:e[rnms]?)?"
    ),
    "attribution": (
        r"laut|zufolge|nach angaben|so (?:der|die|ein|eine)|wie (?:der|die|es)|in einem"
        r"|according to|in an?|in his|in her|quote[sd]?|quoting|zitat|zitier(?:t|te|en)|wörtlich|via|per"
    ),
    "courts and police": (
        r"polizei\w*|staatsanwalt\w*|gericht\w*|angeklagt\w*|prozess|anzeige\w*|ermittel\w*|ermittlung\w*|verurteil\w*"
        r"|festgenommen|verhaftet|tatverdächtig\w*|police|court|judge|arrest(?:ed|s)?|charged|convicted|sentenced"
        r"|prosecut\w*|suspect(?:s|ed)?|investigat\w*"
    ),
    "condemns": (
        r"widerlich\w*|ekelhaft\w*|unfassbar\w*|unerträglich\w*|strafbar\w*|verurteile|distanzier\w*"
        r"|inakzeptabel\w*|volksverhetz\w*|hetze|hass(?:rede|post\w*|kommentar\w*)?|geht gar nicht|disgusting"
        r"|unacceptable|appalling|condemn\w*|sick(?:ening)?|vile|hate ?speech|not ok(?:ay)?|reject"
        r"|shameful|how dare"
    ),
    "negates": (
        r"nicht|nie|niemals|kein\w*|niemand\w*|statt|anstatt|not|never|no|nobody|don['’]?t|without|stop|instead"
    ),
    "fiction and play": (
        r"film\w*|roman\w*|song\w*|lied|serie|folge|spiel\w*|level|kapitel|szene|movie|novel|lyrics?|episode|game\w*"
        r"|scene|chapter|character|player\w*"
    ),
    "I": r"ich|mich|mir|mein\w*|i|me|my|mine|i['’]m|i['’]ll|i['’]d|i['’]ve",
    "we": r"wir|uns|unser\w*|we|us|our|ours|we['’]re|we['’]ll|we['’]ve|let['’]?s|lasst",
    "you": r"du|dich|dir|dein\w*|ihr|euch|euer|eur\w*|you|your|yours|you['’]re|you['’]ll|ya|u",
    "they": r"er|sie|ihn|ihm|ihnen|he|she|they|him|her|them|man",
    "must": (
        r"muss|müssen|müsst|musst|soll(?:te|ten|t|en)?|gehört|gehören|must|should|shall|gotta|have to|need to"
        r"|deserves?"
    ),
    "will": r"werde|werden|werdet|wirst|wird|will|won['’]?t|gonna|going to|['’]ll",
    "if": r"wenn|falls|sonst|ansonsten|if|unless|or else|otherwise|until|bis",
    "all and now": (
        r"alle|alles|gemeinsam|zusammen|jeder|endlich|jetzt|heute|morgen|everyone|everybody|together|all|now"
        r"|today|tomorrow"
    ),
}
_SHAPES = {
    "asks": r"\?",
    "exclaims": r"!",
    "exclaims twice": r"![!1]",
    "a link at its end": rf"(?:{_LINK})\s*$",
    "a headline's colon": r"^[^\n:.!?]{3,60}:\s",
    "a headline's mark": r"\+\+\+|(?i)\b(?:breaking|eilmeldung|eil|update|news|live(?:ticker|blog)?)\b",
    "passed on": r"^\s*(?:RT|rt)\b|\bRT @",
    "speaks to someone": r"^\s*\.?@\w",
    "names people": r"@\w",
    "hashtags": r"#\w",
    "a time of day": r"(?i)\b\d{1,2}(?::\d\d)? ?(?:uhr|h|pm|am)\b|\b\d{1,2}:\d\d\b",
    "a date": r"(?i)\b\d{1,2}\. ?(?:\d{1,2}\.|jan|feb|mär|apr|mai|jun|jul|aug|sep|okt|nov|dez)",
    "capitals": r"\b\p{Lu}{4,}\b.*\b\p{Lu}{4,}\b",
    "trails off": r"\.\.\.|…",
    "smileys": r"[:;]-?[)(DP]|\p{Extended_Pictographic}",
}


class VoiceCues(TransformerMixin, BaseEstimator):
    """A column a cue, 0 to 1: words outside quotations and inside them, and the quotations."""

    def fit(self, texts: Sequence[str], answers: Any = None) -> VoiceCues:
        """Do nothing: the cues are given."""
        del texts, answers
        return self

    def transform(self, texts: Sequence[str]) -> Any:
        """Return the cues, shape (n_texts, n_cues), sparse."""
        frame = cues(pl.Series(texts, dtype=pl.String))
        return sparse.csr_array(frame.cast(pl.Float64).to_numpy())

    def get_feature_names_out(self, _given: Any = None) -> Any:
        """Return a name a column."""
        return np.array(cues(pl.Series([""])).columns, dtype=object)


def cues(texts: pl.Series) -> pl.DataFrame:
    """Return the cues of texts, a column each: whether there is one, or what share of the text is quoted."""
    own, quoted, quotes = pl.col("own"), pl.col("quoted"), pl.col("quotes")
    share = quoted.str.len_chars() / pl.max_horizontal(pl.col("text").str.len_chars(), 1)
    said = own.str.replace_all(_NOT_SPOKEN, " ")
    return parted(texts).select(
        (quotes > 0).alias("quotes"),
        (quotes > 1).alias("quotes twice"),
        share.alias("quoted share"),
        (share > _HALF).alias("mostly quoted"),
        ((quotes > 0) & ~said.str.contains(_LETTER_OR_DIGIT)).alias("nothing but a quotation"),
        ((quotes > 0) & quoted.str.contains(r"^\s*\S+\s*$")).alias("a word in quotation marks"),
        *(_has_word(own, words).alias(name) for name, words in _WORDS.items()),
        *(_has_word(quoted, words).alias(f"{name}, quoted") for name, words in _WORDS.items()),
        *(own.str.contains(shape).alias(name) for name, shape in _SHAPES.items()),
    )


def parted(texts: pl.Series) -> pl.DataFrame:
    """Return what each text says itself and what it quotes.

    Returns:
        ``text``; ``own`` and ``quoted``, the characters outside and inside quotations in their order, a
        space between two stretches; ``quotes``, how many quotations there are, the outermost alone.
    """
    numbered = pl.DataFrame({"text": texts, "spans": quotes_column(texts)}).with_row_index("row")
    quoting = numbered.filter(pl.col("spans").list.len() > 0)
    parts = [(row, *_parts(text, spans)) for row, text, spans in quoting.iter_rows()]
    schema = {"row": pl.UInt32, "own": pl.String, "quoted": pl.String, "quotes": pl.Int64}
    found = numbered.join(
        pl.DataFrame(parts, schema=schema, orient="row"), on="row", how="left", maintain_order="left"
    )
    return found.select(
        "text",
        own=pl.coalesce("own", "text"),
        quoted=pl.col("quoted").fill_null(""),
        quotes=pl.col("quotes").fill_null(0),
    )


def _parts(text: str, spans: list[dict[str, int]]) -> tuple[str, str, int]:
    own: list[str] = []
    quoted: list[str] = []
    end = 0
    for span in spans:
        if span["start"] >= end:
            own.append(text[end : span["start"]])
            quoted.append(text[span["start"] : span["end"]])
            end = span["end"]
    own.append(text[end:])
    return " ".join(own), " ".join(quoted), len(quoted)


def _has_word(text: pl.Expr, words: str) -> pl.Expr:
    return text.str.contains(rf"(?i)(?:^|[^\w])(?:{words})(?:[^\w]|$)")
