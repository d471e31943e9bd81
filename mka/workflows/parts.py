"""The pieces of an analysis as a JSON object and arrays, and back: what its folder and the store hold.

Every `..._of` raises KeyError, TypeError or ValueError where the two do not hold what they should.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from mka.objects.activations import Activations, Point
from mka.objects.embedding import Embedding
from mka.objects.jsonable import jsonable
from mka.objects.layer_map import LayerMap
from mka.objects.measures import MEASURES, WEIGHTS
from mka.objects.model_summary import LayerSummary, ModelSummary, PartSummary, Refusal, TensorSummary
from mka.objects.similarity import Similarity, Uncertainty

Meta = Mapping[str, Any]
Arrays = Mapping[str, np.ndarray]
Parts = tuple[Meta, Arrays]


@dataclass(frozen=True)
class Origin:
    """The fields of similarities and embeddings that say what they were computed of."""

    model: str
    calibration_key: str
    text_hashes: tuple[str, ...]

    def of(self, measure: str) -> Mapping[str, Any]:
        """As fields; a measure of weights read no texts."""
        read_no_texts = MEASURES[measure].needs == WEIGHTS
        return {"model": self.model} if read_no_texts else self.fields

    @property
    def fields(self) -> Mapping[str, Any]:
        return {name: getattr(self, name) for name in ORIGIN}


ORIGIN = tuple(one.name for one in fields(Origin))


def similarity_parts(similarity: Similarity) -> Parts:
    """Without its uncertainty and origin."""
    return _parts(similarity, ("values",), leave_out=("uncertainty", *ORIGIN))


def similarity_of(meta: Meta, arrays: Arrays, layers: int, origin: Origin) -> Similarity:
    """What `similarity_parts` was given, of this origin and without uncertainty."""
    low, high = meta["bounds"]
    values = floats(arrays, "values", (layers, layers))
    return Similarity(**{**meta, "bounds": (low, high)}, values=values, **origin.of(meta["measure"]))


def uncertainty_parts(uncertainty: Uncertainty | None) -> Parts:
    """None, where there are too few points, is an empty object."""
    return ({}, {}) if uncertainty is None else _parts(uncertainty, ("stderr", "ranks"))


def uncertainty_of(meta: Meta, arrays: Arrays, layers: int) -> Uncertainty | None:
    """What `uncertainty_parts` was given."""
    if not meta:
        return None
    return Uncertainty(
        **{**meta, "tau": _number(meta["tau"])},
        stderr=floats(arrays, "stderr", (layers, layers)),
        ranks=floats(arrays, "ranks", (layers - 1, 2)),
    )


def embedding_parts(embedding: Embedding) -> Parts:
    """Without its points and origin."""
    return _parts(embedding, ("coordinates", "unaligned", "spectrum"), leave_out=("points", *ORIGIN))


def embedding_of(meta: Meta, arrays: Arrays, layers: int, points: tuple[Point, ...], origin: Origin) -> Embedding:
    """What `embedding_parts` was given, of these points and this origin."""
    quality = {name: tuple(map(_number, values)) for name, values in meta["quality"].items()}
    if any(len(values) != layers for values in quality.values()):
        raise ValueError(f"quality figures for another number of layers than {layers}")
    return Embedding(
        **{**meta, "quality": quality},
        coordinates=floats(arrays, "coordinates", (layers, len(points), None)),
        unaligned=floats(arrays, "unaligned", (layers, len(points), None)),
        spectrum=floats(arrays, "spectrum", (layers, None)),
        points=points,
        **origin.fields,
    )


def layer_map_parts(layer_map: LayerMap) -> Parts:
    return _parts(layer_map, ("coordinates",))


def layer_map_of(meta: Meta, arrays: Arrays, layers: int) -> LayerMap:
    return LayerMap(
        **{**meta, "stress": _number(meta["stress"])}, coordinates=floats(arrays, "coordinates", (layers, None))
    )


def reading_parts(read: Activations) -> Parts:
    """What was read and where, without the vectors themselves."""
    return _parts(read, ("token_cosine",), leave_out=("values", "entry"))


def reading_of(meta: Meta, arrays: Arrays) -> Activations:
    """Activations without vectors: `values` has shape (L, 0, 0)."""
    cosine = floats(arrays, "token_cosine", (None,))
    return Activations(
        **{**meta, "points": points_of(meta["points"]), "text_hashes": tuple(meta["text_hashes"])},
        token_cosine=cosine,
        values=np.empty((len(cosine), 0, 0), np.float32),
        entry=np.empty((0, 0), np.float32),
    )


def vectors_parts(read: Activations) -> Parts:
    """The vectors alone."""
    return {}, {"values": read.values, "entry": read.entry}


def with_vectors(reading: Activations, arrays: Arrays) -> Activations:
    """`reading` with the vectors of `vectors_parts` put in."""
    layers, n = reading.layers, len(reading.points)
    values = floats(arrays, "values", (layers, n, None))
    return replace(reading, values=values, entry=floats(arrays, "entry", (n, values.shape[2])))


def summary_parts(summary: ModelSummary) -> Parts:
    return _parts(summary, ())


def summary_of(meta: Meta) -> ModelSummary:
    """What `summary_parts` was given, also by a version that knew less of a model."""
    return ModelSummary(
        **{
            **meta,
            "layer_types": tuple(meta["layer_types"]),
            "per_layer": tuple(LayerSummary(**layer) for layer in meta["per_layer"]),
            "per_layer_fields": tuple(meta["per_layer_fields"]),
            "parts": tuple(PartSummary(**part) for part in meta.get("parts", ())),
            "layer_tensors": tuple(_tensors(one) for one in meta.get("layer_tensors", ())),
            "outside": _tensors(meta.get("outside", ())),
            "refusals": tuple(Refusal(tuple(one["layers"]), one["why"]) for one in meta.get("refusals", ())),
        }
    )


def _tensors(raw: Sequence[Meta]) -> tuple[TensorSummary, ...]:
    return tuple(TensorSummary(one["name"], tuple(one["shape"]), one["part"]) for one in raw)


def points_of(raw: list[dict[str, Any]]) -> tuple[Point, ...]:
    """Points as JSON holds them."""
    return tuple(Point(**point) for point in raw)


def floats(arrays: Arrays, name: str, shape: tuple[int | None, ...]) -> np.ndarray:
    """The float array `name` of this shape (None: any length); ValueError otherwise."""
    array = arrays[name]
    fits = array.ndim == len(shape) and all(want in (None, have) for want, have in zip(shape, array.shape, strict=True))
    if not fits or array.dtype.kind != "f":
        raise ValueError(f"{name} has shape {array.shape} of {array.dtype}, expected floats of shape {shape}")
    return array


def _parts(value: Any, arrays: tuple[str, ...], leave_out: tuple[str, ...] = ()) -> Parts:
    names = [one.name for one in fields(value) if one.name not in (*arrays, *leave_out)]
    return {name: jsonable(getattr(value, name)) for name in names}, {name: getattr(value, name) for name in arrays}


def _number(value: float | None) -> float:
    """JSON's null was NaN."""
    return math.nan if value is None else float(value)
