"""How much wider than normal must a band be that rests on few observations?"""

from __future__ import annotations

from statistics import NormalDist


def normal(level: float) -> float:
    """Answer the two-sided quantile of the normal distribution."""
    return NormalDist().inv_cdf((1 + level) / 2)


def student(level: float, freedom: float) -> float:
    """Answer the two-sided quantile of Student's t, to 1 % from 2 degrees of freedom on.

    Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5: an expansion in one over the degrees of freedom.
    """
    z = normal(level)
    terms: tuple[float, ...] = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return sum(term * freedom**-power for power, term in enumerate(terms))
