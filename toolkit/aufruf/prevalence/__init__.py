"""How common each label is in the corpus, from a sample of known inclusion probabilities."""

from aufruf.prevalence.corpus import PrevalenceRow, prevalence
from aufruf.prevalence.errors_of_annotators import (
    ErrorRates,
    corrected,
    modelled_error_rates,
    read_error_rates,
)
from aufruf.prevalence.estimates import Estimate, Sampled, estimate
from aufruf.prevalence.planning import PlanRow, plan_samples

__all__ = [
    "ErrorRates",
    "Estimate",
    "PlanRow",
    "PrevalenceRow",
    "Sampled",
    "corrected",
    "estimate",
    "modelled_error_rates",
    "plan_samples",
    "prevalence",
    "read_error_rates",
]
