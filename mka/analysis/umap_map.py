"""UMAP of calibration points (McInnes, Healy and Melville, arXiv 1802.03426), by umap-learn.

umap-learn compiles itself anew in each process, for ten seconds and more: `warm_up` hides that behind other work.
"""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np

from mka.analysis.diffusion import PointMap
from mka.analysis.parallel import serial_blas
from mka.errors import BadInput
from mka.objects.progress import Cancel

Array = np.ndarray

SPECTRAL_FROM = 10
"""Fewer points start at random places: the spectral start needs more points than eigenvectors."""

LOOK = 0.1
"""Seconds between two looks of a caller who waits for its turn, and may be stopped."""

_one_at_a_time = threading.Lock()
"""numba's simplest threading layer ends the process when two threads enter it."""


def check_umap(n_neighbors: int, min_dist: float) -> None:
    """Raise BadInput unless `n_neighbors` is a whole number from 2 and `min_dist` lies in [0, 1]."""
    if not isinstance(n_neighbors, int) or isinstance(n_neighbors, bool) or n_neighbors < 2:
        raise BadInput(f"n_neighbors must be a whole number from 2, got {n_neighbors!r}")
    _check_share("min_dist", min_dist)


def check_aligned_umap(
    n_neighbors: int, min_dist: float, alignment_regularisation: float, alignment_window_size: int
) -> None:
    """As `check_umap`, and the regularisation in [0, 1], the window a whole number from 1."""
    check_umap(n_neighbors, min_dist)
    _check_share("alignment_regularisation", alignment_regularisation)
    window = alignment_window_size
    if not isinstance(window, int) or isinstance(window, bool) or window < 1:
        raise BadInput(f"alignment_window_size must be a whole number of layers from 1, got {window!r}")


def _check_share(name: str, value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise BadInput(f"{name} must be a number in [0, 1], got {value!r}")
    if not 0 <= value <= 1:
        raise BadInput(f"{name} must lie in [0, 1], got {value!r}")


def umap_map(
    points: Array,
    dims: int = 2,
    *,
    seed: int = 0,
    n_neighbors: int = 15,
    min_dist: float = 0.1,
    metric: str = "euclidean",
    cancel: Cancel | None = None,
) -> PointMap:
    """Embed points (n, d) in `dims` UMAP coordinates, float64, the same for the same seed and any number of threads.

    `n_neighbors` above n - 1 is read as n - 1. metric="precomputed" reads a distance matrix (n, n) instead of points.
    No spectrum. When all points coincide every coordinate is 0. Raises Cancelled between two epochs.
    """
    check_umap(n_neighbors, min_dist)
    n = len(points)
    hidden = np.asarray(points, dtype=np.float64)
    if _coincide(hidden):
        return PointMap(np.zeros((n, dims)), np.zeros(0))
    with _umap_learn(cancel):
        import umap

        reducer = umap.UMAP(
            n_components=dims,
            n_neighbors=min(n_neighbors, n - 1),
            min_dist=min_dist,
            metric=metric,
            init="spectral" if n >= SPECTRAL_FROM else "random",
            random_state=seed,
            n_jobs=1,
        )
        coordinates = reducer.fit_transform(hidden)
    return PointMap(np.asarray(coordinates, dtype=np.float64), np.zeros(0))


def aligned_umap_maps(
    values: Array,
    dims: int = 2,
    *,
    seed: int = 0,
    n_neighbors: int = 15,
    min_dist: float = 0.1,
    alignment_regularisation: float = 0.01,
    alignment_window_size: int = 3,
    cancel: Cancel | None = None,
) -> list[PointMap]:
    """Embed all layers (L, n, d) at once, each point held near its own places in the layers around (umap.AlignedUMAP).

    alignment_regularisation: in [0, 1], how strongly; alignment_window_size: over how many layers to either side.
    The same for the same seed. One layer alone, and layers whose points all coincide, as by `umap_map`. Raises
    Cancelled between two epochs.
    """
    check_aligned_umap(n_neighbors, min_dist, alignment_regularisation, alignment_window_size)
    layers, n, _ = values.shape
    spread = [layer for layer in range(layers) if not _coincide(values[layer])]
    maps = [PointMap(np.zeros((n, dims)), np.zeros(0)) for _ in range(layers)]
    if len(spread) == 1:
        maps[spread[0]] = umap_map(
            values[spread[0]], dims, seed=seed, n_neighbors=n_neighbors, min_dist=min_dist, cancel=cancel
        )
    if len(spread) < 2:
        return maps
    with _umap_learn(cancel):
        import umap

        reducer = umap.AlignedUMAP(
            n_components=dims,
            n_neighbors=min(n_neighbors, n - 1),
            min_dist=min_dist,
            alignment_regularisation=alignment_regularisation,
            alignment_window_size=alignment_window_size,
            init="spectral" if n >= SPECTRAL_FROM else "random",
            random_state=seed,
            transform_seed=seed,  # what AlignedUMAP really draws its layout from
        )
        same_point = {point: point for point in range(n)}
        reducer.fit([values[layer].astype(np.float64) for layer in spread], relations=[same_point] * (len(spread) - 1))
    for layer, coordinates in zip(spread, reducer.embeddings_, strict=True):
        maps[layer] = PointMap(np.asarray(coordinates, dtype=np.float64), np.zeros(0))
    return maps


def warm_up(method: str = "umap") -> None:
    """Let umap-learn compile what `umap`, or `aligned-umap`, needs in this process; a second call costs little.

    Meant for a thread beside the reading of texts. A map asked for meanwhile waits for it.
    """
    points = np.random.default_rng(0).normal(size=(2, 2 * SPECTRAL_FROM, 3))
    if method == "aligned-umap":
        aligned_umap_maps(points, n_neighbors=5)
    else:
        umap_map(points[0], n_neighbors=5)


def _coincide(points: Array) -> bool:
    return not bool((points != points[0]).any())


@contextmanager
def _umap_learn(cancel: Cancel | None) -> Iterator[None]:
    """One caller at a time, who is stopped between two epochs and while waiting; sums in one thread, and no remarks on
    starts and threads that are chosen on purpose."""
    asked = cancel or Cancel()
    with _turn(asked), serial_blas(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with _watched_epochs(asked):
            yield


@contextmanager
def _turn(cancel: Cancel) -> Iterator[None]:
    while not _one_at_a_time.acquire(timeout=LOOK):
        cancel.check()
    try:
        yield
    finally:
        _one_at_a_time.release()


@contextmanager
def _watched_epochs(cancel: Cancel) -> Iterator[None]:
    """Check `cancel` before each epoch. umap-learn counts them through tqdm; since AlignedUMAP hands no `tqdm_kwds` on,
    the name is taken over meanwhile. Only the holder of the turn does so."""
    from umap import layouts

    def counted(epochs: Iterable[int], **_: object) -> Iterator[int]:
        for epoch in epochs:
            cancel.check()
            yield epoch

    own, layouts.tqdm = layouts.tqdm, counted
    try:
        yield
    finally:
        layouts.tqdm = own
