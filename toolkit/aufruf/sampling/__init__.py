"""Choose records for a round, so that each record's chance to be chosen is known."""

from aufruf.sampling.design import Design, Draw, SampleReport, Stratum, Yield, parse_mix
from aufruf.sampling.drawing import allocate, draw
from aufruf.sampling.rounds import sample_round
from aufruf.sampling.weights import overall_weights

__all__ = [
    "Design",
    "Draw",
    "SampleReport",
    "Stratum",
    "Yield",
    "allocate",
    "draw",
    "overall_weights",
    "parse_mix",
    "sample_round",
]
