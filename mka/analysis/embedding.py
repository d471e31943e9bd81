"""Embed every layer's calibration points on a low-dimensional map."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from mka.analysis.diffusion import PointMap, check_diffusion, diffusion_map
from mka.analysis.pca import principal_components
from mka.analysis.procrustes import align_layers
from mka.analysis.quality import map_trustworthiness, spectral_gap
from mka.analysis.sources import complete, hidden_states
from mka.analysis.umap_map import check_umap, umap_map
from mka.errors import BadInput
from mka.objects.activations import Activations
from mka.objects.embedding import Embedding
from mka.objects.methods import METHODS
from mka.objects.progress import Cancel, Progress, silent
from mka.objects.seeds import check_seed

Array = np.ndarray


@dataclass(frozen=True)
class Embedder:
    """What computes an embedding method of `mka.objects.methods`.

    defaults:    its parameters and their defaults; `check(**parameters)` raises BadInput
    embed_layer: (points, dims, seed, parameters) maps (n, d) to (n, dims)
    """

    defaults: Mapping[str, Any]
    check: Callable[..., None]
    embed_layer: Callable[[Array, int, int, Mapping[str, Any]], PointMap]


EMBEDDERS: Mapping[str, Embedder] = MappingProxyType(
    {
        "diffusion": Embedder(
            {"sigma": None, "alpha": 0.5},
            check_diffusion,
            lambda points, dims, seed, parameters: diffusion_map(points, dims, **parameters),
        ),
        "umap": Embedder(
            {"n_neighbors": 15, "min_dist": 0.1},
            check_umap,
            lambda points, dims, seed, parameters: umap_map(points, dims, seed=seed, **parameters),
        ),
        "pca": Embedder({}, lambda: None, lambda points, dims, seed, parameters: principal_components(points, dims)),
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
    """Embed the points of each layer in `dims` (2 or 3) dimensions, layer by layer.

    activations: `Activations`, or a float array (L, n, d)
    method:      "diffusion" (sigma, alpha), "umap" (n_neighbors, min_dist) or "pca"; see `METHODS`
    align:       turn and move each layer's map onto the one before it (never scaled)

    The quality holds `trustworthiness` per layer, and `spectral_gap` for diffusion. Raises BadInput for an
    unknown method or parameter, a bad seed, fewer than dims + 2 points, or activations that are not finite.
    """
    if method not in METHODS:
        raise BadInput(f"embedding method {method!r} is unknown; use one of {', '.join(METHODS)}")
    if dims not in (2, 3) or isinstance(dims, bool):
        raise BadInput(f"dims must be 2 or 3, got {dims!r}")
    seed = check_seed(seed)
    chosen = EMBEDDERS[method]
    settings = complete(parameters, chosen.defaults, f"the embedding method {method!r}")
    chosen.check(**settings)
    hidden = hidden_states(activations)
    layers, n, _ = hidden.values.shape
    if n < dims + 2:
        raise BadInput(f"an embedding in {dims} dimensions needs at least {dims + 2} points, got {n}; use more texts")
    if settings.get("n_neighbors", 0) > n - 1:
        settings |= {
            "n_neighbors": n - 1,
            "note": f"n_neighbors {settings['n_neighbors']} cut to {n - 1}, the other points",
        }
    usable = {name: value for name, value in settings.items() if name != "note"}
    maps: list[PointMap] = []
    trust: list[float] = []
    for layer in range(layers):
        if cancel is not None:
            cancel.check()
        maps.append(chosen.embed_layer(hidden.values[layer], dims, seed, usable))
        trust.append(map_trustworthiness(hidden.values[layer], maps[-1].coordinates))
        progress(f"embed ({method})", layer + 1, layers)
    unaligned = np.stack([layer_map.coordinates for layer_map in maps])
    quality: dict[str, tuple[float, ...]] = {"trustworthiness": tuple(trust)}
    if method == "diffusion":
        quality["spectral_gap"] = tuple(spectral_gap(layer_map.spectrum, dims) for layer_map in maps)
    return Embedding(
        coordinates=align_layers(unaligned) if align else unaligned,
        unaligned=unaligned,
        method=method,
        parameters=settings,
        seed=seed,
        aligned=align,
        points=hidden.points,
        quality=quality,
        spectrum=np.stack([layer_map.spectrum for layer_map in maps]),
        model=hidden.model,
        calibration_key=hidden.calibration_key,
        text_hashes=hidden.text_hashes,
    )
