"""What a round can be expected to bring, from what earlier rounds brought."""

from __future__ import annotations

import polars as pl

from aufruf.sampling.design import Design, Yield


def expected_yields(
    frame: pl.DataFrame, design: Design, samples: pl.DataFrame, gold: pl.DataFrame, labels: list[str]
) -> list[Yield]:
    """Return the expected records in which each label is the author's own, by language.

    A strategy draws a record in proportion to its measure m, so the rate among what it draws is estimated
    by Σ m y / π over Σ m / π of the records judged in earlier rounds, with their inclusion probabilities π
    (importance weighting); the share of a language in the same way. The strategies' shares then add up.

    Args:
        frame: ``record_id``, ``language``, ``stratum``, and a measure named after each strategy.
        design: of the round to come.
        samples: rows of the samples table, of earlier rounds.
        gold: rows of the gold table.
        labels: to tell about.
    """
    known = samples.group_by("record_id").agg(weight=1 / pl.col("inclusion_probability").max())
    answers = gold.filter(pl.col("column") == "author").select("record_id", "label", truth=pl.col("share"))
    judged = (
        frame.join(known, on="record_id").join(answers, on="record_id").filter(pl.col("truth").is_not_null())
    )
    shares = design.mix or {"random": 1.0}
    return [
        _yield(judged.filter(pl.col("label") == label), language, label, design.n, shares)
        for language in design.languages
        for label in labels
    ]


def _yield(judged: pl.DataFrame, language: str, label: str, n: int, shares: dict[str, float]) -> Yield:
    here = pl.col("language") == language
    expected = 0.0
    for name, share in shares.items():
        wanted = pl.col("weight") * (1.0 if name == "random" else pl.col(name))
        drawn, found = judged.select(
            drawn=wanted.sum(), found=pl.when(here).then(wanted * pl.col("truth")).sum()
        ).row(0)
        if not drawn:
            reason = f"no judged record of earlier rounds is one that {name} would draw"
            return Yield(language, label, None, judged.filter(here).height, reason)
        expected += n * share * found / drawn
    return Yield(language, label, expected, judged.filter(here).height, None)
