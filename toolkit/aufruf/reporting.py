"""Tell where a text renders what others said: cues such as »sagte« or »according to«, and the Konjunktiv I.

Both count outside quotation marks only. They are hints for the question of voice, not its answer: a post
that says »laut Polizei« may still threaten in its author's own voice.
"""

from __future__ import annotations

import polars as pl

_SAID = (
    *("sagte", "sagten", "schrieb", "schrieben", "rief", "riefen", "erklärte", "erklärten", "betonte"),
    *("betonten", "drohte", "drohten", "forderte", "forderten", "behauptete", "behaupteten", "meinte"),
    *("meinten", "berichtete", "berichteten", "twitterte", "twitterten", "postete", "posteten"),
    *("kommentierte", "kommentierten", "zitierte", "skandierte", "skandierten", "brüllte", "brüllten"),
    *("antwortete", "antworteten", "fragte", "fragten", "warnte", "warnten", "kritisierte", "versicherte"),
    *("teilte mit", "teilten mit", "teilt mit", "kündigte an", "kündigten an", "kündigt an", "gab an"),
    *("gaben an", "gibt an", "gab bekannt", "gaben bekannt", "hieß es", "nach angaben"),
    *("nach eigenen angaben", "den angaben nach", "nach worten", "zufolge", "dem vernehmen nach"),
    *("said", "told", "wrote", "claimed", "stated", "tweeted", "announced", "argued", "replied", "shouted"),
    *("yelled", "chanted", "threatened", "warned", "insisted", "quoted", "according to", "reportedly"),
)
"""Cues wherever they stand."""

_SAYS = (
    *("sagt", "schreibt", "ruft", "erklärt", "betont", "droht", "fordert", "behauptet", "meint", "berichtet"),
    *("twittert", "postet", "kommentiert", "zitiert", "skandiert", "brüllt", "antwortet", "fragt", "warnt"),
    *(
        "kritisiert",
        "versichert",
        "lautet",
        "heißt es",
        "says",
        "say",
        "tells",
        "writes",
        "write",
        "claims",
        "claim",
    ),
    *("tweets", "announces", "argues", "adds", "added", "replies", "warns", "insists", "posted", "asked"),
)
"""Cues beside a quotation, before a colon or before a clause that goes on: alone they tell too little."""

_KONJUNKTIV = ("sei", "seien", "könne", "müsse", "solle", "dürfe", "wolle", "wisse")
_AUXILIARY = ("habe", "werde")
_PLAIN = (
    *("gehe", "komme", "stehe", "gebe", "sehe", "lasse", "bleibe", "liege", "finde", "nehme", "brauche"),
    *("halte", "führe", "zeige", "bringe", "mache", "handele", "handle", "trage", "spreche", "lebe", "gelte"),
    *("drohe", "fehle", "bestehe", "verstehe", "heiße", "gehöre", "laufe", "fahre", "treffe", "verlange"),
    *("plane", "suche", "ziehe", "setze", "sage", "spiele", "stelle", "schaffe", "helfe", "trete", "denke"),
    *("glaube", "fürchte", "kämpfe", "störe", "beginne", "unterstütze", "ermittle", "ermittele", "prüfe"),
)


def _quick(pattern: str) -> str:
    """Return a pattern with word borders of ASCII: those of Unicode take a hundred times as long.

    No word at such a border may begin or end with another letter than one of ASCII.
    """
    return pattern.replace(r"\b", r"(?-u:\b)")


_MARKS = '„“”"»«‚‘’›‹'
_GOES_ON = r",\s+(?:daß\s|(?:dass|er|sie|es|man|wie|der|die|das|ein|eine|he|she|it|they|that)\b)|\bthat\b"
_DETERMINERS = (
    "(?i:de[mnrs]|eine[mrs]?|seine[mrn]?|ihre[mrn]?|unsere[mrn]?|diese[mrn]?|mehreren|ersten|eigenen)"
)
_LINK = r"https?://\S+|www\.\S+"
_PARTICLE = _quick(
    r"\b(?i:(teilt(?:en?)?|kündigt(?:en?)?|gibt|gab(?:en)?))\b([^.,!?:;\n]{1,80}?)\b(mit|an|bekannt)\b"
    rf"(\s*[.,:;{_MARKS}]|\s*$)"
)
_OF_SOMEONE = _quick(r"(?i)\bnach (?:den )?(angaben|worten) (?:de[rsn]|von|eine[rs]|seine[rs]|ihre[rs])\b")
_OWN = _quick(
    rf"(?i)\b(?:ich|wir)\s+(?:\w+\s+)?(?:{'|'.join((*_SAID, *_SAYS))})\b|"
    rf"\b(?:{'|'.join((*_SAID, *_SAYS))})\s+(?:ich|wir|ihr|du|sie mal|mal|man so)\b|"
    r"\b(?:I|we)\s+(?:\w+\s+)?(?:said|told|wrote|claimed|stated|tweeted|argued|replied|say|write|posted)\b|"
    r"\b(?:that|having|enough|easier|no sooner|truth be|all) (?:being )?(?:said|told)\b"
)
_KINDS = {
    name: _quick(pattern)
    for name, pattern in {
        "said": rf"(?i)\b({'|'.join(_SAID)})\b",
        "says_after": rf"[{_MARKS}…],?\s+(?i:({'|'.join(_SAYS)}))\b",
        "says_before": (rf"(?i)\b({'|'.join(_SAYS)})\b[^.,!?:\n{_MARKS}]{{0,60}}?(?:[:{_MARKS}]|{_GOES_ON})"),
        "laut": rf"\b([Ll]aut)\s+(?:{_DETERMINERS}\s+)?(?:\p{{Lu}}\p{{L}}+|@\w+)",
        "so": rf"[{_MARKS}],?\s+(so)\s+(?:(?:der|die|das|ein|eine|sein|seine|ihr|ihre)\s+)?(?:\p{{Lu}}|@)",
    }.items()
}
_ALONE = ("laut", "teilt", "kündigt", "gibt", "gab", "angaben", "worten")
_EVERY = {*_SAID, *_SAYS, *_ALONE, *(mark + so for mark in _MARKS for so in (" so ", ", so "))}
_STEMS = [stem for stem in sorted(_EVERY) if not any(other in stem for other in _EVERY - {stem})]
"""What stands in every text with a cue; no stem holds another: below a hundred the search is fast."""

_FIRST_PERSON = _quick(r"(?i)\b(?:ich|wir|mich|mir)\b")
_SUBJECT = _quick(
    r"\b(?:er|sie|es|man|niemand|jede[rs]?|alles?|diese[rs]?|das|der|die|eine?[rs]?|keine?[rs]?|seine?|ihre?)\b|"
    r"\p{Lu}[\p{Ll}-]+"
)
_IDIOMS = _quick(
    r"(?i)\bes sei denn\b|\b\w+ sei dank\b|\bwie (?:dem|es) auch sei\b|\b(?:dahin|da)gestellt sei\w*|"
    r"\bsei(?:'s| es)\s+(?:durch|in|im|als|ob|nun|aus|mit|bei|von|vom|auf|wegen|wie|zum|zur|beim|drum)\b|"
    r"\bsei (?:dir|euch|ihm|ihnen|hier|an dieser stelle|so|nicht so|bitte|doch|mal|froh|still|ruhig|dabei)\b|"
    r"\bsei (?:vorsichtig|gegrüßt|gewarnt)\b|\bseien (?:sie|wir)\b|\b(?:ihnen|ihm|ihr|euch|dir) sei\b"
)
_SENTENCE_END = r"[.!?…\n]+\s|\n|\z"
_CLAUSE_END = _quick(r"[,;:()–—]+|\s-\s|\b(?:und|aber|oder|sondern)\b")


def reporting_columns(texts: pl.Series, quotes: pl.Series, languages: pl.Series) -> pl.DataFrame:
    """Return what of each text renders others.

    Args:
        texts: the texts.
        quotes: their quoted spans, lists of ``{start, end}``.
        languages: de, en, other or und.

    Returns:
        ``reporting_cue``: the first cue in lower case, null if there is none; ``indirect_speech``: whether
        there is a Konjunktiv I, null where the language is not German. One row a text.
    """
    outside = _outside_quotes(texts, quotes)
    cues = _cues(outside)
    german = (languages == "de").arg_true()
    found = _indirect(outside.gather(german), cues.gather(german).is_not_null())
    indirect = pl.repeat(None, len(texts), dtype=pl.Boolean, eager=True).scatter(german, found)
    return pl.DataFrame({"reporting_cue": cues, "indirect_speech": indirect})


def _outside_quotes(texts: pl.Series, quotes: pl.Series) -> pl.Series:
    """Return texts with an ellipsis for what stands within quotation marks, which stay."""
    quoting = (quotes.list.len() > 0).arg_true()
    spans = quotes.gather(quoting).list
    starts, ends = (spans.eval(pl.element().struct.field(name)).to_list() for name in ("start", "end"))
    cut: list[str] = []
    for text, *bounds in zip(texts.gather(quoting), starts, ends, strict=True):
        parts: list[str] = []
        reached = 0
        for start, end in zip(*bounds, strict=True):
            if start >= reached:
                parts += [text[reached:start], "…"]
                reached = end
        cut.append("".join([*parts, text[reached:]]))
    return texts.clone().scatter(quoting, pl.Series(cut, dtype=pl.String)) if cut else texts


def _cues(texts: pl.Series) -> pl.Series:
    """Return the first cue of each text in lower case, or null; what one says of oneself is none."""
    likely = texts.str.contains_any(_STEMS, ascii_case_insensitive=True).arg_true()
    text = (
        pl.col("text")
        .str.replace_all(_LINK, " ")
        .str.replace_all(_PARTICLE, " $1 $3 $2$4")
        .str.replace_all(_OF_SOMEONE, "nach $1 ")
        .str.replace_all(_OWN, " ")
    )
    places = {name: pl.col("text").str.find(pattern) for name, pattern in _KINDS.items()}
    frame = pl.DataFrame({"text": texts.gather(likely), "row": likely}).with_columns(text)
    cued = frame.with_columns(**places).filter(pl.any_horizontal(pl.col(*_KINDS).is_not_null()))
    first = pl.min_horizontal(*_KINDS)
    cue = pl.coalesce(
        pl.when(pl.col(name) == first).then(pl.col("text").str.extract(pattern))
        for name, pattern in _KINDS.items()
    )
    found = cued.select("row", cue=cue.str.to_lowercase())
    empty = pl.repeat(None, len(texts), dtype=pl.String, eager=True)
    return empty.scatter(found["row"], found["cue"]).alias("reporting_cue")


def _indirect(texts: pl.Series, reported: pl.Series) -> pl.Series:
    """Say of German texts whether a clause has a Konjunktiv I.

    »Sei« and the modal verbs show it by themselves. »Habe« and »werde« do so where a third person is the
    subject, other verbs only in a text with a cue: their forms are those of »ich gehe«.
    """
    frame = pl.DataFrame({"text": texts, "reported": reported}).with_row_index("row")
    plain = pl.col("text").str.replace_all(_IDIOMS, " ").str.replace_all(_SENTENCE_END, "\x00")
    sentences = (
        frame.filter(
            pl.col("text").str.contains(_one_of((*_KONJUNKTIV, *_AUXILIARY)))
            | (pl.col("reported") & pl.col("text").str.contains(_one_of(_PLAIN)))
        )
        .select("row", "reported", sentence=plain.str.split("\x00"))
        .explode("sentence", empty_as_null=True, keep_nulls=True)
        .filter(~pl.col("sentence").str.contains(_FIRST_PERSON))
    )
    clauses = sentences.select(
        "row",
        "reported",
        clause=pl.col("sentence").str.replace_all(_CLAUSE_END, "\x00").str.split("\x00"),
    ).explode("clause", empty_as_null=True, keep_nulls=True)
    rows = clauses.filter(_is_konjunktiv(pl.col("clause").str.strip_chars(), pl.col("reported")))["row"]
    return frame.select(pl.col("row").is_in(rows.implode())).to_series()


def _one_of(forms: tuple[str, ...]) -> str:
    return _quick(rf"\S\s+(?:{'|'.join(forms)})\b")


def _is_konjunktiv(clause: pl.Expr, reported: pl.Expr) -> pl.Expr:
    """A clause that begins with such a form is an order (»sei still«), or leaves out its »ich«."""
    alone = clause.str.contains(_one_of(_KONJUNKTIV))
    third = clause.str.contains(_one_of(_AUXILIARY)) & clause.str.contains(_SUBJECT)
    plain = clause.str.contains(_one_of(_PLAIN)) & clause.str.contains(_SUBJECT)
    return alone | third | (reported & plain)
