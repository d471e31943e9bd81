"""A merge plan: which layers become one, and with what weights. Plain JSON, immutable."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from reprlib import repr as shortened
from typing import Any

import numpy as np

from mka.errors import BadInput

FORMAT = "mka-plan/1"
METHODS = ("average", "drop", "keep")
TENSORS = ("all", "projections")
EXPERTS = ("refuse", "by-index")
WEIGHT_TOLERANCE = 1e-6


@dataclass(frozen=True)
class MergeGroup:
    """Layers that become one (`average`, `keep`) or none (`drop`).

    layers:   source indices, strictly increasing
    weights:  one per layer, each in [0, 1], summing to 1; empty for `keep` and `drop`
    layer:    the survivor of `keep`, else None
    tensors:  "all", or "projections": the attention and MLP matrices are averaged and the first
              layer's other tensors stay
    """

    layers: tuple[int, ...]
    weights: tuple[float, ...] = ()
    method: str = "average"
    tensors: str = "all"
    experts: str = "refuse"
    layer: int | None = None

    def __post_init__(self) -> None:
        # Numbers often come out of numpy, and no JSON writer takes those.
        object.__setattr__(self, "layers", tuple(map(_plain, self.layers)))
        object.__setattr__(self, "layer", _plain(self.layer))
        name = f"group {list(self.layers)}"
        if self.method not in METHODS:
            raise BadInput(f"{name}: method {self.method!r} is unknown; use one of {', '.join(METHODS)}")
        if self.tensors not in TENSORS:
            raise BadInput(f"{name}: tensors {self.tensors!r} is unknown; use one of {', '.join(TENSORS)}")
        if self.experts not in EXPERTS:
            raise BadInput(f"{name}: experts {self.experts!r} is unknown; use one of {', '.join(EXPERTS)}")
        if any(not isinstance(i, int) or isinstance(i, bool) or i < 0 for i in self.layers):
            raise BadInput(f"{name}: layers must be whole numbers from 0")
        if list(self.layers) != sorted(set(self.layers)):
            raise BadInput(f"{name}: layers must be increasing and named once; write {sorted(set(self.layers))}")
        if len(self.layers) < (1 if self.method == "drop" else 2):
            raise BadInput(f"{name}: {self.method} needs at least two layers; name more layers or leave the group out")
        if self.method == "average":
            self._check_weights(name)
            object.__setattr__(self, "weights", tuple(map(float, self.weights)))
        elif self.weights:
            raise BadInput(f"{name}: {self.method} takes no weights; leave them out")
        if (self.method == "keep") != (self.layer is not None) or (
            self.layer is not None and (type(self.layer) is not int or self.layer not in self.layers)
        ):
            raise BadInput(f"{name}: `layer` names the survivor of method keep and must be one of the group's layers")

    def _check_weights(self, name: str) -> None:
        if len(self.weights) != len(self.layers):
            raise BadInput(
                f"{name}: {len(self.weights)} weights for {len(self.layers)} layers; give one weight per layer"
            )
        if any(not 0 <= w <= 1 for w in self.weights):
            raise BadInput(f"{name}: weights {shortened(list(self.weights))} must lie in [0, 1]; give each its share")
        total = math.fsum(self.weights)
        if abs(total - 1) > WEIGHT_TOLERANCE:
            raise BadInput(f"{name}: weights sum to {total:.6g}, not 1; divide each by {total:.6g}")

    @property
    def removed(self) -> int:
        """How many layers fewer the model has after this group."""
        return len(self.layers) - (0 if self.method == "drop" else 1)

    def to_json(self) -> dict[str, Any]:
        out: dict[str, Any] = {"layers": list(self.layers), "method": self.method}
        if self.method == "average":
            out["weights"] = list(self.weights)
        if self.layer is not None:
            out["layer"] = self.layer
        return out | {"tensors": self.tensors, "experts": self.experts}

    @classmethod
    def from_json(cls, raw: object) -> MergeGroup:
        if not isinstance(raw, Mapping):
            raise BadInput(f'a group must be an object with "layers", got {raw!r}')
        unknown = set(raw) - {"layers", "weights", "method", "tensors", "experts", "layer"}
        if unknown:
            raise BadInput(
                f"a group has unknown keys {sorted(unknown)}; "
                "known are layers, method, weights, tensors, experts, layer"
            )
        layers = raw.get("layers")
        if not isinstance(layers, Sequence) or isinstance(layers, str):
            raise BadInput(f'a group needs "layers", a list of whole numbers, got {layers!r}')
        method = str(raw.get("method", "average"))
        weights = raw.get("weights")
        if weights is None:
            weights = [1 / len(layers)] * len(layers) if method == "average" and layers else []
        if not isinstance(weights, Sequence) or not all(_is_number(_plain(w)) for w in weights):
            raise BadInput(f"group {list(layers)}: weights must be a list of numbers, got {weights!r}")
        return cls(
            layers=tuple(layers),
            weights=tuple(weights),
            method=method,
            layer=raw.get("layer"),
            tensors=str(raw.get("tensors", "all")),
            experts=str(raw.get("experts", "refuse")),
        )


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
            elif group.method == "average":
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
