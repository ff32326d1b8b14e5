"""Final labels: decided column by column from what annotators answered."""

from aufruf.gold.annotator_model import Model
from aufruf.gold.changes import Change, changes_between
from aufruf.gold.decide import decide, settled_labels, ties
from aufruf.gold.modelled import AnnotatorErrors, ModelReport
from aufruf.gold.run import ColumnReport, GoldReport, Tie, decide_gold, newest_gold, scan_newest_gold
from aufruf.gold.suspicious import Suspicion, read_scores, suspicious

__all__ = [
    "AnnotatorErrors",
    "Change",
    "ColumnReport",
    "GoldReport",
    "Model",
    "ModelReport",
    "Suspicion",
    "Tie",
    "changes_between",
    "decide",
    "decide_gold",
    "newest_gold",
    "read_scores",
    "scan_newest_gold",
    "settled_labels",
    "suspicious",
    "ties",
]
