"""Which pieces of a text spoke most for the answer that a linear model gave."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from sklearn.feature_extraction.text import CountVectorizer

from aufruf.baselines.hashing import ENDS, HashedNgrams
from aufruf.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aufruf.baselines.examples import Reals
    from aufruf.baselines.heads import Head
    from aufruf.baselines.model import Answers, Model

SHOWN = 5
START = "[start]"
"""How the start of a sentence is named where it is a word."""
BECAUSE = pl.List(pl.Struct({"feature": pl.String, "weight": pl.Float64}))
_FACTOR = 0x9E3779B97F4A7C15
_WORD = 1 << 64
_MARKED = re.compile(rf"\A\s*(?=\S)|(?<=[{ENDS}])\s+(?=\S)|\w+|[^\w\s]")


def check_explainable(model: Model) -> None:
    """Refuse a model whose decisions rest on nothing that has a name.

    Raises:
        InputError: if so.
    """
    named = isinstance(model.features, HashedNgrams) or hasattr(model.features, "get_feature_names_out")
    if not named or not any(head.is_linear for head in model.heads):
        raise InputError(
            f"recipe {model.recipe.name}: its decisions rest on nothing that has a name; leave --explain out"
        )


def because(model: Model, texts: pl.Series, answers: dict[str, Answers]) -> dict[str, pl.Series]:
    """Return the heaviest features behind each yes, and behind each of several answers, by the head's name.

    A feature's weight is its value in the text times its weight in the head; of a hashed model it is that of
    its bucket, which n-grams may share.

    Args:
        model: one that `check_explainable` lets pass.
        texts: prepared.
        answers: to them.

    Returns:
        Series of `BECAUSE`, the heaviest first, at most 5; null where the answer is no.
    """
    heads = [head for head in model.heads if head.is_linear]
    told = np.zeros(len(texts), dtype=np.bool_)
    for head in heads:
        told |= np.array(
            [_is_told(head, answer) for answer in answers[head.name].predicted.tolist()], dtype=np.bool_
        )
    places = np.flatnonzero(told)
    found: dict[str, list[list[dict[str, Any]] | None]] = {head.name: [None] * len(texts) for head in heads}
    if len(places):
        chosen = texts.gather(places)
        seen = chosen if model.recipe.hashed else chosen.to_list()
        rows = model.features.transform(seen).tocsr()
        named = _naming(model.features)
        for number, (place, text) in enumerate(zip(places.tolist(), chosen, strict=True)):
            names = named(text)
            for head in heads:
                answer = int(answers[head.name].predicted[place])
                if _is_told(head, answer):
                    found[head.name][place] = _heaviest(rows[[number]], _weights(head, answer), names)
    return {name: pl.Series(f"{name}_because", values, dtype=BECAUSE) for name, values in found.items()}


def buckets_of(features: HashedNgrams, text: str) -> dict[int, str]:
    """Return the n-grams of a text by their bucket, words before characters where they share one.

    It finds out again, n-gram by n-gram, what `aufruf.baselines.hashing_kernels` computes without strings.
    """
    found: dict[int, str] = {}
    half, shift = 1 << (features.bits - 1), 65 - features.bits
    if features.characters:
        for gram in _analyzer("char_wb", features.characters)(text):
            found[half + (_folded(_codes(gram)) >> shift)] = gram
    if features.words:
        for gram in (
            _marked(features.words, text) if features.marks else _analyzer("word", features.words)(text)
        ):
            tokens = [_mixed(_folded([1] if token == START else _codes(token))) for token in gram.split(" ")]
            found[_folded(tokens) >> shift] = gram
    return found


def _naming(features: Any) -> Callable[[str], Mapping[int, str]]:
    """Return what names the columns of a text's features."""
    if not isinstance(features, HashedNgrams):
        names = {
            place: name.partition("__")[2] for place, name in enumerate(features.get_feature_names_out())
        }
        return lambda _text: names
    table = {int(bucket): column for column, bucket in enumerate(features.buckets_)}
    return lambda text: {
        table[bucket]: gram for bucket, gram in buckets_of(features, text).items() if bucket in table
    }


def _is_told(head: Head, answer: int) -> bool:
    return answer == 1 or not head.is_yes_no


def _weights(head: Head, answer: int) -> Reals:
    """Return the weights that speak for an answer, shape (n_columns,)."""
    coefficients: Reals = np.asarray(head.estimator.coef_, dtype=np.float64)
    if len(coefficients) > 1:
        return coefficients[list(head.estimator.classes_).index(answer)]
    return coefficients[0] if answer == int(head.estimator.classes_[-1]) else -coefficients[0]


def _heaviest(row: Any, weights: Reals, names: Mapping[int, str]) -> list[dict[str, Any]]:
    worth = row.data * weights[row.indices]
    order = np.argsort(-worth, kind="stable")[:SHOWN]
    return [
        {"feature": names.get(int(row.indices[place]), ""), "weight": float(worth[place])}
        for place in order
        if worth[place] > 0
    ]


@lru_cache
def _analyzer(kind: str, lengths: tuple[int, int]) -> Callable[[str], list[str]]:
    counter: Any = CountVectorizer(analyzer=kind, ngram_range=lengths)
    return counter.build_analyzer()


def _marked(lengths: tuple[int, int], text: str) -> list[str]:
    """Return the n-grams of words where marks and starts of sentences are words."""
    tokens = [token.strip() or START for token in _MARKED.findall(text.lower())]
    return [
        " ".join(tokens[start : start + size])
        for size in range(lengths[0], lengths[1] + 1)
        for start in range(len(tokens) - size + 1)
    ]


def _codes(letters: str) -> list[int]:
    return [ord(letter) + 1 for letter in letters]


def _folded(numbers: Sequence[int]) -> int:
    found = 0
    for number in numbers:
        found = (found + number) * _FACTOR % _WORD
    return found


def _mixed(value: int) -> int:
    """Return what `aufruf.band_kernels.mixed` does, of numbers without end."""
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) % _WORD
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) % _WORD
    return value ^ (value >> 31)
