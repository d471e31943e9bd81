"""Procrustes similarity against scipy's, and what it is blind to."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from scipy.spatial import procrustes as scipys
from scipy.stats import ortho_group

from mka.analysis.measures import similarity
from mka.analysis.shapes import procrustes
from mka.errors import BadInput, Cancelled
from mka.objects.progress import Cancel


def states(layers: int = 3, n: int = 30, d: int = 7, seed: int = 0) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).normal(size=(layers, n, d)), axis=0)


@pytest.mark.parametrize(("n", "d"), [(2, 5), (3, 1), (10, 10), (10, 50), (50, 10), (11, 10)])
def test_agrees_with_scipy(n: int, d: int) -> None:
    values = states(2, n, d) * 3 + 1
    found = procrustes(values)[0, 1]
    # scipy also scales the second cloud freely, so its disparity is 1 - nuc^2.
    assert 1 - found**2 == pytest.approx(scipys(values[0], values[1])[2], abs=1e-10)
    first, second = (each - each.mean(axis=0) for each in values)
    turn, norm = orthogonal_procrustes(first / np.linalg.norm(first), second / np.linalg.norm(second))
    assert found == pytest.approx(norm, abs=1e-10)
    left = first / np.linalg.norm(first) @ turn - second / np.linalg.norm(second)
    assert np.square(left).sum() == pytest.approx(2 - 2 * found, abs=1e-10)


def test_is_blind_to_rotation_shift_and_one_factor() -> None:
    values = states(1)
    turned = 1e9 * values[0] @ ortho_group.rvs(7, random_state=0) - 5
    found = procrustes(np.stack([values[0], turned]))
    assert found[0, 1] == pytest.approx(1, abs=1e-12) and found[0, 1] <= 1


def test_two_points_are_always_alike_and_one_is_refused() -> None:
    np.testing.assert_allclose(procrustes(states(3, 2)), 1, atol=1e-12)
    with pytest.raises(BadInput, match="at least 2 points, got 1"):
        similarity(states(2, 1), "procrustes")


def test_a_layer_without_shape() -> None:
    values = states(3)
    values[1] = 0.1
    found = similarity(values, "procrustes")
    np.testing.assert_array_equal(found.values[1], [0, 1, 0])
    assert found.note == "all points coincide in layers 1: they have no shape, so 0 with every other layer"


def test_reports_pairs_and_stops_when_asked() -> None:
    told: list[tuple[str, int, int]] = []
    procrustes(states(), progress=lambda *words: told.append(words))
    assert told == [("procrustes", done, 3) for done in (1, 2, 3)]
    cancel = Cancel()
    cancel.request()
    with pytest.raises(Cancelled):
        procrustes(states(), cancel=cancel)
