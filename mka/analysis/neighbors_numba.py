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
def joint_histograms(scores: Array, order: Array, first: int, neighbors: int) -> Array:
    """See `mka.analysis.neighbors.joint_histograms`."""
    layers, dims, n = scores.shape
    histograms = np.zeros((layers - first - 1, n + 1), np.int64)
    own, others = np.empty((dims, n)), np.empty((dims, n))
    place = np.empty(n, np.int64)
    nearest = np.empty(neighbors)
    for axis in range(dims):
        own[axis] = scores[first, axis][order[first]]
    for other in range(first + 1, layers):
        row = histograms[other - first - 1]
        sorted_other = np.empty((dims, n))
        for axis in range(dims):
            others[axis] = scores[other, axis][order[first]]
            sorted_other[axis] = scores[other, axis][order[other]]
        for i in range(n):
            place[order[other, i]] = i
        for i in range(n):
            radius = _joint_radius(own, others, i, nearest)
            if radius > 0:
                row[neighbors] += 1
            else:
                row[_coincident(own, others, i)] += 1
            row[_within(own, i, radius)] -= 1
            row[_within(sorted_other, place[order[first, i]], radius)] -= 1
    return histograms


@compiled
def _joint_radius(own: Array, others: Array, i: int, nearest: Array) -> float:
    """Distance of the k-th neighbour of point i in both layers together; both in ascending order of own[0]."""
    dims, n = own.shape
    last = len(nearest) - 1
    nearest[:] = np.inf
    left, right = i - 1, i + 1
    while True:
        to_left = own[0, i] - own[0, left] if left >= 0 else np.inf
        to_right = own[0, right] - own[0, i] if right < n else np.inf
        distance = min(to_left, to_right)
        if distance >= nearest[last]:
            return nearest[last]
        if to_left <= to_right:
            j = left
            left -= 1
        else:
            j = right
            right += 1
        for axis in range(1, dims):
            distance = max(distance, abs(own[axis, i] - own[axis, j]))
        for axis in range(dims):
            distance = max(distance, abs(others[axis, i] - others[axis, j]))
        if distance < nearest[last]:
            _keep(nearest, distance)


@compiled
def _within(points: Array, i: int, radius: float) -> int:
    """How many points, i among them, are nearer than `radius`, or at 0 where that is 0; ascending in points[0]."""
    dims, n = points.shape
    low, high = i, i
    if radius > 0:
        while low > 0 and points[0, i] - points[0, low - 1] < radius:
            low -= 1
        while high < n - 1 and points[0, high + 1] - points[0, i] < radius:
            high += 1
    else:
        while low > 0 and points[0, low - 1] == points[0, i]:
            low -= 1
        while high < n - 1 and points[0, high + 1] == points[0, i]:
            high += 1
    count = 0
    for j in range(low, high + 1):
        inside = True
        for axis in range(1, dims):
            apart = abs(points[axis, j] - points[axis, i])
            inside &= apart < radius or apart == 0
        count += inside
    return count


@compiled
def _coincident(own: Array, others: Array, i: int) -> int:
    """How many points, i among them, lie where i lies in both layers; ascending in own[0]."""
    dims, n = own.shape
    low, high = i, i
    while low > 0 and own[0, low - 1] == own[0, i]:
        low -= 1
    while high < n - 1 and own[0, high + 1] == own[0, i]:
        high += 1
    count = 0
    for j in range(low, high + 1):
        same = True
        for axis in range(dims):
            same &= own[axis, j] == own[axis, i] and others[axis, j] == others[axis, i]
        count += same
    return count
