"""Size measures: how much each strategy wants a record. Frames to columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aufruf.lexicon import Lexicon

_FEATURES = 1 << 14
_DIMENSIONS = 48
_FITTED = 20_000
_GROUPS = 200
_FEWEST_TEXTS = 10


def lexicon_measure(records: pl.DataFrame, lexicon: Lexicon, labels: list[str]) -> pl.Series:
    """Return 1 / records with a seed term of the label in that language, summed over labels.

    So every label and language has the same share, however common its terms are.

    Args:
        records: ``record_id``, ``language``, ``text``.
        lexicon: the seed terms.
        labels: whose terms count; those of groups do not.
    """
    hits = lexicon.guesses(records.lazy()).filter(pl.col("name").is_in(labels)).collect()
    wanted = (
        hits.join(records.select("record_id", "language"), on="record_id")
        .with_columns(one=1 / pl.len().over("name", "language"))
        .group_by("record_id")
        .agg(pl.col("one").sum())
    )
    found = records.select("record_id").join(wanted, on="record_id", how="left", maintain_order="left")
    return found.get_column("one").fill_null(0.0).alias("lexicon")


def uncertain_measure(records: pl.DataFrame, scores: pl.DataFrame) -> pl.Series:
    """Return 4 · score · (1 - score), the largest of a record's labels: 1 at .5, 0 at 0 and 1.

    It is the variance that the model leaves, times 4 (compare Zrnic and Candès 2024, Active statistical
    inference). A record without a score has 0: only random's share reaches it.
    """
    left = scores.group_by("record_id").agg(left=(4 * pl.col("score") * (1 - pl.col("score"))).max())
    found = records.select("record_id").join(left, on="record_id", how="left", maintain_order="left")
    return found.get_column("left").fill_null(0.0).alias("uncertain")


def diverse_measure(records: pl.DataFrame, *, seed: int) -> pl.Series:
    """Return 1 / clusters in the group of similar texts that a record is in, so that groups weigh alike.

    Groups are k-means clusters of hashed, idf-weighted words in 48 dimensions (latent semantic analysis),
    as many as the square root of the duplicate clusters, 200 at most; one text stands for a cluster. The
    same seed gives the same groups with the same version of scikit-learn.

    Args:
        records: ``record_id``, ``cluster``, ``text``.
        seed: of projection and k-means.
    """
    texts = records.sort("record_id").unique("cluster", keep="first").sort("cluster")
    groups = text_groups(texts.get_column("text").to_list(), seed=seed)
    sizes = np.bincount(groups)
    wanted = texts.select("cluster", diverse=pl.Series(1 / sizes[groups]))
    joined = records.select("cluster").join(wanted, on="cluster", how="left", maintain_order="left")
    return joined.get_column("diverse")


def text_groups(texts: list[str], *, seed: int) -> NDArray[np.int64]:
    """Return the number of the group of similar texts that each text is in."""
    if len(texts) < _FEWEST_TEXTS:
        return np.zeros(len(texts), np.int64)
    hashing, weighting, reducing, means, normalising = _sklearn()
    hashed = hashing(n_features=_FEATURES, alternate_sign=False).transform(texts)
    fitted = np.random.default_rng(seed).permutation(len(texts))[:_FITTED]
    weighted = weighting().fit(hashed[fitted]).transform(hashed)
    dimensions = min(_DIMENSIONS, len(fitted) - 1)
    reduce = reducing(dimensions, random_state=seed).fit(weighted[fitted])
    points = normalising().fit_transform(reduce.transform(weighted))
    number = min(_GROUPS, int(len(texts) ** 0.5))
    groups = means(number, random_state=seed, n_init=1, batch_size=4096).fit(points[fitted])
    return groups.predict(points).astype(np.int64)


def _sklearn() -> tuple[Any, Any, Any, Any, Any]:
    """Import what is needed of scikit-learn, which has no types."""
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
    from sklearn.preprocessing import Normalizer

    return HashingVectorizer, TfidfTransformer, TruncatedSVD, MiniBatchKMeans, Normalizer
