"""One rule for numbers, by examples of each of its clauses."""

from __future__ import annotations

import math

import pytest

from mka.objects.numbers import significant


@pytest.mark.parametrize(
    ("value", "digits", "said"),
    [
        (5.2, 4, "5.200"), (2.11849, 4, "2.118"), (0.25, 3, "0.250"), (0.05, 2, "0.050"), (-0.5, 2, "-0.50"),
        (12.0, 2, "12"), (123.4, 3, "123"), (123.4, 2, "123"), (1.5e-5, 2, "1.5e-05"),
        (999.94, 4, "999.9"), (999.96, 4, "1,000"), (31010.4, 4, "31,010"), (31010.4, 3, "31,010"),
        (7.4e9, 4, "7.400e+09"),
        (0.0, 4, "0"), (math.nan, 4, "no value"), (math.inf, 4, "∞"), (-math.inf, 4, "-∞"),
    ],
)  # fmt: skip
def test_significant_digits_keep_their_zeros(value: float, digits: int, said: str):
    assert significant(value, digits) == said
