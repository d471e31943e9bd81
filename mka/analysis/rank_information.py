"""The KSG estimate between two axes whose values are the ranks 0..n-1, exact, in whole numbers.

Two axes of ranks are a permutation: for the point i-th in x, p[i] is its place in y, and q is the inverse of p. The
points at Chebyshev distance m of it are found by looking at four places, p[i ± m] and q[p[i] ± m], so its k-th
neighbour takes a search of about sqrt(k n) / 2 steps instead of a tree. A lattice has ties, which scikit-learn breaks
by a jitter of 1e-10, far less than the lattice's step: only points at distance exactly m, four at most, can change
their order. Hence the estimate has an exact mean over all jitters (`expected_digammas`), and can be replayed for any
single one (`replayed_information`).

Axes: n points, k neighbours. Information in nats, the first estimator of Kraskov, Stoegbauer and Grassberger,
Phys. Rev. E 69, 066138 (2004): psi(n) + psi(k) - <psi(nx + 1) + psi(ny + 1)>, nx the points strictly nearer in x
than the k-th neighbour is.
"""

from __future__ import annotations

import itertools
import math
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.special import digamma

Array = np.ndarray

JITTER = 1e-10
"""scikit-learn's, in units of the larger of 1 and an axis' mean absolute value."""

# What stands at place i - m or i + m of x, of the point i: nothing; a point farther than m in y; one nearer than m in
# y; one at exactly m in y, above or below, which then is the candidate of y on that side as well.
ABSENT, FAR, NEAR, ABOVE, BELOW = range(5)
STATES_X, STATES_Y = 5, 3
MOST_CANDIDATES = 4


def configuration(x_up: Any, x_down: Any, y_up: Any, y_down: Any, rank: Any) -> Any:
    """Number what can lie at distance m: the states at i ± m in x and at p[i] ± m in y, and which of the candidates
    (1 to 4) is the k-th neighbour."""
    return (((x_up * STATES_X + x_down) * STATES_Y + y_up) * STATES_Y + y_down) * MOST_CANDIDATES + rank - 1


@lru_cache(maxsize=1)
def shares() -> Array:
    """float64 (900, 6): by `configuration`, how likely 0, 1, 2 candidates of x, and then of y, are nearer than the
    k-th neighbour.

    The jitters are independent normals of one size. The four distances, to i + m and i - m in x and likewise in y,
    have covariance [[2, -1], [-1, 2]] within an axis, as both hold the jitter of the point itself, and 0 between the
    axes; the likelihood of each of their 24 orders is that of an octant. Multiples of 2^-48, so that sums are exact
    and exchanging x and y changes no bit.
    """
    table = np.zeros((STATES_X**2 * STATES_Y**2 * MOST_CANDIDATES, 6))
    states = itertools.product(range(STATES_X), range(STATES_X), range(STATES_Y), range(STATES_Y))
    orders = [(place, _likelihood(place)) for place in itertools.permutations(range(4))]
    for x_up, x_down, y_up, y_down in states:
        for place, likelihood in orders:
            distances = sorted(_candidates((x_up, x_down, y_up, y_down), place))
            for rank, radius in enumerate(distances, start=1):
                row = table[configuration(x_up, x_down, y_up, y_down, rank)]
                row[(x_up != ABSENT and place[0] < radius) + (x_down != ABSENT and place[1] < radius)] += likelihood
                row[3 + (y_up != ABSENT and place[2] < radius) + (y_down != ABSENT and place[3] < radius)] += likelihood
    return table


def _candidates(states: tuple[int, int, int, int], place: tuple[int, ...]) -> list[int]:
    """Distances of the points at exactly m, as places in the order of the four: a corner has the larger of its two."""
    found = [place[side] for side in range(4) if states[side] == NEAR]
    for side in range(2):
        if states[side] in (ABOVE, BELOW):
            found.append(max(place[side], place[2 if states[side] == ABOVE else 3]))
    return found


def _likelihood(place: tuple[int, ...]) -> float:
    """Of the order in which distance number s is the place[s]-th: P of three normals being positive (Sheppard)."""
    covariance = np.kron(np.eye(2), [[2.0, -1.0], [-1.0, 2.0]])
    steps = np.diff(np.eye(4)[np.argsort(place)], axis=0)
    between = steps @ covariance @ steps.T
    scale = np.sqrt(np.diagonal(between))
    correlation = between / np.outer(scale, scale)
    angles = sum(math.asin(correlation[i, j]) for i, j in ((0, 1), (0, 2), (1, 2)))
    return round((1 / 8 + angles / (4 * math.pi)) * 2**48) / 2**48


@lru_cache(maxsize=8)
def digammas(n: int) -> Array:
    """float64 (n + 3,): the digamma function of 0 (never read), 1, ..., n + 2."""
    return np.concatenate([[0.0], digamma(np.arange(1.0, n + 3))])


def smallest_squares(p: Array, q: Array, neighbors: int) -> tuple[Array, Array]:
    """For each of n points of permutations (pairs, n), the distance m of its k-th neighbour and how many are nearer.

    Returns int64 (pairs, n) twice, m in 1..n-1. Needs 1 <= neighbors <= n - 1.
    """
    pairs, n = p.shape
    pair, i = (part.ravel() for part in np.indices((pairs, n)))
    padded_p, padded_q = _padded(p), _padded(q)
    m, before = np.zeros((2, pairs * n), dtype=np.int64)
    left, count, reach = np.arange(pairs * n), np.zeros(pairs * n, dtype=np.int64), 0
    width = 8 + math.isqrt(neighbors * n) * 2 // 3
    while len(left):
        steps = np.arange(reach + 1, min(reach + width, n - 1) + 1)
        row, x = pair[left, None], i[left, None]
        y = p[row, x]
        inside = (np.abs(padded_p[row, n + x + steps] - y) <= steps).astype(np.int8)
        inside += np.abs(padded_p[row, n + x - steps] - y) <= steps
        inside += np.abs(padded_q[row, n + y + steps] - x) < steps
        inside += np.abs(padded_q[row, n + y - steps] - x) < steps
        counts = count[:, None] + np.cumsum(inside, axis=1, dtype=np.int32)
        found = counts[:, -1] >= neighbors
        first = np.argmax(counts >= neighbors, axis=1)
        m[left[found]] = steps[first[found]]
        earlier = counts[np.arange(len(left)), first] - inside[np.arange(len(left)), first]
        before[left[found]] = earlier[found]
        left, count, reach = left[~found], counts[~found, -1], int(steps[-1])
    return m.reshape(pairs, n), before.reshape(pairs, n)


def _padded(places: Array) -> Array:
    """Places (pairs, n) with n more on both sides that are too far from every point: int64 (pairs, 3 n)."""
    pairs, n = places.shape
    wide = np.full((pairs, 3 * n), 4 * n, dtype=np.int64)
    wide[:, n : 2 * n] = places
    return wide


def _sides(p: Array, q: Array, m: Array) -> tuple[Array, Array, Array, Array]:
    """The states at i + m, i - m in x and p[i] + m, p[i] - m in y, each int64 (pairs, n)."""
    pairs, n = p.shape
    row, i = np.indices((pairs, n))
    padded_p, padded_q = _padded(p), _padded(q)

    def x_state(beside: Array) -> Array:
        rise = beside - p
        far = np.where(beside < n, FAR, ABSENT)
        at = np.where(rise > 0, ABOVE, BELOW)
        return np.where(np.abs(rise) < m, NEAR, np.where(np.abs(rise) == m, at, far))

    def y_state(beside: Array) -> Array:
        return np.where(np.abs(beside - i) < m, NEAR, np.where(beside < n, FAR, ABSENT))

    return (
        x_state(padded_p[row, n + i + m]),
        x_state(padded_p[row, n + i - m]),
        y_state(padded_q[row, n + p + m]),
        y_state(padded_q[row, n + p - m]),
    )


def _surely_nearer(i: Array, m: Array, n: int) -> Array:
    """How many of the ranks 0..n-1 lie at distance 1..m-1 of i."""
    return np.minimum(i, m - 1) + np.minimum(n - 1 - i, m - 1)


def expected_digammas(
    first: Array, first_order: Array, rest: Array, rest_order: Array, neighbors: int, likely: Array, psi: Array
) -> Array:
    """psi(nx + 1) + psi(ny + 1) of each point, its mean over all jitters, between every axis of one layer and those
    of others.

    first (k, n) and rest (others, k, n): ranks, int32; first_order, rest_order: the points in the order of these
    ranks; likely: `shares()`; psi: `digammas(n)`. Returns float64 (others, k, k, n), points in their own order.
    """
    others, dims, n = rest.shape
    values = np.empty((others * dims * dims, n))
    numbers = np.array(list(np.ndindex(others, dims, dims)), dtype=np.int64).reshape(-1, 3)
    chunk = max(1, 8192 // n)
    for begin in range(0, len(numbers), chunk):
        other, a, b = numbers[begin : begin + chunk].T
        order = first_order[a]
        p = np.take_along_axis(rest[other, b], order, axis=1).astype(np.int64)
        q = np.take_along_axis(first[a], rest_order[other, b], axis=1).astype(np.int64)
        m, before = smallest_squares(p, q, neighbors)
        likelihood = likely[configuration(*_sides(p, q, m), neighbors - before)]
        x, y = _surely_nearer(np.arange(n), m, n) + 1, _surely_nearer(p, m, n) + 1
        in_x = likelihood[..., 0] * psi[x] + likelihood[..., 1] * psi[x + 1] + likelihood[..., 2] * psi[x + 2]
        in_y = likelihood[..., 3] * psi[y] + likelihood[..., 4] * psi[y + 1] + likelihood[..., 5] * psi[y + 2]
        np.put_along_axis(values[begin : begin + chunk], order, in_x + in_y, axis=1)
    return values.reshape(others, dims, dims, n)


def information(summed: Array, neighbors: int) -> Array:
    """Nats, float64 (...), from psi(nx + 1) + psi(ny + 1) of each point (..., n); below 0 counts as 0, as in
    scikit-learn."""
    n = summed.shape[-1]
    return np.asarray(np.maximum(0.0, digamma(n) + digamma(neighbors) - summed.mean(axis=-1)))


def replayed_information(x: Array, y: Array, jitter_x: Array, jitter_y: Array, neighbors: int) -> float:
    """scikit-learn's `mutual_info_regression` of one axis on another for a given jitter, nats.

    x, y: ranks 0..n-1 of the points; jitter_x, jitter_y: standard normal (n,), as scikit-learn draws them.
    """
    n = len(x)
    order_x, order_y = np.argsort(x), np.argsort(y)
    p, q = y[order_x][None], x[order_y][None]
    m, before = smallest_squares(p, q, neighbors)
    at_x, at_y = _jittered(n, jitter_x[order_x]), _jittered(n, jitter_y[order_y])
    i = np.arange(n)
    x_up, x_down = _distances(at_x, i, m[0])
    y_up, y_down = (distance for distance in _distances(at_y, p[0], m[0]))
    states = _sides(p, q, m)
    candidates = np.full((4, n), np.inf)
    for row, (state, distance) in enumerate(zip(states, (x_up, x_down, y_up, y_down), strict=True)):
        candidates[row] = np.where(state[0] == NEAR, distance, np.inf)
        if row < 2:
            candidates[row] = np.where(state[0] == ABOVE, np.maximum(distance, y_up), candidates[row])
            candidates[row] = np.where(state[0] == BELOW, np.maximum(distance, y_down), candidates[row])
    radius = np.sort(candidates, axis=0)[neighbors - before[0] - 1, i]
    nearer_x = _surely_nearer(i, m[0], n) + (x_up < radius) + (x_down < radius)
    nearer_y = _surely_nearer(p[0], m[0], n) + (y_up < radius) + (y_down < radius)
    psi = digammas(n)
    return float(information(psi[nearer_x + 1] + psi[nearer_y + 1], neighbors))


def _jittered(n: int, noise: Array) -> Array:
    """The axis of ranks / n as scikit-learn scales and jitters it, in ascending order; `noise` in that order."""
    scaled = np.arange(n) / n
    scaled = scaled / np.std(scaled)
    return scaled + JITTER * max(1.0, float(np.mean(np.abs(scaled)))) * noise


def _distances(at: Array, i: Array, m: Array) -> tuple[Array, Array]:
    """From place i to the places i + m and i - m, infinite where there is none."""
    beyond = np.concatenate([np.full(len(at), -np.inf), at, np.full(len(at), np.inf)])
    here = len(at) + i
    return beyond[here + m] - at[i], at[i] - beyond[here - m]
