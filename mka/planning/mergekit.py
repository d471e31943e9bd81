"""Plans as configs of mergekit, and back.

    slices: each names the layers [first, last) of one or more models, which become the next layers of the new model

mergekit tells a slice's sources apart by their names, so a model whose layers are added to one another is named by
several spellings of its folder: path, path/., path/./., and so on. Written for mergekit 0.1.5.
"""

from __future__ import annotations

import math
import os.path
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mka.errors import BadInput
from mka.objects.plan import WEIGHT_TOLERANCE, MergeGroup, MergePlan
from mka.planning.strategies import dropped

Config = dict[str, Any]
Place = dict[int, float]
"""A layer of the merged model: how much of which source layers it is the sum of, in increasing order."""

PASSTHROUGH, LINEAR, SLERP = "passthrough", "linear", "slerp"
READ = (PASSTHROUGH, LINEAR)


def merges(plan: MergePlan) -> bool:
    """Whether the config of `plan` must name its model by several spellings, as only a folder has them."""
    return any(group.merges for group in plan.groups)


def to_mergekit(plan: MergePlan, model: str) -> Config:
    """The config that does what `plan` does to `model`, a folder, or where nothing is summed also a hub id.

    passthrough where layers are only dropped or kept; linear, not normalised, for average and rdsc; slerp for slerp.
    mergekit sums in float32 and rounds once, as `mka.merge` does for float16 and bfloat16.

    BadInput, naming the group, for what a config cannot say: weight matrices alone, weights per kind of tensor,
    experts by their numbers, slerp beside average or rdsc; and for a repair.
    """
    if plan.repair != "none":
        raise BadInput(f"mergekit knows no repair {plan.repair!r}; convert a plan without one")
    for group in plan.groups:
        _check_sayable(group)
    methods = {SLERP if group.method == "slerp" else LINEAR for group in plan.groups if group.merges}
    if len(methods) > 1:
        raise BadInput(
            "a config of mergekit has one method, but the plan has slerp in one group and average or rdsc in another; "
            "merge one of them first"
        )
    method = next(iter(methods), PASSTHROUGH)
    write = {PASSTHROUGH: _passthrough, LINEAR: _linear, SLERP: _slerp}[method]
    return {"merge_method": method, **write(plan, model)}


def from_mergekit(raw: object, depth: int) -> tuple[MergeGroup, ...]:
    """The groups that do to a model of `depth` layers what a config of mergekit says.

    Read are passthrough and linear configs with slices of one model, in whatever spelling. A layer that stands nowhere
    is dropped; within a sum it is a member of weight 0. A layer that stands before an earlier one is kept in place of
    one that is removed before both. Shares from 0 to 1 that sum to 1 are an average, other
    coefficients that sum to 1 are differences added up (rdsc). A dtype of the output is no part of a plan and is left
    to the merge.

    BadInput, naming it, for anything else: several models, other methods, layers repeated, or moved forward where none
    is removed, scaled layers, weights that hang on the tensor or that do not sum to 1.
    """
    config = _Config.of(raw)
    places = [place for number, one in enumerate(config.slices, 1) for place in config.places(number, one)]
    return _groups(places, depth)


def model_of(raw: object) -> str:
    """The one model that the config names, in its first spelling. BadInput as `from_mergekit`."""
    return _Config.of(raw).model


def _check_sayable(group: MergeGroup) -> None:
    name = f"group {list(group.layers)}"
    if not group.merges:
        return
    if group.tensors != "all":
        raise BadInput(
            f"{name} merges {group.tensors} alone, which a config of mergekit cannot say; set tensors to all"
        )
    if group.kinds:
        raise BadInput(f"{name} has weights per kind of tensor, which a config of mergekit cannot say; leave kinds out")
    if group.experts != "refuse":
        raise BadInput(f"{name} takes experts by index, which a config of mergekit cannot say; drop or keep layers")


def _places(plan: MergePlan) -> list[Place]:
    """Each layer of the merged model; slerp is written elsewhere, its coefficients being no part of a plan."""
    sums = {group.layers: group.weights_of(None) for group in plan.groups if group.merges}
    return [
        dict(zip(layers, sums[layers], strict=True)) if layers in sums else {layers[0]: 1.0}
        for layers in plan.layer_map
    ]


def _passthrough(plan: MergePlan, model: str) -> Config:
    ranges: list[list[int]] = []
    for (layer,) in plan.layer_map:  # not always in increasing order: a kept layer stands at its group's first place
        if ranges and ranges[-1][1] == layer:
            ranges[-1][1] = layer + 1
        else:
            ranges.append([layer, layer + 1])
    return {"slices": [{"sources": [{"model": model, "layer_range": one}]} for one in ranges]}


def _linear(plan: MergePlan, model: str) -> Config:
    slices = []
    for place in _places(plan):
        used = [(layer, weight) for layer, weight in place.items() if weight]
        sources = [
            {**_source(model, number, layer), "parameters": {"weight": weight}}
            for number, (layer, weight) in enumerate(used)
        ]
        slices.append({"sources": sources})
    return {"parameters": {"normalize": False}, "slices": slices}


def _slerp(plan: MergePlan, model: str) -> Config:
    """Every slice has two sources, since the method takes no fewer; a layer that stays is beside itself, at t = 0."""
    shares = {group.layers: group.weights[1] for group in plan.groups if group.merges}
    return {
        "base_model": model,
        "slices": [
            {
                "sources": [_source(model, 0, layers[0]), _source(model, 1, layers[-1])],
                "parameters": {"t": shares.get(layers, 0.0)},
            }
            for layers in plan.layer_map
        ],
    }


def _source(model: str, number: int, layer: int) -> Config:
    return {"model": model + "/." * number, "layer_range": [layer, layer + 1]}


@dataclass(frozen=True)
class _Config:
    """A config that was found to be one of the kinds that are read."""

    method: str
    slices: tuple[Mapping[str, Any], ...]
    parameters: Mapping[str, Any]
    model: str

    @classmethod
    def of(cls, raw: object) -> _Config:
        config = _object(raw, "the config")
        method = config.get("merge_method")
        if method not in READ:
            raise BadInput(f"the merge method {method!r} cannot be read as a plan; {' and '.join(READ)} can")
        _only(config, "the config", ("merge_method", "slices", "parameters", "base_model", *WITHOUT_EFFECT))
        slices = tuple(
            _object(one, f"slice {number}") for number, one in enumerate(_list(config.get("slices"), "slices"), 1)
        )
        names = [
            str(_object(source, f"slice {number}, a source").get("model"))
            for number, one in enumerate(slices, 1)
            for source in _list(one.get("sources"), f"slice {number}, sources")
        ]
        base = config.get("base_model")
        models = {os.path.normpath(name): name for name in ([] if base is None else [str(base)]) + names[::-1]}
        if len(models) > 1:
            raise BadInput(f"the config merges several models, {', '.join(sorted(models))}; a plan is for one")
        (model,) = models.values()
        if "+" in model:
            raise BadInput(f"the model {model} carries an adapter behind +, which a plan cannot say; merge it first")
        parameters = _object(config.get("parameters") or {}, "parameters")
        return cls(method, slices, parameters, model)

    def places(self, number: int, one: Mapping[str, Any]) -> list[Place]:
        """The layers that one slice puts there."""
        where = f"slice {number}"
        _only(one, where, ("sources", "parameters", "base_model"))
        sources = [_object(source, where) for source in _list(one.get("sources"), f"{where}, sources")]
        for source in sources:
            _only(source, where, ("model", "layer_range", "parameters"))
        ranges = [_range(source.get("layer_range"), where) for source in sources]
        if len({end - first for first, end in ranges}) > 1:
            raise BadInput(f"{where} has sources of different lengths, which mergekit refuses; correct the config")
        weights = self._weights(where, one, sources)
        return [
            _added((first + offset, weight) for (first, _), weight in zip(ranges, weights, strict=True))
            for offset in range(ranges[0][1] - ranges[0][0])
        ]

    def _weights(self, where: str, one: Mapping[str, Any], sources: Sequence[Mapping[str, Any]]) -> list[float]:
        shared = [_object(one.get("parameters") or {}, where), self.parameters]
        levels = [[_object(source.get("parameters") or {}, where), *shared] for source in sources]
        known = ("weight", "normalize") if self.method == LINEAR else ()
        for level in (level for of_one in levels for level in of_one):
            _only(level, f"{where}, parameters", known)
        if self.method == PASSTHROUGH:
            if len(sources) > 1:
                raise BadInput(f"{where} passes {len(sources)} sources through, which mergekit refuses; name one")
            return [1.0]
        weights = [_number(_first("weight", of_one, 1.0), f"{where}, weight") for of_one in levels]
        normalize = _first("normalize", shared, True)
        if not isinstance(normalize, bool):
            raise BadInput(f"{where}: normalize is {normalize!r}; write true or false")
        total = math.fsum(weights)
        if normalize and total == 0:
            raise BadInput(f"{where}: the weights sum to 0 and cannot be normalised; correct the config")
        return [weight / total for weight in weights] if normalize else weights


WITHOUT_EFFECT = ("dtype", "out_dtype", "tokenizer_source", "tokenizer", "chat_template")
"""What a config may say besides, without an effect on which layers become what."""


def _added(terms: Any) -> Place:
    place: dict[int, float] = {}
    for layer, weight in terms:
        place[layer] = place.get(layer, 0.0) + weight
    return {layer: place[layer] for layer in sorted(place) if place[layer]}


def _groups(places: Sequence[Place], depth: int) -> tuple[MergeGroup, ...]:
    used = [layer for place in places for layer in place]
    beyond = [layer for layer in used if layer >= depth]
    if beyond:
        raise BadInput(f"the config names layer {beyond[0]}, but the model has layers 0..{depth - 1}; check the model")
    twice = sorted({layer for layer in used if used.count(layer) > 1})
    if twice:
        raise BadInput(
            f"the config uses layer {twice[0]} twice, which a plan cannot say; each layer may go to one place"
        )
    if any(not place for place in places):
        raise BadInput("the config makes a layer of weights that are all 0, which a plan cannot say; leave it out")
    gone = [layer for layer in range(depth) if layer not in used]
    inside: set[int] = set()
    groups: list[MergeGroup] = []
    for first, place in zip(_firsts(places, gone, depth), places, strict=True):
        # A plan has no other group inside a group: what is dropped there is a member of weight 0.
        without = {layer: 0.0 for layer in gone if first <= layer < max(place)}
        inside |= without.keys()
        groups += _group(without, place)
    return (*groups, *dropped(layer for layer in gone if layer not in inside))


def _firsts(places: Sequence[Place], gone: Sequence[int], depth: int) -> list[int]:
    """The first layer of the group of each place, increasing: its own, or where that stands before an earlier one, the
    last layer that is gone and leaves its place to it. BadInput where none does."""
    firsts: list[int] = []
    behind = follower = depth
    for place in reversed(places):
        first = min(place)
        if first > behind:
            left = [layer for layer in gone if layer < behind]
            if not left:
                raise BadInput(
                    f"the config puts layer {first} before layer {follower}, which a plan cannot say: a layer moves "
                    "forward only to the place of one that is removed, and none is left there"
                )
            first = left[-1]
        firsts.append(first)
        behind, follower = first, min(place)
    return firsts[::-1]


def _group(without: Place, place: Place) -> list[MergeGroup]:
    """What makes `place`, at the first layer of either, of its layers and of those that go `without` a trace."""
    if len(place) > 1 or not without:
        return _sum(dict(sorted((without | place).items())))
    _sum(place)  # for its refusal
    (kept,) = place
    return [MergeGroup((*without, kept), method="keep", layer=kept)]


def _sum(place: Place) -> list[MergeGroup]:
    layers, weights = tuple(place), tuple(place.values())
    total = math.fsum(weights)
    if abs(total - 1) > WEIGHT_TOLERANCE:
        raise BadInput(f"the weights of layers {list(layers)} sum to {total:.6g}, not 1, which a plan cannot say")
    if len(layers) == 1:
        return []
    if all(0 <= weight <= 1 for weight in weights):
        return [MergeGroup(layers, weights)]
    plain = MergeGroup(layers, method="rdsc")
    return [plain if plain.weights_of(None) == weights else MergeGroup(layers, weights, method="rdsc")]


def _object(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise BadInput(f"{name} of the mergekit config must be a mapping, got {value!r}")
    return value


def _list(value: object, name: str) -> Sequence[Any]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise BadInput(f"{name} of the mergekit config must be a list that is not empty, got {value!r}")
    return value


def _only(given: Mapping[str, Any], where: str, known: Sequence[str]) -> None:
    unknown = [str(key) for key in given if key not in known]
    if unknown:
        raise BadInput(f"{where} says {', '.join(unknown)}, which cannot be read as a plan; leave it out")


def _first(key: str, levels: Sequence[Mapping[str, Any]], otherwise: object) -> object:
    """The setting of the innermost level that has one."""
    return next((level[key] for level in levels if key in level), otherwise)


def _number(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise BadInput(f"{name} is {value!r}, which cannot be read as a plan; a plain number can")
    return float(value)


def _range(value: object, where: str) -> tuple[int, int]:
    found = _list(value, f"{where}, layer_range")
    if len(found) != 2 or any(type(one) is not int for one in found) or not 0 <= found[0] < found[1]:
        raise BadInput(f"{where}: layer_range is {value!r}; write [first, end], whole numbers that rise")
    return found[0], found[1]
