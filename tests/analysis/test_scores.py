"""Normal scores and the scale from information to [0, 1], against scipy and theory."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm, rankdata

from mka.analysis.scores import linfoot, normal_scores, still_layers


def test_normal_scores_are_quantiles_of_tied_ranks() -> None:
    coordinates = np.random.default_rng(0).normal(size=(3, 40, 2))
    coordinates[1, 5:15, 0] = 0.3
    expected = norm.ppf(rankdata(coordinates, method="average", axis=1) / 41).swapaxes(1, 2)
    np.testing.assert_allclose(normal_scores(coordinates), expected, atol=1e-14)


def test_rescaling_changes_nothing_and_mirroring_the_sign_alone() -> None:
    coordinates = np.random.default_rng(1).normal(size=(2, 101, 3))
    scores = normal_scores(coordinates)
    np.testing.assert_array_equal(normal_scores(np.exp(coordinates) * 5 - 2), scores)
    np.testing.assert_array_equal(normal_scores(-coordinates), -scores)


def test_equal_values_and_single_points_score_zero() -> None:
    np.testing.assert_array_equal(normal_scores(np.full((2, 7, 2), 3.5)), np.zeros((2, 2, 7)))
    np.testing.assert_array_equal(normal_scores(np.array([[[2.0, 5.0]]])), [[[0.0], [0.0]]])
    layers = np.random.default_rng(2).normal(size=(3, 9, 2))
    layers[1, :, 0], layers[2] = 4.0, 1.0  # one silent axis is not yet a layer at rest
    np.testing.assert_array_equal(still_layers(normal_scores(layers)), [False, False, True])


def test_linfoot_is_the_correlation_of_normal_axes() -> None:
    correlation = np.array([0.0, 0.3, 0.9, 1.0])
    for dims in (1, 2, 3):
        with np.errstate(divide="ignore"):
            information = -dims * np.log(1 - correlation**2) / 2
        np.testing.assert_allclose(linfoot(information, dims), correlation, atol=1e-15)
    assert linfoot(np.array(-0.2), 2) == 0
