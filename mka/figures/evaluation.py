"""What every picture of an evaluation shares: the models' names and looks, intervals, signed differences."""

from __future__ import annotations

import math
from collections.abc import Mapping

from mka.figures import words
from mka.figures.theme import OKABE_ITO, VERMILION, Theme
from mka.objects.report import Choices, Perplexity, Report, Result

Z95 = 1.959963984540054
CHANCE = 0.25
MERGED, UNMERGED = "merged", "unmerged"
MANY_TIMES = 10.0
"""From here on a perplexity is said to be so many times another one; below, so many percent more."""
LARGEST = 700.0
"""exp of more is beyond any number."""

Look = tuple[str, str]
"""Colour and symbol."""


def report_series(report: Report) -> tuple[tuple[str, Result], ...]:
    """Every measured model of `report` with the name a reader knows it by, the merged one first."""
    baseline = ((UNMERGED, report.baseline),) if report.baseline else ()
    return ((MERGED, report.result), *baseline, *report.controls.items())


def looks(theme: Theme) -> Mapping[str, Look]:
    """How each model of a report is drawn, by its name."""
    return {
        MERGED: (VERMILION, "circle"),
        UNMERGED: (theme.text, "diamond-open"),
        "truncate": (OKABE_ITO[0], "square"),
        "drop-keep-last": (OKABE_ITO[2], "triangle-up"),
    }


OTHER: Look = (OKABE_ITO[7], "x")
"""Of a model that `looks` does not know."""


def wilson(share: float, n: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of `share` = k/n, in [0, 1]; (0, 1) where n is 0."""
    if n == 0:
        return 0.0, 1.0
    centre = (share + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def within_one_error(measured: Perplexity) -> tuple[float, float]:
    """exp of the mean negative log-likelihood minus and plus its standard error: positive whatever the error."""
    factor = math.exp(min(measured.stderr / measured.value, LARGEST))
    return measured.value / factor, measured.value * factor


def perplexity_change(now: Perplexity, before: Perplexity) -> str:
    """+15.4 %, and from MANY_TIMES on ×118; "no value" where one is NaN or both are without bound."""
    ratio = now.value / before.value
    if ratio >= MANY_TIMES and math.isfinite(ratio):
        return f"\N{MULTIPLICATION SIGN}{words.number(ratio, 3)}"
    return words.change(ratio - 1) if math.isfinite(ratio) else words.number(ratio)


def accuracy_change(now: Choices, before: Choices) -> str:
    """In percentage points, always with a sign: −7.0 points."""
    points = 100 * (now.accuracy - before.accuracy)
    return "no value" if math.isnan(points) else f"{words.signed(points)} points"
