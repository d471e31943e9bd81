"""The kernels of mka.analysis.neighbors compiled by numba: same arguments, same bits, many times faster.

Only imported where numba is. Each releases the interpreter's lock and uses one thread, as numba's own threads may not
be started from two threads at once.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import njit

from mka.analysis.rank_information import ABOVE, ABSENT, BELOW, FAR, MOST_CANDIDATES, NEAR, STATES_X, STATES_Y

Array = np.ndarray


def compiled(function: Callable) -> Callable:
    """Compile at the first call, and keep the result on disk where numba finds a folder that it may write to."""
    try:
        return njit(cache=True, nogil=True)(function)
    except RuntimeError:  # "cannot cache function: no locator available": neither the package's folder nor a home
        return njit(nogil=True)(function)


@compiled
def expected_digammas(
    first: Array, first_order: Array, rest: Array, rest_order: Array, neighbors: int, likely: Array, psi: Array
) -> Array:
    """See `mka.analysis.rank_information.expected_digammas`."""
    others, dims, n = rest.shape
    values = np.empty((others, dims, dims, n))
    # n places more on both sides are too far from every point, which saves a test for the edges at every step.
    p, q = np.full(3 * n, 4 * n, np.int32), np.full(3 * n, 4 * n, np.int32)
    for other in range(others):
        for a in range(dims):
            for b in range(dims):
                for i in range(n):
                    p[n + i] = rest[other, b, first_order[a, i]]
                    q[n + i] = first[a, rest_order[other, b, i]]
                m = 1
                for i in range(n):
                    m, before = _smallest_square(p, q, i, n, neighbors, m)
                    values[other, a, b, first_order[a, i]] = _expected(p, q, i, n, m, neighbors - before, likely, psi)
    return values


@compiled
def _smallest_square(p: Array, q: Array, i: int, n: int, neighbors: int, guess: int) -> tuple[int, int]:
    """Distance m of the k-th neighbour of place i and how many are nearer; `guess`: m of a place beside it."""
    y = p[n + i]
    m, count = guess, -1  # the point itself is no neighbour
    for place in range(n + i - m, n + i + m + 1):
        count += abs(p[place] - y) <= m
    while count >= neighbors:
        count -= _ring(p, q, i, y, n, m)
        m -= 1
    before = count
    while count < neighbors:
        m += 1
        before = count
        count += _ring(p, q, i, y, n, m)
    return m, before


@compiled
def _ring(p: Array, q: Array, i: int, y: int, n: int, m: int) -> int:
    """How many points lie at Chebyshev distance m of (i, y)."""
    x_at, y_at = n + i, n + y
    in_x = (abs(p[x_at + m] - y) <= m) + (abs(p[x_at - m] - y) <= m)
    return in_x + (abs(q[y_at + m] - i) < m) + (abs(q[y_at - m] - i) < m)


@compiled
def _x_state(rise: int, n: int, m: int) -> int:
    """The state of a place whose point stands `rise` above in y; sums of comparisons, as branches cost more."""
    near = (abs(rise) < m) * (NEAR - FAR)
    return FAR + near + (rise == m) * (ABOVE - FAR) + (rise == -m) * (BELOW - FAR) + (rise > n) * (ABSENT - FAR)


@compiled
def _y_state(rise: int, n: int, m: int) -> int:
    return FAR + (abs(rise) < m) * (NEAR - FAR) + (rise > n) * (ABSENT - FAR)


@compiled
def _expected(p: Array, q: Array, i: int, n: int, m: int, rank: int, likely: Array, psi: Array) -> float:
    """psi(nx + 1) + psi(ny + 1), its mean over all jitters, of the point at place i."""
    y = p[n + i]
    row = _x_state(p[n + i + m] - y, n, m) * STATES_X + _x_state(p[n + i - m] - y, n, m)
    row = row * STATES_Y + _y_state(q[n + y + m] - i, n, m)
    row = row * STATES_Y + _y_state(q[n + y - m] - i, n, m)
    row = row * MOST_CANDIDATES + rank - 1
    nx = min(i, m - 1) + min(n - 1 - i, m - 1) + 1
    ny = min(y, m - 1) + min(n - 1 - y, m - 1) + 1
    in_x = likely[row, 0] * psi[nx] + likely[row, 1] * psi[nx + 1] + likely[row, 2] * psi[nx + 2]
    in_y = likely[row, 3] * psi[ny] + likely[row, 4] * psi[ny + 1] + likely[row, 5] * psi[ny + 2]
    return in_x + in_y


@compiled
def _keep(nearest: Array, distance: float) -> None:
    """Put a distance smaller than the last one into its place among the ascending `nearest`, the last falls out."""
    at = len(nearest) - 1
    while at > 0 and nearest[at - 1] > distance:
        nearest[at] = nearest[at - 1]
        at -= 1
    nearest[at] = distance


@compiled
def neighbor_squares(ranks: Array, order: Array, neighbors: int) -> Array:
    """See `mka.analysis.neighbors.neighbor_squares`."""
    dims, n = ranks.shape
    ascending = np.empty((dims, n), np.int64)
    for axis in range(dims):
        for i in range(n):
            ascending[axis, i] = ranks[axis, order[i]]
    squares, window = np.empty(n, np.int64), np.empty(n, np.int64)
    bound = np.int64(neighbors * n)
    for i in range(n):
        seen = _squares_near(ascending, i, bound, window)
        while _how_many(window, seen, bound) <= neighbors:  # the point itself is among them
            bound *= 2
            seen = _squares_near(ascending, i, bound, window)
        low, high = np.int64(0), bound  # at most `neighbors` points within low, more within high
        while high - low > 1:
            middle = (low + high) // 2
            if _how_many(window, seen, middle) <= neighbors:
                low = middle
            else:
                high = middle
        squares[order[i]] = high
        bound = high + high // 2
    return squares


@compiled
def _squares_near(ascending: Array, i: int, bound: int, window: Array) -> int:
    """Fill `window` with the squared distances of the points within sqrt(bound) of i in the first axis; how many."""
    dims, n = ascending.shape
    reach = int(np.sqrt(bound)) + 1
    begin, end = max(0, i - reach), min(n, i + reach + 1)
    for j in range(begin, end):
        window[j - begin] = (j - i) * (j - i)
    for axis in range(1, dims):
        for j in range(begin, end):
            apart = ascending[axis, j] - ascending[axis, i]
            window[j - begin] += apart * apart
    return end - begin


@compiled
def _how_many(window: Array, seen: int, bound: int) -> int:
    count = 0
    for j in range(seen):
        count += window[j] <= bound
    return count


@compiled
def joint_digammas(scores: Array, begin: int, end: int, neighbors: int, psi: Array) -> Array:
    """See `mka.analysis.neighbors.joint_digammas`."""
    layers, _, n = scores.shape
    sums, nearest = np.zeros((layers, layers), np.int64), np.empty(neighbors + 1)
    # Of one point, by layer: distances to all points; the points and their distances ordered by slot, where a slot
    # holds a range of distances; and where each slot begins.
    distances, ordered = np.empty((layers, n)), np.empty((layers, n))
    points, starts = np.empty((layers, n), np.int32), np.empty((layers, n + 2), np.int32)
    slots_per_unit = n / max(scores.max() - scores.min(), 1e-300)
    for i in range(begin, end):
        for layer in range(layers):
            _distances_from(scores[layer], i, distances[layer])
            _order_by_slot(distances[layer], slots_per_unit, ordered[layer], points[layer], starts[layer])
        for first in range(layers):
            for second in range(first + 1, layers):
                own, others = ordered[first], distances[second]
                radius = _joint_radius(own, points[first], others, slots_per_unit, nearest)
                if radius > 0:
                    used = neighbors
                else:
                    used = 0
                    for j in range(n):
                        used += distances[first, j] == 0 and others[j] == 0
                in_first = _nearer(own, starts[first], slots_per_unit, radius)
                in_second = _nearer(ordered[second], starts[second], slots_per_unit, radius)
                sums[first, second] += psi[used] - psi[in_first] - psi[in_second]
    return sums


@compiled
def _distances_from(scores: Array, i: int, distances: Array) -> None:
    """Fill in the Chebyshev distances of point i of one layer (k, n) from every point."""
    dims, n = scores.shape
    for j in range(n):
        distances[j] = abs(scores[0, j] - scores[0, i])
    for axis in range(1, dims):
        for j in range(n):
            distances[j] = max(distances[j], abs(scores[axis, j] - scores[axis, i]))


@compiled
def _order_by_slot(distances: Array, slots_per_unit: float, ordered: Array, points: Array, starts: Array) -> None:
    """Sort points by counting into n + 1 slots of equal width; starts[s + 1] becomes the end of slot s."""
    n = len(distances)
    starts[:] = 0
    for j in range(n):
        starts[int(distances[j] * slots_per_unit) + 1] += 1
    for slot in range(1, n + 2):
        starts[slot] += starts[slot - 1]
    for j in range(n - 1, -1, -1):  # each slot is filled from its end, after which starts[s + 1] is its beginning
        slot = int(distances[j] * slots_per_unit) + 1
        starts[slot] -= 1
        ordered[starts[slot]] = distances[j]
        points[starts[slot]] = j
    for slot in range(n + 1):
        starts[slot] = starts[slot + 1]
    starts[n + 1] = n


@compiled
def _joint_radius(own: Array, points: Array, others: Array, slots_per_unit: float, nearest: Array) -> float:
    """Distance of the k-th neighbour in both layers together; the point itself is among the k + 1 nearest.

    Goes through the points outward in one layer, until that layer's distance alone is too large.
    """
    last = len(nearest) - 1
    nearest[:] = np.inf
    farthest_slot = len(own) + 1
    for t in range(len(own)):
        distance = own[t]
        if distance >= nearest[last]:
            if int(distance * slots_per_unit) > farthest_slot:
                break
            continue
        distance = max(distance, others[points[t]])
        if distance < nearest[last]:
            _keep(nearest, distance)
            if nearest[last] < np.inf:
                farthest_slot = int(nearest[last] * slots_per_unit)
    return nearest[last]


@compiled
def _nearer(ordered: Array, starts: Array, slots_per_unit: float, radius: float) -> int:
    """How many points, with the point itself, are nearer than `radius`, or at 0 where that is 0."""
    slot = int(radius * slots_per_unit)
    count = starts[slot]
    for t in range(starts[slot], starts[slot + 1]):
        count += ordered[t] < radius or ordered[t] == 0
    return count
