"""A map of the layers themselves: each one point, near the layers that a measure calls alike.

Axes: L layers.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh
from sklearn.manifold import smacof

from mka.analysis.diffusion import fix_signs
from mka.analysis.parallel import serial_blas
from mka.analysis.umap_map import umap_map
from mka.errors import BadInput
from mka.objects.layer_map import LayerMap
from mka.objects.seeds import check_seed
from mka.objects.similarity import Similarity

Array = np.ndarray

COSINES = frozenset({"cosine", "cka", "procrustes", "weights"})
"""Measures whose value is a cosine c between unit vectors (of hidden states, of the points' arrangement, of cloud
shapes, of parameters), or a mean of such: sqrt(2 - 2 c) is then the vectors' own distance (its root mean square)."""

UMAP_NEIGHBORS, UMAP_LAYERS = 5, 4

TIE = 1e-9
"""Layers whose places differ by less than this share of the map's width stand at the same place."""


def layer_map(similarity: Similarity, method: str = "mds", *, seed: int = 0) -> LayerMap:
    """Draw every layer of `similarity` as one point.

    method: "mds", metric multidimensional scaling: the map's distances come as near to the measure's as two
            dimensions allow (SMACOF, de Leeuw 1977, by scikit-learn, from the classical solution of Torgerson 1952,
            so that `seed` does not matter); "umap", which keeps near layers near (5 neighbours), in the unit that
            fits the measure's distances best

    The distances are those of `layer_distances`. The map is centred and turned on its principal axes, layer 0 to the
    left of the last. One layer stands at the origin; layers that are all alike do too, with stress 0.

    Raises BadInput for an unknown method, a bad seed, values that are NaN or infinite, or a UMAP of fewer than 4
    layers.
    """
    if method not in ("mds", "umap"):
        raise BadInput(f"layer map method {method!r} is unknown; use mds or umap")
    seed = check_seed(seed)
    distances = layer_distances(similarity)
    layers = len(distances)
    if method == "umap" and layers < UMAP_LAYERS:
        raise BadInput(f"a UMAP of layers needs at least {UMAP_LAYERS} of them, got {layers}; use mds")
    if not distances.any():
        return LayerMap(np.zeros((layers, 2)), similarity.measure, method, 0.0, seed)
    with serial_blas():
        if method == "mds":
            coordinates = _mds(distances)
        else:
            coordinates = umap_map(distances, seed=seed, n_neighbors=UMAP_NEIGHBORS, metric="precomputed").coordinates
            coordinates = coordinates * _best_scale(coordinates, distances)
        turned = _turned(coordinates)
    return LayerMap(turned, similarity.measure, method, stress(turned, distances), seed)


def layer_distances(similarity: Similarity) -> Array:
    """Distances float64 (L, L), 0 on the diagonal and never negative, from any measure.

    A distance stays as it is. A cosine c becomes sqrt(2 - 2 c), see `COSINES`; another bounded similarity its upper
    bound minus it; an unbounded one the largest value between two layers minus it. Raises BadInput where a value
    between two layers is NaN or infinite: a distance made up for it would be drawn like one that was measured.
    """
    values = np.array(similarity.values, dtype=np.float64)
    np.fill_diagonal(values, 0)
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        first, second = bad[0]
        raise BadInput(
            f"{similarity.measure} has no value for layers {first} and {second}, so they have no distance to draw; "
            "use a measure that has one for every pair, such as npib, or more texts"
        )
    apart = ~np.eye(len(values), dtype=bool)
    if not apart.any():
        return np.zeros_like(values)
    if not similarity.higher_is_alike:
        distances = values
    elif similarity.measure in COSINES:
        distances = np.sqrt(np.maximum(2 - 2 * values, 0))
    else:
        highest = similarity.bounds[1] if similarity.bounds[1] is not None else values[apart].max()
        distances = highest - values
    return np.where(apart, np.maximum(distances, 0), 0)


def classical_scaling(distances: Array, dims: int = 2) -> Array:
    """Torgerson's solution, float64 (L, dims): exact where `distances` (L, L) are Euclidean in so many dimensions."""
    layers = len(distances)
    squared = distances**2
    means = squared.mean(axis=0)
    products = -(squared - means - means[:, None] + means.mean()) / 2
    kept = min(dims, layers)
    lengths, axes = eigh(products, subset_by_index=[layers - kept, layers - 1])
    coordinates = np.zeros((layers, dims))
    coordinates[:, :kept] = (axes * np.sqrt(np.maximum(lengths, 0)))[:, ::-1]
    return fix_signs(coordinates)


def stress(coordinates: Array, distances: Array) -> float:
    """Kruskal's stress-1 (Psychometrika 29, 1964): root of sum (map - measure)^2 / sum map^2; 0 where nothing moves."""
    drawn = _pairwise(coordinates)
    total = float((drawn**2).sum())
    return float(np.sqrt(((drawn - distances) ** 2).sum() / total)) if total > 0 else 0.0


def _mds(distances: Array) -> Array:
    unit = distances.max()  # scikit-learn reads map distances of 0 as 1e-5, whatever the measure's unit
    start = classical_scaling(distances / unit)
    coordinates, _ = smacof(
        distances / unit, n_components=2, init=start, n_init=1, max_iter=1000, eps=1e-10, normalized_stress=False
    )
    return coordinates * unit


def _pairwise(coordinates: Array) -> Array:
    return np.linalg.norm(coordinates[:, None] - coordinates, axis=-1)


def _best_scale(coordinates: Array, distances: Array) -> float:
    """The factor that brings the map's distances nearest to the measure's, by least squares."""
    drawn = _pairwise(coordinates)
    total = float((drawn**2).sum())
    return float((drawn * distances).sum()) / total if total > 0 else 1.0


def _turned(coordinates: Array) -> Array:
    """(L, 2) centred and on its principal axes; layer 0 left of the last, or where they tie, the farthest right."""
    centred = coordinates - coordinates.mean(axis=0)
    axes = np.linalg.svd(centred, full_matrices=False)[2]
    turned = fix_signs(centred @ axes.T)
    ahead = turned[-1, 0] - turned[0, 0]
    return turned * [-1, 1] if ahead < -TIE * np.ptp(turned[:, 0]) else turned
