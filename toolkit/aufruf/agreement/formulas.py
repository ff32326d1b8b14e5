"""Coefficients of agreement, each a formula over sums: one figure for each row of sums, NaN: undefined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from aufruf.agreement.coding import Floats
    from aufruf.agreement.sums import Sums

    Formula = Callable[[Sums], Floats]


def alpha(distances: Floats | None) -> Formula:
    """Return Krippendorff's alpha for a distance of two values.

    1 - D_o / D_e, observed by expected disagreement: from coincidences of values within units, and from all
    pairs of values (Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability"). 1 is perfect
    agreement, 0 what chance would give, below 0 systematic disagreement.

    Args:
        distances: as `aufruf.agreement.sums.sums_of`.
    """

    def formula(sums: Sums) -> Floats:
        n = sums.parts["counts"]
        observed = sums.parts["disagreement"][:, 0]
        expected = n.sum(axis=1) ** 2 - (n**2).sum(axis=1)
        if distances is not None:
            expected = ((n @ distances) * n).sum(axis=1)
        return 1 - (n.sum(axis=1) - 1) * _ratio(observed, expected)

    return formula


def ordinal_alpha(sums: Sums) -> Floats:
    """Return Krippendorff's alpha for ordered values.

    The distance of two values is the square of how many answers lie between their middles: the square of
    the difference of their mid-ranks among all answers (Krippendorff 2011, section E).
    """
    n = sums.parts["counts"]
    values = n.shape[1]
    coincidences = sums.parts["coincidences"].reshape(-1, values, values)
    middle = n.cumsum(axis=1) - n / 2
    distances = (middle[:, :, None] - middle[:, None, :]) ** 2
    observed = (coincidences * distances).sum(axis=(1, 2))
    expected = (n[:, :, None] * n[:, None, :] * distances).sum(axis=(1, 2))
    return 1 - (n.sum(axis=1) - 1) * _ratio(observed, expected)


def raw(sums: Sums) -> Floats:
    """Return the share of agreeing pairs of answers in a unit, averaged over units."""
    return _ratio(sums.parts["agreeing"][:, 0], sums.parts["units"][:, 0])


def fleiss_kappa(sums: Sums) -> Floats:
    """Return Fleiss' kappa: raw agreement, corrected by sum_c p_c^2 with the share p_c of a value.

    Fleiss 1971, "Measuring nominal scale agreement among many raters". Where units have different numbers
    of answers, p_c is the mean over units of the value's share in the unit, units with one answer included
    (Gwet 2014, Handbook of Inter-Rater Reliability); with equal numbers that is Fleiss' own figure.
    """
    return _corrected(sums, (_prevalence(sums) ** 2).sum(axis=1))


def gwet_ac1(sums: Sums) -> Floats:
    """Return Gwet's AC1: raw agreement, corrected by sum_c p_c (1 - p_c) / (q - 1) for q values.

    Gwet 2008, "Computing inter-rater reliability and its variance in the presence of high agreement"; p_c
    as in `fleiss_kappa`. Little moved by rare values, where alpha and kappa fall.
    """
    p = _prevalence(sums)
    return _corrected(sums, (p * (1 - p)).sum(axis=1) / max(1, p.shape[1] - 1))


def pabak(sums: Sums) -> Floats:
    """Return prevalence- and bias-adjusted kappa: raw agreement, corrected by 1 / q for q values.

    Of two values 2 p - 1 with the raw agreement p (Byrt, Bishop & Carlin 1993, "Bias, prevalence and
    kappa"); of more it is the coefficient of Brennan & Prediger 1981.
    """
    return _corrected(sums, np.full(len(sums.clusters), 1 / sums.parts["counts"].shape[1]))


def cohen_kappa(sums: Sums) -> Floats:
    """Return Cohen's kappa of two sides: raw agreement, corrected by the product of each side's shares.

    Cohen 1960, "A coefficient of agreement for nominal scales".
    """
    units = sums.parts["units"]
    shares = [_ratio(sums.parts[side], units) for side in ("left", "right")]
    return _corrected(sums, (shares[0] * shares[1]).sum(axis=1))


def specific_agreement(value: int) -> Formula:
    """Return specific agreement on a value: how likely another says it of what somebody said it of.

    2 a / (2 a + b + c) of two annotators (Dice 1945; Cicchetti & Feinstein 1990, "High agreement but low
    kappa"); of more the same over all ordered pairs of answers to a unit (Fleiss 1981, chapter 13).
    """

    def formula(sums: Sums) -> Floats:
        return _ratio(sums.parts["same"][:, value], sums.parts["possible"][:, value])

    return formula


def _prevalence(sums: Sums) -> Floats:
    return _ratio(sums.parts["shares"], sums.parts["all_units"])


def _corrected(sums: Sums, by_chance: Floats) -> Floats:
    """Return (p - e) / (1 - e), NaN where only one value was compared, whatever the formula would give."""
    found = _ratio(raw(sums) - by_chance, 1 - by_chance)
    several = (sums.parts["counts"] > 0).sum(axis=1) > 1
    return np.where(several, found, np.nan)


def _ratio(above: Floats, below: Floats) -> Floats:
    defined = below > 1e-12  # noqa: PLR2004 -- rounding: sums of shares of 1
    return np.where(defined, above / np.where(defined, below, 1.0), np.nan)
