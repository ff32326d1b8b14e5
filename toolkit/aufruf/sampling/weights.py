"""One weight for each record over several rounds drawn without replacement."""

from __future__ import annotations

import polars as pl


def overall_weights(samples: pl.DataFrame, importance: dict[str, float], order: list[str]) -> pl.DataFrame:
    """Return how many clusters of the corpus each drawn record stands for, over all rounds together.

    A round's probabilities hold given the earlier rounds, whose clusters it cannot draw again. So round t
    by itself estimates the corpus' total by what the earlier rounds found, each counted once, plus Σ y / π
    over what it drew (Des Raj 1956). Given the rounds before, that is unbiased, and the estimates of two
    rounds are uncorrelated. Their mean with fixed weights w, summing to 1, gives a record of round t the
    weight w_t / π + Σ w_u over later rounds u; its inverse serves as the overall probability.

    Args:
        samples: ``round``, ``record_id``, ``probability`` (of the cluster, given the earlier rounds).
        importance: round to weight, 0 or above, not by what was found in it; scaled to sum to 1. A round
            with 0 counts only as known to later ones.
        order: the rounds as they were drawn.

    Returns:
        ``round``, ``record_id``, ``weight``, ``share`` (w_t), in the order of ``samples``.
    """
    total = sum(importance.values())
    shares = [importance[name] / total for name in order]
    later = [sum(shares[place + 1 :]) for place in range(len(order))]
    rounds = pl.DataFrame(
        {"round": order, "share": shares, "later": later},
        schema={"round": pl.String, "share": pl.Float64, "later": pl.Float64},
    )
    return samples.join(rounds, on="round", maintain_order="left").select(
        "round", "record_id", "share", weight=pl.col("share") / pl.col("probability") + pl.col("later")
    )
