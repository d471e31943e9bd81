"""Means, errors and halves along texts, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mka.evaluation.positions import AlongTexts
from mka.objects.report import Halves


def along(*texts: list[float], positions: int = 4) -> AlongTexts:
    found = AlongTexts(len(texts), positions)
    for text, values in enumerate(texts):
        found.add(text, 0, np.array(values))
    return found


def test_means_and_errors_are_those_of_the_texts_that_reach_a_position():
    means, errors = along([1.0, 2.0, 7.0], [3.0, 6.0], [5.0]).by_position()
    assert means == (3.0, 4.0, 7.0)
    # Deviations -2, 0, 2: variance 8 / 2, of the mean 4 / 3. Then -2, 2: 8 / 1, of the mean 4.
    assert errors[:2] == pytest.approx((math.sqrt(4 / 3), 2.0)) and math.isnan(errors[2])


def test_pieces_of_a_text_are_put_together_and_its_end_is_left_out():
    whole, pieces = along([1.0, 2.0, 3.0, 4.0, 5.0]), AlongTexts(1, 4)
    for position, values in ((3, [4.0, 5.0]), (0, [1.0, 2.0, 3.0]), (5, [6.0])):
        pieces.add(0, position, np.array(values))
    assert whole.by_position()[0] == pieces.by_position()[0] == (1.0, 2.0, 3.0, 4.0)
    assert whole.halves() is not None and repr(whole.halves()) == repr(pieces.halves()), "one text: its error is NaN"


def test_each_text_is_compared_with_itself():
    # Halves 1 and 3; 2 and 2 (5 stands in the middle); the text of one token has none.
    found = along([1.0, 1.0, 3.0, 3.0], [2.0, 5.0, 2.0], [9.0]).halves()
    # Differences 2 and 0: deviations 1 and -1, variance 2, of the mean 1.
    assert found == Halves(early=1.5, late=2.5, stderr=pytest.approx(1.0), texts=2)


def test_longer_texts_that_differ_more_are_no_growth():
    """The mean at a late position is that of the long texts alone, which differ more from the first token on."""
    found = along([1.0], [1.0, 1.0], [5.0, 5.0, 5.0, 5.0])
    assert found.by_position()[0] == (7 / 3, 3.0, 5.0, 5.0) and found.halves() == Halves(3.0, 3.0, 0.0, 2)


def test_one_text_has_no_error_and_one_token_no_halves():
    one = along([1.0, 2.0]).halves()
    assert one is not None and (one.early, one.late, one.texts) == (1.0, 2.0, 1) and math.isnan(one.stderr)
    assert along([1.0], [2.0]).halves() is None
    assert along([]).by_position() == ((), ())


def test_a_broken_model_has_no_value_and_no_error():
    means, errors = along([math.nan, 1.0], [math.inf, 1.0]).by_position()
    assert math.isnan(means[0]) and math.isnan(errors[0]) and (means[1], errors[1]) == (1.0, 0.0)
    found = along([math.nan, 1.0], [1.0, math.inf]).halves()
    assert found is not None and math.isnan(found.stderr)
