"""A diffusion map against the same map by a full SVD of the kernel matrix, kernel included on both sides."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.spatial.distance import pdist, squareform

from benchmarks.timing import medians
from mka.analysis.diffusion import diffusion_map

Array = np.ndarray

FEATURES, DIMS = 128, 2
REPEATS = 5


def by_svd(points: Array) -> Array:
    """The definition as numpy and scipy write it plainly: median bandwidth, alpha 1/2, coordinates (n, 2)."""
    condensed = pdist(points)
    kernel = np.exp(-np.sqrt(squareform(condensed) / np.median(condensed)))
    density = kernel.sum(axis=1)
    kernel = kernel / np.sqrt(np.outer(density, density))
    root = np.sqrt(kernel.sum(axis=1))
    axes = np.linalg.svd(kernel / np.outer(root, root))[0]
    return axes[:, 1 : DIMS + 1] / axes[:, :1]


def cloud(n: int) -> Array:
    """Points (n, 128) whose variances fall as hidden states' do, by a power of the axis' number."""
    return np.random.default_rng(0).normal(size=(n, FEATURES)) * np.arange(1, FEATURES + 1) ** -0.7


def round_cloud(n: int) -> Array:
    """Points (n, 128) of equal variance in all directions: the hardest, as no axis stands out."""
    return np.random.default_rng(0).normal(size=(n, FEATURES))


def error(found: Array, expected: Array) -> float:
    """Largest difference of a coordinate, in standard deviations of its axis, each axis up to its sign."""
    signs = np.sign((found * expected).sum(axis=0))
    return float((np.abs(found * signs - expected).max(axis=0) / expected.std(axis=0)).max())


def measure() -> dict[str, float]:
    """Name -> seconds of both ways, their ratio and the coordinates' error, for each cloud and size."""
    figures: dict[str, float] = {}
    for make, n in ((cloud, 1024), (cloud, 2048), (round_cloud, 1024)):
        points = make(n)
        taken = medians(
            {"svd": lambda: by_svd(points), "map": lambda: diffusion_map(points, DIMS)},  # noqa: B023
            repeats=REPEATS,
        )
        name = f"{make.__name__} n={n}"
        figures[f"{name} svd s"] = taken["svd"]
        figures[f"{name} map s"] = taken["map"]
        figures[f"{name} ratio"] = taken["svd"] / taken["map"]
        figures[f"{name} error sd"] = error(diffusion_map(points, DIMS).coordinates, by_svd(points))
    return figures


def show(figures: Mapping[str, float]) -> None:
    for name, figure in figures.items():
        print(f"{name}: {figure:.3g}")


def main() -> None:
    show(measure())


if __name__ == "__main__":
    main()
