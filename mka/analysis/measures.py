"""Compare layers: one table of estimators, each in a file of its own beneath."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from mka.analysis.cka import cka
from mka.analysis.copula import copula
from mka.analysis.cosine import angular, block_influence, cosine
from mka.analysis.distances import euclidean, mahalanobis
from mka.analysis.embedding import EMBEDDERS, Task
from mka.analysis.ksg import nmi_ksg
from mka.analysis.npib import bins_per_axis, npib
from mka.analysis.npib_code import npib_as_coded
from mka.analysis.permutation import permutation_null
from mka.analysis.shapes import procrustes
from mka.analysis.sources import complete, hidden_states
from mka.analysis.weights import layer_parameters, weight_cosine, weight_distance
from mka.errors import BadInput
from mka.objects.activations import Activations
from mka.objects.embedding import Embedding
from mka.objects.measures import EMBEDDING, MEASURES, WEIGHTS, Measure
from mka.objects.progress import Cancel, Progress, silent
from mka.objects.seeds import check_seed
from mka.objects.similarity import Similarity

if TYPE_CHECKING:
    from mka.merging.merged import MergedModel
    from mka.models.loaded import LoadedModel

Array = np.ndarray


@dataclass(frozen=True)
class Run:
    """How a measure is asked to run: its complete parameters, seed and callbacks.

    token_cosine: float64 (L,) of the activations, None where there are none (see `Activations`)
    whole:        number of points of the sample that these are drawn from; npib keeps its bins in a subsample
    """

    parameters: Mapping[str, Any]
    token_cosine: Array | None
    whole: int
    seed: int
    progress: Progress
    cancel: Cancel | None


@dataclass(frozen=True)
class Estimator:
    """What computes a measure of `mka.objects.measures`.

    compute:         (values, run) -> float64 (L, L); values as the measure `needs` them: an array, or
                     `LayerParameters`
    defaults:        its parameters and their defaults
    map_defaults:    parameters of the diffusion map that activations go through first, for a measure of embeddings
    """

    measure: Measure
    compute: Callable[[Any, Run], Array]
    defaults: Mapping[str, Any]
    map_defaults: Mapping[str, Any]


ESTIMATORS: Mapping[str, Estimator] = MappingProxyType(
    {
        name: Estimator(MEASURES[name], compute, defaults, map_defaults)
        for name, compute, defaults, map_defaults in (
            (
                "npib",
                lambda values, run: npib(values, corrected=run.parameters["corrected"], bins=bins_per_axis(run.whole)),
                {"corrected": True},
                {"sigma": None, "alpha": 0.5},
            ),
            (
                "npib-code",
                lambda values, run: npib_as_coded(values, progress=run.progress, cancel=run.cancel),
                {},
                {"sigma": 8.0, "alpha": 0.5},
            ),
            (
                "nmi-ksg",
                lambda values, run: nmi_ksg(
                    values, k_neighbors=run.parameters["k_neighbors"], progress=run.progress, cancel=run.cancel
                ),
                {"k_neighbors": 5},
                {"sigma": None, "alpha": 0.5},
            ),
            ("copula", lambda values, run: copula(values), {}, {"sigma": None, "alpha": 0.5}),
            ("cosine", lambda values, run: cosine(values, cancel=run.cancel), {}, {}),
            ("angular", lambda values, run: angular(values, cancel=run.cancel), {}, {}),
            (
                "block-influence",
                lambda values, run: block_influence(values, run.token_cosine, cancel=run.cancel),
                {},
                {},
            ),
            ("euclidean", lambda values, run: euclidean(values, cancel=run.cancel), {}, {}),
            ("mahalanobis", lambda values, run: mahalanobis(values, cancel=run.cancel), {}, {}),
            ("cka", lambda values, run: cka(values, cancel=run.cancel), {}, {}),
            (
                "procrustes",
                lambda values, run: procrustes(values, progress=run.progress, cancel=run.cancel),
                {},
                {},
            ),
            (
                "weights",
                lambda values, run: weight_cosine(values, progress=run.progress, cancel=run.cancel),
                {},
                {},
            ),
            (
                "weights-distance",
                lambda values, run: weight_distance(values, progress=run.progress, cancel=run.cancel),
                {},
                {},
            ),
        )
    }
)


MAP_DIMS = 2
"""Axes of the diffusion map that measures of embeddings read."""

FEW_POINTS = 12
"""With fewer, two bins an axis leave less than three points in each cell of npib."""


@dataclass(frozen=True)
class Given:
    """What a measure reads, as it `needs` it, and where that came from (see `Similarity`)."""

    values: Any
    token_cosine: Array | None = None
    model: str = ""
    calibration_key: str = ""
    text_hashes: tuple[str, ...] = ()


def similarity(
    source: Activations | Embedding | Array | LoadedModel | MergedModel | str | Path,
    measure: str = "npib",
    *,
    seed: int = 0,
    progress: Progress = silent,
    cancel: Cancel | None = None,
    **parameters: Any,
) -> Similarity:
    """Compare every pair of layers by one measure of `MEASURES`.

    source: `Activations`; a float array (L, n, d) meaning activations; for the measures that need an embedding
            (npib, npib-code and their like) also an `Embedding`, whose unaligned coordinates are read; for weights
            and weights-distance nothing of these but a model: "demo", a folder, a hub id, a `LoadedModel` or a
            `MergedModel`, whose files are read without loading it (see `layer_parameters`)

    Alike is high: npib, npib-code, nmi-ksg, copula, cosine, cka, procrustes, weights. Alike is low: angular,
    block-influence, euclidean, mahalanobis, weights-distance. `MEASURES` says of each what it sees, its bounds and
    its cost.

    Parameters: npib takes corrected (True; False gives the paper's plain ratio, and its note what shuffled points
    score), nmi-ksg k_neighbors (5). Where measures of embeddings
    are given activations, sigma and alpha go to the diffusion map (sigma: None, the median distance, but 8 as in
    the official code for npib-code). Of `Activations`, block-influence reads neighbours' values off all tokens,
    those of longer blocks off the points, and its note says so. Raises BadInput for an unknown measure or
    parameter, a bad seed, too few points, an embedding where activations are needed, activations that are not
    finite, anything but a model where weights are compared, or a model elsewhere: it has no texts to compare its
    layers on.
    """
    seed = check_seed(seed)
    estimator, settings = settled(source, measure, parameters)
    given = read(estimator, source, settings, progress, cancel)
    whole = 0 if estimator.measure.needs == WEIGHTS else given.values.shape[1]
    run = Run(settings, given.token_cosine, whole, seed, progress, cancel)
    matrix = estimator.compute(given.values, run)
    return Similarity(
        values=matrix,
        measure=measure,
        bounds=estimator.measure.bounds,
        higher_is_alike=estimator.measure.higher_is_alike,
        parameters=settings | _map_settings(estimator, source),
        seed=seed,
        note=_note(matrix, given, estimator.measure, run),
        model=given.model,
        calibration_key=given.calibration_key,
        text_hashes=given.text_hashes,
    )


def settled(source: object, measure: str, parameters: Mapping[str, Any]) -> tuple[Estimator, dict[str, Any]]:
    """What computes `measure` of `source`, and its complete parameters; BadInput for a measure or one unknown."""
    if measure not in MEASURES:
        raise BadInput(f"measure {measure!r} is unknown; use one of {', '.join(MEASURES)}")
    estimator = ESTIMATORS[measure]
    embedded = isinstance(source, Embedding)
    takes = estimator.defaults if embedded else {**estimator.defaults, **estimator.map_defaults}
    where = " on a finished embedding" if embedded else ""
    settings = complete(parameters, takes, f"the measure {measure!r}{where}")
    if not isinstance(settings.get("corrected", True), bool):
        raise BadInput(f"corrected must be True or False, got {settings['corrected']!r}")
    return estimator, settings


def read(
    estimator: Estimator, source: Any, settings: Mapping[str, Any], progress: Progress, cancel: Cancel | None
) -> Given:
    """What the measure needs, made of `source`; BadInput where it cannot be, or holds too few points."""
    measure = estimator.measure
    if measure.needs == WEIGHTS:
        parameters = layer_parameters(source)
        return Given(parameters, model=parameters.model)
    if isinstance(source, Embedding):
        if measure.needs != EMBEDDING:
            raise BadInput(
                f"the measure {measure.name!r} compares hidden states; give it activations, not an embedding"
            )
        if not np.isfinite(source.unaligned).all():
            raise BadInput("the embedding holds NaN or infinity; embed finite activations anew")
        _check_points(measure, source.unaligned.shape[1])
        return Given(source.unaligned, None, source.model, source.calibration_key, source.text_hashes)
    hidden = hidden_states(source)
    _check_points(measure, hidden.values.shape[1])
    values = hidden.values
    if measure.needs == EMBEDDING:
        values = _map_coordinates(values, {name: settings[name] for name in estimator.map_defaults}, progress, cancel)
    return Given(values, hidden.token_cosine, hidden.model, hidden.calibration_key, hidden.text_hashes)


def _map_settings(estimator: Estimator, source: object) -> dict[str, Any]:
    """The parameters that a finished map was made with, of those that the measure would have given it."""
    made_with = source.parameters if isinstance(source, Embedding) else {}
    return {name: made_with[name] for name in estimator.map_defaults if name in made_with}


def measured_map(
    activations: Activations | Array,
    measure: str,
    *,
    progress: Progress = silent,
    cancel: Cancel | None = None,
    **parameters: Any,
) -> Embedding:
    """The diffusion map that `measure`, one of embeddings, reads of these activations, without figures of quality.

    Given to `similarity` in their place it gives the same values, and several measures can share it. parameters:
    those of the measure; only sigma and alpha matter here. Raises as `similarity`.
    """
    estimator, settings = settled(activations, measure, parameters)
    hidden = hidden_states(activations)
    _check_points(estimator.measure, hidden.values.shape[1])
    map_settings = {name: settings[name] for name in estimator.map_defaults}
    coordinates = _map_coordinates(hidden.values, map_settings, progress, cancel)
    return Embedding(
        coordinates=coordinates,
        unaligned=coordinates,
        method="diffusion",
        parameters=map_settings,
        seed=0,
        aligned=False,
        points=hidden.points,
        model=hidden.model,
        calibration_key=hidden.calibration_key,
        text_hashes=hidden.text_hashes,
    )


def _map_coordinates(values: Array, settings: Mapping[str, Any], progress: Progress, cancel: Cancel | None) -> Array:
    """Unaligned coordinates (L, n, 2) of the diffusion map, as `embed` gives them, without its figures of quality."""
    diffusion = EMBEDDERS["diffusion"]
    complete_settings = {**diffusion.defaults, **settings}
    diffusion.check(**complete_settings)
    coordinates: list[Array] = []
    for layer_map in diffusion.maps(values, Task(MAP_DIMS, 0, complete_settings, cancel)):
        coordinates.append(layer_map.coordinates)
        progress("embed (diffusion)", len(coordinates), len(values))
    return np.stack(coordinates)


def _check_points(measure: Measure, n: int) -> None:
    if n < measure.minimum_points:
        raise BadInput(
            f"the measure {measure.name!r} needs at least {measure.minimum_points} points, got {n}; use more texts"
        )


NOT_A_NUMBER = {
    "npib-code": "NaN where the official entropy estimate differs in sign between two layers, so that no root exists: "
    "it leaves out a constant and crosses zero with few points",
    "mahalanobis": "NaN because the points spread in too few directions to give a unit of distance: use more texts",
    "weights": "NaN between layers whose parameters differ in name or shape",
    "weights-distance": "NaN between layers whose parameters differ in name or shape",
}
"""Why a measure has no value for some pair of layers."""

STILL = {
    "npib": "they tell nothing, so 0 with every other layer",
    "npib-code": "the official code ranks equal values in the texts' order, so their numbers mean nothing",
    "nmi-ksg": "they tell nothing, so 0 with every other layer",
    "copula": "they tell nothing, so 0 with every other layer",
    "cka": "they arrange nothing, so 0 with every other layer",
    "procrustes": "they have no shape, so 0 with every other layer",
}
"""What layers whose points all coincide are to a measure."""


def _note(matrix: Array, given: Given, measure: Measure, run: Run) -> str:
    """What a reader must know before trusting the matrix; "" where all is well."""
    if measure.name == "block-influence" and given.token_cosine is not None:
        hole = "; NaN where a token's hidden states are not finite: load as float32" if np.isnan(matrix).any() else ""
        return (
            f"neighbours: over all tokens, the Block Influence of the later layer; other pairs: over the points{hole}"
        )
    if np.isnan(matrix).any():
        return NOT_A_NUMBER[measure.name]
    if measure.name not in STILL:
        return ""
    still = [str(layer) for layer, points in enumerate(given.values) if not np.ptp(points, axis=0).any()]
    notes = [f"all points coincide in layers {', '.join(still)}: {STILL[measure.name]}"] if still else []
    if measure.name == "npib" and not still and given.values.shape[1] < FEW_POINTS:
        notes.append(
            f"only {given.values.shape[1]} points: too few to tell layers apart, and 0 where each has a cell of its "
            f"own; use {FEW_POINTS} texts or more"
        )
    if measure.name == "npib" and not run.parameters["corrected"]:
        notes.append(permutation_null(given.values, seed=run.seed).sentence)
    return "; ".join(notes)
