"""Embed every layer's calibration points on a low-dimensional map."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from mka.analysis.diffusion import PointMap, check_diffusion, diffusion_map
from mka.analysis.parallel import in_parallel
from mka.analysis.pca import principal_components
from mka.analysis.procrustes import align_layers
from mka.analysis.quality import map_trustworthiness, spectral_gap
from mka.analysis.sources import complete, hidden_states
from mka.analysis.umap_map import aligned_umap_maps, check_aligned_umap, check_umap, umap_map
from mka.errors import BadInput
from mka.objects.activations import Activations
from mka.objects.embedding import Embedding
from mka.objects.methods import METHODS, check_dims
from mka.objects.progress import Cancel, Progress, silent
from mka.objects.seeds import check_seed

Array = np.ndarray


@dataclass(frozen=True)
class Task:
    """What is asked of an embedding method: map dimensions, seed, complete parameters, and whether to stop."""

    dims: int
    seed: int
    parameters: Mapping[str, Any]
    cancel: Cancel | None


@dataclass(frozen=True)
class Embedder:
    """What computes an embedding method of `mka.objects.methods`.

    defaults: its parameters and their defaults; `check(**parameters)` raises BadInput
    maps:     (values, task) -> one map per layer, in order, of values (L, n, d)
    """

    defaults: Mapping[str, Any]
    check: Callable[..., None]
    maps: Callable[[Array, Task], Iterable[PointMap]]


def _diffusion_maps(values: Array, task: Task) -> Iterable[PointMap]:
    # Layers are shared out among the cores, so each one keeps to its own.
    return in_parallel(
        lambda points: diffusion_map(points, task.dims, share=map, **task.parameters), values, task.cancel
    )


def _umap_maps(values: Array, task: Task) -> Iterable[PointMap]:
    for points in values:
        if task.cancel is not None:
            task.cancel.check()
        yield umap_map(points, task.dims, seed=task.seed, cancel=task.cancel, **task.parameters)


def _aligned_umap_maps(values: Array, task: Task) -> Iterable[PointMap]:
    if task.cancel is not None:
        task.cancel.check()
    return aligned_umap_maps(values, task.dims, seed=task.seed, cancel=task.cancel, **task.parameters)


def _pca_maps(values: Array, task: Task) -> Iterable[PointMap]:
    return in_parallel(lambda points: principal_components(points, task.dims), values, task.cancel)


EMBEDDERS: Mapping[str, Embedder] = MappingProxyType(
    {
        "diffusion": Embedder({"sigma": None, "alpha": 0.5, "time": 0.0}, check_diffusion, _diffusion_maps),
        "umap": Embedder({"n_neighbors": 15, "min_dist": 0.1}, check_umap, _umap_maps),
        "aligned-umap": Embedder(
            {"n_neighbors": 15, "min_dist": 0.1, "alignment_regularisation": 0.01, "alignment_window_size": 3},
            check_aligned_umap,
            _aligned_umap_maps,
        ),
        "pca": Embedder({}, lambda: None, _pca_maps),
    }
)


def embed(
    activations: Activations | Array,
    method: str = "diffusion",
    *,
    dims: int = 2,
    align: bool = True,
    seed: int = 0,
    progress: Progress = silent,
    cancel: Cancel | None = None,
    **parameters: Any,
) -> Embedding:
    """Embed the points of each layer in `dims` (2 or 3) dimensions.

    activations: `Activations`, or a float array (L, n, d)
    method:      "diffusion" (sigma, alpha, time), "umap" (n_neighbors, min_dist), "aligned-umap" (these two,
                 alignment_regularisation, alignment_window_size) or "pca"; see `METHODS`
    align:       turn and move each layer's map onto the one before it (never scaled)

    The quality holds `trustworthiness` per layer, and `spectral_gap` for diffusion. Raises BadInput for an
    unknown method or parameter, a bad seed, fewer than dims + 2 points, or activations that are not finite.
    """
    seed = check_seed(seed)
    dims = check_dims(dims)
    settings = _settings(method, parameters)
    hidden = hidden_states(activations)
    layers, n, _ = hidden.values.shape
    if n < dims + 2:
        raise BadInput(f"an embedding in {dims} dimensions needs at least {dims + 2} points, got {n}; use more texts")
    noted = _within(settings, n)
    maps: list[PointMap] = []
    for layer_map in EMBEDDERS[method].maps(hidden.values, Task(dims, seed, settings, cancel)):
        maps.append(layer_map)
        progress(f"embed ({method})", len(maps), layers)
    unaligned = np.stack([layer_map.coordinates for layer_map in maps])
    return Embedding(
        coordinates=align_layers(unaligned) if align else unaligned,
        unaligned=unaligned,
        method=method,
        parameters=noted,
        seed=seed,
        aligned=align,
        points=hidden.points,
        quality=_quality(hidden.values, maps, method, cancel),
        spectrum=np.stack([layer_map.spectrum for layer_map in maps]),
        model=hidden.model,
        calibration_key=hidden.calibration_key,
        text_hashes=hidden.text_hashes,
    )


def _settings(method: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The method's complete parameters; BadInput for what it does not take."""
    if method not in METHODS:
        raise BadInput(f"embedding method {method!r} is unknown; use one of {', '.join(METHODS)}")
    settings = complete(parameters, EMBEDDERS[method].defaults, f"the embedding method {method!r}")
    EMBEDDERS[method].check(**settings)
    return settings


def _within(settings: Mapping[str, Any], n: int) -> dict[str, Any]:
    """The settings as they apply to n points, with a note where that is not as asked."""
    wanted = settings.get("n_neighbors", 0)
    if wanted <= n - 1:
        return dict(settings)
    return {**settings, "n_neighbors": n - 1, "note": f"n_neighbors {wanted} cut to {n - 1}, the other points"}


def _quality(values: Array, maps: list[PointMap], method: str, cancel: Cancel | None) -> dict[str, tuple[float, ...]]:
    """Name -> one figure per layer, of maps of values (L, n, d)."""
    dims = maps[0].coordinates.shape[1]
    trust = in_parallel(
        lambda pair: map_trustworthiness(pair[0], pair[1].coordinates), zip(values, maps, strict=True), cancel
    )
    quality = {"trustworthiness": tuple(trust)}
    if method == "diffusion":
        quality["spectral_gap"] = tuple(spectral_gap(layer_map.spectrum, dims) for layer_map in maps)
    return quality
