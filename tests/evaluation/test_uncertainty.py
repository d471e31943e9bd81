import math

import numpy as np
import pytest

from mka.evaluation.uncertainty import clustered_mean, wilson


def test_wilson_of_eight_in_ten_is_the_published_interval():
    # The common textbook example: 8 of 10, 95 %: .490 to .943.
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=5e-5)


def test_wilson_of_none_and_all():
    # With p = 0 the upper bound is z^2 / (n + z^2).
    low, high = wilson(0, 20)
    assert low == 0 and high == pytest.approx(3.8414588 / 23.8414588)
    assert wilson(20, 20) == pytest.approx((1 - high, 1))


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (math.nan, 5)])
def test_wilson_without_a_value_is_nan(successes, n):
    assert all(math.isnan(bound) for bound in wilson(successes, n))


def test_clusters_of_one_token_give_the_standard_error_of_a_mean():
    values = np.array([1.0, 2.0, 4.0, 9.0])
    mean, error = clustered_mean(values, np.ones(4))
    assert mean == pytest.approx(4)
    assert error == pytest.approx(values.std(ddof=1) / 2)


def test_tokens_of_one_text_are_not_counted_as_independent():
    # Repeating every token of a text ten times tells nothing new, so the error must not shrink.
    sums, counts = np.array([3.0, 5.0, 1.0]), np.array([2.0, 2.0, 1.0])
    assert clustered_mean(10 * sums, 10 * counts) == pytest.approx(clustered_mean(sums, counts))


def test_one_text_has_no_standard_error():
    mean, error = clustered_mean(np.array([3.0]), np.array([2.0]))
    assert mean == 1.5 and math.isnan(error)
