"""How sure a measured figure is."""

from __future__ import annotations

import math

import numpy as np

Z95 = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""


def wilson(successes: float, n: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of a share, within [0, 1]; NaN for NaN or no trials.

    `successes` may be fractional, since a tie earns part of a point. Wilson, J. Am. Stat. Assoc. 22 (1927) 209.
    """
    if n == 0 or math.isnan(successes):
        return math.nan, math.nan
    share, z2 = successes / n, Z95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def clustered_mean(sums: np.ndarray, counts: np.ndarray) -> tuple[float, float]:
    """Mean per token and its standard error, with texts as the clusters.

    sums, counts: float64 (texts,), a quantity summed over each text's tokens and their number.
    The mean is the ratio of the totals; its variance is that of a ratio estimator by the delta
    method, n/(n-1) sum (s_i - m c_i)^2 / (sum c_i)^2 (Cochran, Sampling Techniques, section 6).
    One text has no spread to read, so its standard error is NaN.
    """
    total = float(counts.sum())
    mean = float(sums.sum()) / total
    n = len(sums)
    if n < 2:
        return mean, math.nan
    with np.errstate(invalid="ignore", over="ignore"):
        residual = sums - mean * counts
        error = math.sqrt(n / (n - 1) * float((residual**2).sum())) / total
    return mean, error
