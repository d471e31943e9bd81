"""Compare layers: one table of estimators, each in a file of its own beneath."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from mka.analysis.cosine import block_influence, cosine
from mka.analysis.embedding import embed
from mka.analysis.npib import npib
from mka.analysis.npib_code import npib_as_coded
from mka.analysis.sources import HiddenStates, complete, hidden_states
from mka.errors import BadInput
from mka.objects.activations import Activations
from mka.objects.embedding import Embedding
from mka.objects.measures import EMBEDDING, MEASURES, Measure
from mka.objects.progress import Cancel, Progress, silent
from mka.objects.seeds import check_seed
from mka.objects.similarity import Similarity

Array = np.ndarray


@dataclass(frozen=True)
class Run:
    """How a measure is asked to run: its complete parameters, seed and callbacks.

    token_cosine: float64 (L,) of the activations, None where there are none (see `Activations`)
    """

    parameters: Mapping[str, Any]
    token_cosine: Array | None
    seed: int
    progress: Progress
    cancel: Cancel | None


@dataclass(frozen=True)
class Estimator:
    """What computes a measure of `mka.objects.measures`.

    compute:         (values, run) -> float64 (L, L); values as the measure `needs` them
    defaults:        its parameters and their defaults
    map_defaults:    parameters of the diffusion map that activations go through first, for a measure of embeddings
    """

    measure: Measure
    compute: Callable[[Array, Run], Array]
    defaults: Mapping[str, Any]
    map_defaults: Mapping[str, Any]


ESTIMATORS: Mapping[str, Estimator] = MappingProxyType(
    {
        name: Estimator(MEASURES[name], compute, defaults, map_defaults)
        for name, compute, defaults, map_defaults in (
            (
                "npib",
                lambda values, run: npib(values, corrected=run.parameters["corrected"]),
                {"corrected": True},
                {"sigma": None, "alpha": 0.5},
            ),
            (
                "npib-code",
                lambda values, run: npib_as_coded(values, progress=run.progress, cancel=run.cancel),
                {},
                {"sigma": 8.0, "alpha": 0.5},
            ),
            ("cosine", lambda values, run: cosine(values), {}, {}),
            ("block-influence", lambda values, run: block_influence(values, run.token_cosine), {}, {}),
        )
    }
)


FEW_POINTS = 12
"""With fewer, two bins an axis leave less than three points in each cell of npib."""


def similarity(
    source: Activations | Embedding | Array,
    measure: str = "npib",
    *,
    seed: int = 0,
    progress: Progress = silent,
    cancel: Cancel | None = None,
    **parameters: Any,
) -> Similarity:
    """Compare every pair of layers by one measure of `MEASURES`.

    source: `Activations`, a float array (L, n, d) meaning activations, or for the npib measures an
            `Embedding` (its unaligned coordinates are read)

    Parameters: npib takes corrected (True; False gives the paper's plain ratio). Where the npib measures
    are given activations, sigma and alpha go to the diffusion map (sigma: None, the median distance, for
    npib; 8 as in the official code for npib-code). Of `Activations`, block-influence reads neighbours' values off
    all tokens, those of longer blocks off the points, and its note says so. Raises BadInput for an unknown measure
    or parameter, a bad seed, too few points, an embedding where activations are needed, activations that are not
    finite, or a model, which by itself has no texts to compare its layers on.
    """
    if measure not in MEASURES:
        raise BadInput(f"measure {measure!r} is unknown; use one of {', '.join(MEASURES)}")
    seed = check_seed(seed)
    chosen, estimator = MEASURES[measure], ESTIMATORS[measure]
    embedded = isinstance(source, Embedding)
    takes = estimator.defaults if embedded else {**estimator.defaults, **estimator.map_defaults}
    where = " on a finished embedding" if embedded else ""
    settings = complete(parameters, takes, f"the measure {measure!r}{where}")
    if not isinstance(settings.get("corrected", True), bool):
        raise BadInput(f"corrected must be True or False, got {settings['corrected']!r}")
    values, origin = _read(estimator, source, settings, progress, cancel)
    token_cosine = origin.token_cosine if isinstance(origin, HiddenStates) else None
    matrix = estimator.compute(values, Run(settings, token_cosine, seed, progress, cancel))
    return Similarity(
        values=matrix,
        measure=measure,
        bounds=chosen.bounds,
        higher_is_alike=chosen.higher_is_alike,
        parameters=settings,
        seed=seed,
        note=_note(matrix, values, chosen, token_cosine),
        model=origin.model,
        calibration_key=origin.calibration_key,
        text_hashes=origin.text_hashes,
    )


def _read(
    estimator: Estimator,
    source: Activations | Embedding | Array,
    settings: Mapping[str, Any],
    progress: Progress,
    cancel: Cancel | None,
) -> tuple[Array, Embedding | HiddenStates]:
    """The array that the measure needs, and what carries its model and calibration."""
    measure = estimator.measure
    if isinstance(source, Embedding):
        if measure.needs != EMBEDDING:
            raise BadInput(
                f"the measure {measure.name!r} compares hidden states; give it activations, not an embedding"
            )
        if not np.isfinite(source.unaligned).all():
            raise BadInput("the embedding holds NaN or infinity; embed finite activations anew")
        _check_points(measure, source.unaligned.shape[1])
        return source.unaligned, source
    hidden = hidden_states(source)
    _check_points(measure, hidden.values.shape[1])
    if measure.needs != EMBEDDING:
        return hidden.values, hidden
    map_settings = {name: settings[name] for name in estimator.map_defaults}
    return embed(source, "diffusion", align=False, progress=progress, cancel=cancel, **map_settings).unaligned, hidden


def _check_points(measure: Measure, n: int) -> None:
    if n < measure.minimum_points:
        raise BadInput(
            f"the measure {measure.name!r} needs at least {measure.minimum_points} points, got {n}; use more texts"
        )


def _note(matrix: Array, values: Array, measure: Measure, token_cosine: Array | None) -> str:
    """What a reader must know before trusting the matrix; "" where all is well."""
    if measure.name == "block-influence" and token_cosine is not None:
        hole = "; NaN where a token's hidden states are not finite: load as float32" if np.isnan(matrix).any() else ""
        return (
            f"neighbours: over all tokens, the Block Influence of the later layer; other pairs: over the points{hole}"
        )
    if np.isnan(matrix).any():
        return (
            "NaN where the official entropy estimate differs in sign between two layers, so that no root exists: "
            "it leaves out a constant and crosses zero with few points"
        )
    still = [str(layer) for layer, points in enumerate(values) if not np.ptp(points, axis=0).any()]
    if still and measure.name == "npib":
        return f"all points coincide in layers {', '.join(still)}: they tell nothing, so 0 with every other layer"
    if measure.name == "npib" and values.shape[1] < FEW_POINTS:
        return (
            f"only {values.shape[1]} points: too few to tell layers apart, and 0 where each has a cell of its own; "
            f"use {FEW_POINTS} texts or more"
        )
    return ""
