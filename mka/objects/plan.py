"""A merge plan: which layers become one, and with what weights. Plain JSON, immutable."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from reprlib import repr as shortened
from types import MappingProxyType
from typing import Any

import numpy as np

from mka.errors import BadInput

FORMAT = "mka-plan/1"
MERGED: Mapping[str, str] = MappingProxyType({"average": "averaged", "slerp": "interpolated", "rdsc": "added up"})
"""The methods that compute one layer from several, and what a sentence says is done to those."""
WEIGHTED = ("average", "slerp")
METHODS = (*MERGED, "keep", "drop")
KINDS = ("attention", "mlp", "norms")
"""Kinds of tensors that can have weights of their own; experts and routers are of the kind mlp."""
TENSORS = ("all", "projections")
EXPERTS = ("refuse", "by-index")
WEIGHT_TOLERANCE = 1e-6
LARGEST_WEIGHT = 1e6
"""Beyond it float32 holds no digit of a sum that ends near 1."""


@dataclass(frozen=True)
class MergeGroup:
    """Layers that become one, or none (`drop`). What each method computes: see `mka.merging.coefficients`.

    layers:   source indices, strictly increasing; exactly two for `slerp`, whose result for more would hang on the
              order in which they are taken
    weights:  one per layer. For `average` and `slerp` each in [0, 1], summing to 1. For `rdsc` none, which means
              (2 - n, 1, ..., 1) for n layers, or any finite numbers that sum to 1: what nested differences add up to.
              Empty for `keep` and `drop`.
    layer:    the survivor of `keep`, else None
    tensors:  "all", or "projections": the attention and MLP matrices are merged and the first
              layer's other tensors stay
    kinds:    (kind, weights) for some of KINDS, in their order: the weights of the tensors of that kind, in place of
              `weights`; only for methods that have weights. May be given as a mapping.
    """

    layers: tuple[int, ...]
    weights: tuple[float, ...] = ()
    method: str = "average"
    tensors: str = "all"
    experts: str = "refuse"
    layer: int | None = None
    kinds: tuple[tuple[str, tuple[float, ...]], ...] = ()

    def __post_init__(self) -> None:
        # Numbers often come out of numpy, and no JSON writer takes those.
        object.__setattr__(self, "layers", tuple(map(_plain, self.layers)))
        object.__setattr__(self, "layer", _plain(self.layer))
        self._check_words()
        self._check_layers()
        object.__setattr__(self, "weights", self._checked_weights())
        object.__setattr__(self, "kinds", self._checked_kinds())
        if (self.method == "keep") != (self.layer is not None) or (
            self.layer is not None and (type(self.layer) is not int or self.layer not in self.layers)
        ):
            raise BadInput(
                f"{self._name}: `layer` names the survivor of method keep and must be one of the group's layers"
            )

    @property
    def merges(self) -> bool:
        """Whether the group's tensors are computed from those of several layers."""
        return self.method in MERGED

    @property
    def removed(self) -> int:
        """How many layers fewer the model has after this group."""
        return len(self.layers) - (0 if self.method == "drop" else 1)

    @property
    def cannot(self) -> str:
        """How a sentence begins that refuses to merge these layers into one: "group [3, 4] cannot be averaged"."""
        return f"{self._name} cannot be {MERGED[self.method]}"

    def weights_of(self, kind: str | None) -> tuple[float, ...]:
        """The weights of tensors of `kind`, one of KINDS or None for any other tensor; those of `rdsc` written out."""
        if self.method == "rdsc" and not self.weights:
            return (2.0 - len(self.layers), *(1.0,) * (len(self.layers) - 1))
        return next((weights for name, weights in self.kinds if name == kind), self.weights)

    @property
    def _name(self) -> str:
        return f"group {list(self.layers)}"

    def _check_words(self) -> None:
        for what, word, known in (
            ("method", self.method, METHODS),
            ("tensors", self.tensors, TENSORS),
            ("experts", self.experts, EXPERTS),
        ):
            if word not in known:
                raise BadInput(f"{self._name}: {what} {word!r} is unknown; use one of {', '.join(known)}")

    def _check_layers(self) -> None:
        name = self._name
        if any(not isinstance(i, int) or isinstance(i, bool) or i < 0 for i in self.layers):
            raise BadInput(f"{name}: layers must be whole numbers from 0")
        if list(self.layers) != sorted(set(self.layers)):
            raise BadInput(f"{name}: layers must be increasing and named once; write {sorted(set(self.layers))}")
        if len(self.layers) < (1 if self.method == "drop" else 2):
            raise BadInput(f"{name}: {self.method} needs at least two layers; name more layers or leave the group out")
        if self.method == "slerp" and len(self.layers) > 2:
            raise BadInput(
                f"{name}: slerp interpolates between two layers, not {len(self.layers)}; "
                "average them, or make groups of two"
            )

    def _checked_weights(self) -> tuple[float, ...]:
        if self.method in WEIGHTED:
            return _shares(self.weights, len(self.layers), self._name)
        if self.method == "rdsc" and self.weights:
            return _summing_to_one(self.weights, len(self.layers), self._name)
        if self.weights:
            raise BadInput(f"{self._name}: {self.method} takes no weights; leave them out")
        return ()

    def _checked_kinds(self) -> tuple[tuple[str, tuple[float, ...]], ...]:
        given = dict(self.kinds)
        unknown = [kind for kind in given if kind not in KINDS]
        if unknown:
            raise BadInput(f"{self._name}: kinds {unknown} are unknown; use some of {', '.join(KINDS)}")
        if given and self.method not in WEIGHTED:
            raise BadInput(f"{self._name}: {self.method} takes no weights per kind of tensor; leave kinds out")
        return tuple(
            (kind, _shares(given[kind], len(self.layers), f"{self._name}, {kind}")) for kind in KINDS if kind in given
        )

    def to_json(self) -> dict[str, Any]:
        out: dict[str, Any] = {"layers": list(self.layers), "method": self.method}
        if self.weights:
            out["weights"] = list(self.weights)
        if self.kinds:
            out["kinds"] = {kind: list(weights) for kind, weights in self.kinds}
        if self.layer is not None:
            out["layer"] = self.layer
        return out | {"tensors": self.tensors, "experts": self.experts}

    @classmethod
    def from_json(cls, raw: object) -> MergeGroup:
        if not isinstance(raw, Mapping):
            raise BadInput(f'a group must be an object with "layers", got {raw!r}')
        unknown = set(raw) - {"layers", "weights", "method", "tensors", "experts", "layer", "kinds"}
        if unknown:
            raise BadInput(
                f"a group has unknown keys {sorted(unknown)}; "
                "known are layers, method, weights, kinds, tensors, experts, layer"
            )
        layers = raw.get("layers")
        if not isinstance(layers, Sequence) or isinstance(layers, str):
            raise BadInput(f'a group needs "layers", a list of whole numbers, got {layers!r}')
        method = str(raw.get("method", "average"))
        weights = raw.get("weights")
        if weights is None:
            weights = [1 / len(layers)] * len(layers) if method in WEIGHTED and layers else []
        kinds = {} if raw.get("kinds") is None else raw["kinds"]
        if not isinstance(kinds, Mapping):
            raise BadInput(f"group {list(layers)}: kinds must be an object such as {KINDS_EXAMPLE}, got {kinds!r}")
        return cls(
            layers=tuple(layers),
            weights=_numbers(weights, f"group {list(layers)}"),
            method=method,
            layer=raw.get("layer"),
            tensors=str(raw.get("tensors", "all")),
            experts=str(raw.get("experts", "refuse")),
            kinds=tuple((str(kind), _numbers(one, f"group {list(layers)}, {kind}")) for kind, one in kinds.items()),
        )


KINDS_EXAMPLE = '{"attention": [0.6, 0.4]}'


def _numbers(weights: object, name: str) -> tuple[float, ...]:
    if not isinstance(weights, Sequence) or not all(_is_number(_plain(w)) for w in weights):
        raise BadInput(f"{name}: weights must be a list of numbers, got {weights!r}")
    return tuple(weights)


def _shares(weights: tuple[float, ...], count: int, name: str) -> tuple[float, ...]:
    """The weights as floats; BadInput unless there are `count`, each in [0, 1], and they sum to 1."""
    if any(not 0 <= w <= 1 for w in weights):
        raise BadInput(f"{name}: weights {shortened(list(weights))} must lie in [0, 1]; give each its share")
    return _summing_to_one(weights, count, name)


def _summing_to_one(weights: tuple[float, ...], count: int, name: str) -> tuple[float, ...]:
    """The weights as floats; BadInput unless there are `count`, all finite, and they sum to 1."""
    if len(weights) != count:
        raise BadInput(f"{name}: {len(weights)} weights for {count} layers; give one weight per layer")
    if any(not abs(w) <= LARGEST_WEIGHT for w in weights):
        raise BadInput(f"{name}: weights {shortened(list(weights))} must be finite numbers below a million")
    total = math.fsum(weights)
    if abs(total - 1) > WEIGHT_TOLERANCE:
        remedy = f"divide each by {total:.6g}" if total else "give weights that sum to 1"
        raise BadInput(f"{name}: weights sum to {total:.6g}, not 1; {remedy}")
    return tuple(map(float, weights))


@dataclass(frozen=True)
class Provenance:
    """Where a plan came from; `text_hashes` are the calibration texts that chose its layers."""

    strategy: str = "manual"
    measure: str | None = None
    seed: int | None = None
    calibration_key: str | None = None
    text_hashes: tuple[str, ...] = ()


@dataclass(frozen=True)
class MergePlan:
    """Ordered, disjoint groups for a model of `depth` layers; layers in no group stay.

    A merged layer stands at its group's first layer's place, so groups may not interleave: between
    a group's first and last layer there may be layers of no group, but no other group.
    `fingerprint` and `source` are None in a plan made for a bare depth.
    """

    depth: int
    groups: tuple[MergeGroup, ...] = ()
    fingerprint: str | None = None
    source: str | None = None
    repair: str = "none"
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        object.__setattr__(self, "depth", _plain(self.depth))
        if not isinstance(self.depth, int) or isinstance(self.depth, bool) or self.depth < 1:
            raise BadInput(f"a plan needs a depth of at least 1 layer, got {self.depth!r}")
        ordered = tuple(sorted(self.groups, key=lambda group: group.layers[0]))
        object.__setattr__(self, "groups", ordered)
        for group in ordered:
            if group.layers[-1] >= self.depth:
                raise BadInput(
                    f"group {list(group.layers)} names layer {group.layers[-1]}, "
                    f"but the model has layers 0..{self.depth - 1}; use layers that exist"
                )
        for first, second in pairwise(ordered):
            if second.layers[0] <= first.layers[-1]:
                raise BadInput(
                    f"groups {list(first.layers)} and {list(second.layers)} overlap; join them or move one apart"
                )
        if self.removed >= self.depth:
            raise BadInput(f"the plan removes all {self.depth} layers; leave at least one")

    @property
    def removed(self) -> int:
        return sum(group.removed for group in self.groups)

    @property
    def layers_after(self) -> int:
        return self.depth - self.removed

    @property
    def compression_ratio(self) -> float:
        """Removed layers / layers."""
        return self.removed / self.depth

    @property
    def layer_map(self) -> tuple[tuple[int, ...], ...]:
        """For each layer of the merged model, the source layers that it is made of.

        A `keep` group maps to its survivor alone.
        """
        at = {group.layers[0]: group for group in self.groups}
        grouped = {layer for group in self.groups for layer in group.layers}
        places: list[tuple[int, ...]] = []
        for layer in range(self.depth):
            group = at.get(layer)
            if group is None:
                if layer not in grouped:
                    places.append((layer,))
            elif group.merges:
                places.append(group.layers)
            elif group.layer is not None:
                places.append((group.layer,))
        return tuple(places)

    @property
    def key(self) -> str:
        """Content key of what the plan does: depth and groups, not where it came from."""
        content = json.dumps([self.depth, self.repair, [group.to_json() for group in self.groups]], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, Any]:
        """The plan file's content, format mka-plan/1."""
        return {
            "format": FORMAT,
            "model": {"layers": self.depth, "fingerprint": self.fingerprint, "source": self.source},
            "groups": [group.to_json() for group in self.groups],
            "repair": self.repair,
            "provenance": {
                "strategy": self.provenance.strategy,
                "measure": self.provenance.measure,
                "seed": self.provenance.seed,
                "calibration_key": self.provenance.calibration_key,
                "text_hashes": list(self.provenance.text_hashes),
            },
        }

    @classmethod
    def from_json(cls, raw: object) -> MergePlan:
        if not isinstance(raw, Mapping) or raw.get("format") != FORMAT:
            found = raw.get("format") if isinstance(raw, Mapping) else type(raw).__name__
            raise BadInput(f"not a merge plan: format is {found!r}, expected {FORMAT!r}; make one with `mka plan`")
        model, groups = raw.get("model"), raw.get("groups", [])
        provenance = raw.get("provenance") or {}
        if not isinstance(model, Mapping) or not isinstance(groups, list) or not isinstance(provenance, Mapping):
            raise BadInput(
                "the plan file is malformed: model and provenance must be objects and groups a list; "
                "make it anew with `mka plan`"
            )
        return cls(
            depth=model.get("layers"),  # type: ignore[arg-type]  # checked in __post_init__
            groups=tuple(MergeGroup.from_json(group) for group in groups),
            fingerprint=_optional(model, "fingerprint", str),
            source=_optional(model, "source", str),
            repair="none" if "repair" not in raw else _word(raw, "repair"),
            provenance=Provenance(
                strategy=str(provenance.get("strategy", "manual")),
                measure=_optional(provenance, "measure", str),
                seed=_optional(provenance, "seed", int),
                calibration_key=_optional(provenance, "calibration_key", str),
                text_hashes=_hashes(provenance),
            ),
        )


def _plain(number: Any) -> Any:
    """A number of numpy as one of Python, anything else as it is."""
    return number.item() if isinstance(number, np.generic) else number


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _word(raw: Mapping[str, Any], key: str) -> str:
    value = raw[key]
    if not isinstance(value, str):
        raise BadInput(f"the plan file is malformed: {key} is {value!r}, not a word; make it anew with `mka plan`")
    return value


def _optional(raw: Mapping[str, Any], key: str, kind: type) -> Any:
    """The entry `key` of a plan file, None where it is missing; BadInput where it is of another kind."""
    value = raw.get(key)
    if value is not None and type(value) is not kind:
        raise BadInput(f"the plan file is malformed: {key} is {value!r}; make it anew with `mka plan`")
    return value


def _hashes(provenance: Mapping[str, Any]) -> tuple[str, ...]:
    hashes = _optional(provenance, "text_hashes", list) or []
    if any(not isinstance(one, str) for one in hashes):
        raise BadInput("the plan file is malformed: text_hashes must be texts; make it anew with `mka plan`")
    return tuple(hashes)
