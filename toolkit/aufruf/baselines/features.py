"""What a model sees of a text: prepared texts, and TF-IDF of their n-grams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import polars as pl
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion

from aufruf.baselines.cues import VoiceCues
from aufruf.baselines.encoder import LocalEncoder
from aufruf.baselines.hashing import HashedNgrams
from aufruf.baselines.lexicon_features import shipped_terms
from aufruf.baselines.probes import TextLength, one_hot
from aufruf.masking import mask_column, unkeyed
from aufruf.secrets import Secret
from aufruf.text import normalise

if TYPE_CHECKING:
    from aufruf.baselines.recipes import Block, Ngrams, Recipe

_VOCABULARY = "vocabulary_"


def prepare(texts: pl.Series) -> pl.Series:
    """Return texts as every model sees them, whether of a release or of a table.

    They are normalised, and whoever is mentioned becomes ``@user``: a model must not learn people, and
    must not store their names. Preparing a second time changes nothing. Null stays null.
    """
    masked = mask_column(normalise(texts), Secret("one key for all: the digits go"))
    return masked.to_frame("text").select(unkeyed(pl.col("text"))).to_series().alias(texts.name)


class TfidfNgrams(TfidfVectorizer):
    """scikit-learn's TfidfVectorizer, whose vocabulary is stored as one array of bytes.

    skops writes a dictionary key by key: 94,000 n-grams took 66 MB and 4 seconds.
    """

    def __getstate__(self) -> dict[str, Any]:
        """Return the state with the vocabulary as bytes and lengths, in the order of the columns."""
        state = dict(cast("dict[str, Any]", super().__getstate__()))
        if _VOCABULARY in state:
            columns: dict[str, int] = state.pop(_VOCABULARY)
            terms = [term.encode() for term in sorted(columns, key=columns.__getitem__)]
            state["packed_terms"] = np.frombuffer(b"".join(terms), dtype=np.uint8)
            state["packed_lengths"] = np.fromiter(map(len, terms), dtype=np.int64, count=len(terms))
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the vocabulary from `__getstate__`'s arrays."""
        plain = dict(state)
        if "packed_terms" in plain:
            packed = plain.pop("packed_terms").tobytes()
            ends = np.cumsum(plain.pop("packed_lengths")).tolist()
            starts = [0, *ends[:-1]]
            plain[_VOCABULARY] = {
                packed[start:end].decode(): column
                for column, (start, end) in enumerate(zip(starts, ends, strict=True))
            }
        scikit: Any = super()
        scikit.__setstate__(plain)


_READ: dict[Block, Any] = {"cues": VoiceCues, "length": TextLength, "lexicon": shipped_terms}


def make_features(recipe: Recipe) -> Any:
    """Return a recipe's unfitted features, a scikit-learn transformer; None if it reads nothing.

    It transforms texts, or what `fact_values` gives where the recipe ``knows`` facts.
    """
    if recipe.knows:
        return one_hot()
    if recipe.encoder:
        return LocalEncoder(recipe.encoder_folder, recipe.longest)
    if recipe.hashed:
        return _hashed(recipe.words, recipe.characters)
    blocks: list[tuple[str, Any]] = []
    if recipe.words is not None:
        blocks.append(("words", _block("word", recipe.words)))
    if recipe.characters is not None:
        blocks.append(("characters", _block("char_wb", recipe.characters)))
    blocks += [(name, _READ[name]()) for name in recipe.reads]
    return FeatureUnion(blocks) if blocks else None


def _hashed(words: Ngrams | None, characters: Ngrams | None) -> HashedNgrams:
    some = words or characters
    assert some is not None, "a hashed recipe without n-grams"
    return HashedNgrams(
        words and words.ngrams,
        characters and characters.ngrams,
        min_df=some.min_df,
        sublinear_tf=some.sublinear_tf,
        marks=words is not None and words.marks,
    )


def _block(analyzer: str, settings: Ngrams) -> TfidfNgrams:
    return TfidfNgrams(
        analyzer=analyzer,
        ngram_range=settings.ngrams,
        min_df=settings.min_df,
        sublinear_tf=settings.sublinear_tf,
    )
