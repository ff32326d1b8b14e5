"""Final labels: decided column by column from what annotators answered."""

from aufruf.gold.decide import decide, settled_labels, ties
from aufruf.gold.run import ColumnReport, GoldReport, Tie, decide_gold, newest_gold

__all__ = [
    "ColumnReport",
    "GoldReport",
    "Tie",
    "decide",
    "decide_gold",
    "newest_gold",
    "settled_labels",
    "ties",
]
