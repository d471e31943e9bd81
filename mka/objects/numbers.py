"""Numbers as words: one rule for the terminal, the screens and the sentences."""

from __future__ import annotations

import math

GROUPED = 1e6
"""From here on a number is written with a power of ten."""


def significant(value: float, digits: int = 4) -> str:
    """So many significant digits, zeros at the end among them: 5.200. From a thousand on all digits before the point,
    in groups; an exact 0 as "0", NaN as "no value", what is beyond any number as ∞."""
    if math.isnan(value):
        return "no value"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value == 0:
        return "0"
    rounded = abs(float(f"{value:.{digits}g}"))
    if min(1000, 10**digits) <= rounded < GROUPED:
        return f"{value:,.0f}"
    return f"{value:#.{digits}g}".rstrip(".")
