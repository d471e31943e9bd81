"""The joint nearest-neighbour estimate against theory, a slow implementation and its promises."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.special import digamma

from mka.analysis.ksg import nmi_ksg
from mka.analysis.neighbors import NUMPY, fastest
from mka.analysis.npib_code import npib_as_coded
from mka.analysis.scores import linfoot, normal_scores
from mka.errors import BadInput, Cancelled
from mka.objects.progress import Cancel

KERNELS = [
    pytest.param(kernels, id=kernels.name) for kernels in {NUMPY.name: NUMPY, fastest().name: fastest()}.values()
]


def wandering(layers: int = 4, n: int = 60, dims: int = 2, seed: int = 0) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).normal(size=(layers, n, dims)), axis=0)


def with_ties(n: int = 90) -> np.ndarray:
    """Four layers of which one has axes of few values, one a clump of points in one place, one a silent axis."""
    coordinates = wandering(4, n)
    coordinates[1] = np.floor(coordinates[1])
    coordinates[2, n // 9 : n // 2] = coordinates[2, 0]
    coordinates[1, n // 9 : n // 4] = coordinates[1, 0]
    coordinates[3, :, 1] = 0
    return coordinates


def by_trees(x: np.ndarray, y: np.ndarray, neighbors: int) -> float:
    """Nats, of scores (n, k), with one tree for each space and point by point (arXiv 1709.06212 for distance 0)."""
    joint = np.hstack([x, y])
    radius = cKDTree(joint).query(joint, k=neighbors + 1, p=np.inf)[0][:, -1]

    def count(points: np.ndarray, i: int) -> int:
        reach = np.nextafter(radius[i], 0) if radius[i] > 0 else 0.0
        return len(cKDTree(points).query_ball_point(points[i], reach, p=np.inf))

    terms = [
        digamma(neighbors if radius[i] > 0 else count(joint, i)) - digamma(count(x, i)) - digamma(count(y, i))
        for i in range(len(x))
    ]
    return float(digamma(len(x)) + np.mean(terms))


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("neighbors", [1, 5, 12])
def test_equals_a_slow_search_by_trees(neighbors: int, kernels) -> None:
    for coordinates in (wandering(3, 60), wandering(2, 50, 3), wandering(2, 40, 1), with_ties()):
        found = nmi_ksg(coordinates, k_neighbors=neighbors, kernels=kernels)
        scores = normal_scores(coordinates).swapaxes(1, 2)
        dims = coordinates.shape[-1]
        for first in range(len(scores)):
            for second in range(first + 1, len(scores)):
                expected = linfoot(by_trees(scores[first], scores[second], neighbors), dims)
                assert found[first, second] == pytest.approx(expected, abs=1e-9)


def test_numba_and_numpy_agree_to_the_bit() -> None:
    for coordinates in (wandering(5, 200), wandering(3, 57, 3), wandering(3, 33, 1), with_ties(), with_ties(6)):
        found = nmi_ksg(coordinates)
        np.testing.assert_array_equal(found, nmi_ksg(coordinates, kernels=NUMPY))


@pytest.mark.parametrize(("correlation", "tolerance"), [(0.0, 0.05), (0.4, 0.05), (0.8, 0.1), (0.95, 0.2)])
def test_normal_axes_score_their_correlation(correlation: float, tolerance: float) -> None:
    found = []
    for seed in range(5):
        x, noise = np.random.default_rng(seed).normal(size=(2, 1000, 2))
        y = correlation * x + np.sqrt(1 - correlation**2) * noise
        # I is -log(1 - rho^2) / 2 for each axis: compare nats. The estimate of strong dependence is biased downward.
        value = nmi_ksg(np.stack([x, y]))[0, 1]
        found.append(-np.log(1 - value**2))
    assert np.mean(found) == pytest.approx(-np.log(1 - correlation**2), abs=tolerance)


def test_points_that_coincide_score_as_their_table_of_counts() -> None:
    # Both layers hold only the values 0 and 1 on one axis, each of the four combinations more than 5 times: the joint
    # distance of the neighbour is 0, and counts are those of the table.
    counts = np.array([[40, 10], [8, 22]])
    first, second = (np.repeat(np.indices((2, 2))[axis].ravel(), counts.ravel()) for axis in (0, 1))
    n, rows, columns = counts.sum(), counts.sum(axis=1), counts.sum(axis=0)
    terms = counts * (digamma(counts) - digamma(rows)[:, None] - digamma(columns)[None, :])
    expected = linfoot(digamma(n) + terms.sum() / n, 1)
    found = nmi_ksg(np.stack([first, second]).astype(float)[:, :, None])
    assert found[0, 1] == pytest.approx(expected, abs=1e-9)
    share = counts / n
    plain = (share * np.log(share / np.outer(rows / n, columns / n))).sum()
    assert found[0, 1] == pytest.approx(linfoot(plain, 1), abs=0.05)


def test_sees_a_joint_dependence_that_single_axes_miss() -> None:
    x, other = np.random.default_rng(0).random((2, 400, 2))
    y = np.stack([x.sum(axis=1) % 1, other[:, 0]], axis=1)
    layers = np.stack([x, y, other[::-1]])
    found = nmi_ksg(layers)
    assert abs(npib_as_coded(layers)[0, 1]) < 0.05
    assert found[0, 1] > 0.45
    assert found[0, 2] < 0.3


def test_order_of_points_and_layers_mirrors_and_scales_change_no_bit() -> None:
    for coordinates in (wandering(4, 70), with_ties()):
        values = nmi_ksg(coordinates)
        np.testing.assert_array_equal(values, values.T)
        points = np.random.default_rng(1).permutation(coordinates.shape[1])
        np.testing.assert_array_equal(nmi_ksg(coordinates[:, points]), values)
        layers = [2, 0, 3, 1]
        np.testing.assert_array_equal(nmi_ksg(coordinates[layers]), values[np.ix_(layers, layers)])
        turned = coordinates * [[[-3, 1]], [[1, 1]], [[0.5, -1]], [[1, 1]]]
        turned[3] = np.exp(turned[3] / 9)[:, ::-1]
        np.testing.assert_array_equal(nmi_ksg(turned), values)


def test_bounds_diagonal_and_equal_layers() -> None:
    coordinates = wandering(6, 40)
    coordinates[3] = coordinates[0]
    coordinates[4] = -coordinates[0][:, ::-1] * 3
    values = nmi_ksg(coordinates)
    assert (values >= 0).all() and (values <= 1).all()
    assert (np.diagonal(values) == 1).all()
    assert values[0, 3] == values[0, 4] == values[3, 4] == 1
    assert (values[:3, 5] < 1).all()
    np.testing.assert_array_equal(nmi_ksg(wandering(1, 40)), [[1.0]])


def test_still_layers_tell_nothing() -> None:
    coordinates = np.stack([np.zeros((30, 2)), np.full((30, 2), 3.0), wandering(1, 30)[0]])
    for kernels in (NUMPY, fastest()):
        np.testing.assert_array_equal(nmi_ksg(coordinates, kernels=kernels), np.eye(3))


def test_few_points() -> None:
    for n, neighbors in ((2, 1), (3, 2), (6, 5)):
        values = nmi_ksg(wandering(3, n), k_neighbors=neighbors)
        assert np.isfinite(values).all() and (np.diagonal(values) == 1).all()
    for n in (1, 2, 3, 5):
        with pytest.raises(BadInput, match=f"from 1 to the number of points less one, here {n - 1}, got 5"):
            nmi_ksg(wandering(2, n))


@pytest.mark.parametrize("neighbors", [0, -1, 60, 2.0, True, "5", None])
def test_refuses_neighbours_that_are_none(neighbors: object) -> None:
    with pytest.raises(BadInput, match="k_neighbors must be a whole number") as caught:
        nmi_ksg(wandering(), k_neighbors=neighbors)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_tells_its_progress_and_stops_when_asked() -> None:
    told: list[tuple[str, int, int]] = []
    nmi_ksg(wandering(2, 40), progress=lambda *step: told.append(step))
    assert told[-1] == ("nmi-ksg", 40, 40)
    cancel = Cancel()
    cancel.request()
    with pytest.raises(Cancelled):
        nmi_ksg(wandering(), cancel=cancel)
