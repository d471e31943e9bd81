"""What becomes of one config field when layers go: a rule for each way in which a field can speak of layers.

A rule is called as rule(name, old value, origin, old depth) and returns the new value. `origin` is the list of
source layers, in increasing order, whose places the layers of the new model take. BadInput where there is none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from mka.errors import BadInput

Rule = Callable[[str, Any, Sequence[int], int], Any]


def refusal(name: str, why: str) -> BadInput:
    return BadInput(
        f"the config field {name!r} {why}, so a model with layers taken out of its middle cannot be described by it; "
        "remove only the last layers or use a model of another architecture"
    )


def stays(origin: Sequence[int]) -> bool:
    """Whether every layer that is left keeps its number."""
    return list(origin) == list(range(len(origin)))


def by_position(name: str, value: Any, origin: Sequence[int], depth: int) -> Any:
    """A list with one entry per layer: keep the entries of the layers that stay. Anything else is no such list."""
    if not isinstance(value, (list, tuple)):
        return value
    if len(value) != depth:
        raise BadInput(f"the config field {name!r} has {len(value)} entries for {depth} layers; correct the config")
    return type(value)(value[layer] for layer in origin)


def indices(name: str, value: Any, origin: Sequence[int], depth: int) -> Any:
    """A list of layer numbers: their new places."""
    return type(value)(place for place, layer in enumerate(origin) if layer in value)


def index_keys(name: str, value: Any, origin: Sequence[int], depth: int) -> Any:
    """A map from layer number (int, or text in files) to settings: under the new places."""
    kept = {place: layer for place, layer in enumerate(origin)}
    written = {int(layer): layer for layer in value}
    return {type(written[layer])(place): value[written[layer]] for place, layer in kept.items() if layer in written}


def first_layers(name: str, value: Any, origin: Sequence[int], depth: int) -> Any:
    """The first `value` layers differ: how many of them stay. A threshold that no layer reaches stays out of reach."""
    return value if value > depth else sum(layer < value for layer in origin)


def last_layers(name: str, value: Any, origin: Sequence[int], depth: int) -> Any:
    """The last `value` layers differ: how many of them stay."""
    return sum(layer >= depth - value for layer in origin)


def last_index(name: str, value: Any, origin: Sequence[int], depth: int) -> Any:
    """The last layer of a kind: its new place, or that of the one before it. Negative means the last of all."""
    if value < 0 or value >= depth:
        return value
    place = sum(layer <= value for layer in origin) - 1
    if place < 0:
        raise refusal(name, "would name no layer")
    return place


def cycle(name: str, value: Any, origin: Sequence[int], depth: int) -> Any:
    """A list repeated over the layers: written out, one entry per layer."""
    return type(value)(value[layer % len(value)] for layer in origin)


def patterns(name: str, value: Any, origin: Sequence[int], depth: int) -> Any:
    """[[types, times], ...], each list of types repeated so many times: written out as one list, once."""
    types = [one for repeated, times in value for one in list(repeated) * times]
    return [[[types[layer] for layer in origin], 1]]


def counted_out(name: str, value: Any, origin: Sequence[int], depth: int) -> Any:
    """Layers differ in a period that nothing writes out: fine if each layer that stays keeps its phase."""
    if value in (None, 0, 1) or all(layer % value == place % value for place, layer in enumerate(origin)):
        return value
    raise refusal(name, f"({value}) makes layers differ by their number")


def every_first(name: str, value: Any, origin: Sequence[int], depth: int) -> Any:
    """The first layer of every `value` differs: fine if the same layers do afterwards."""
    if all((layer % value == 0) == (place % value == 0) for place, layer in enumerate(origin)):
        return value
    raise refusal(name, f"({value}) makes layers differ by their number")


def switched(name: str, value: Any, origin: Sequence[int], depth: int) -> Any:
    """A switch that makes every layer compute with its own number."""
    if not value or stays(origin):
        return value
    raise refusal(name, "makes every layer compute with its own number")


def depth_again(name: str, value: Any, origin: Sequence[int], depth: int) -> Any:
    """The depth under a second name."""
    return len(origin) if value == depth else value


def over_root_of_depth(name: str, value: Any, origin: Sequence[int], depth: int) -> Any:
    """Layers compute with value / sqrt(depth), which must stay as it was."""
    return value if len(origin) == depth else value * math.sqrt(len(origin) / depth)


def rescaled_weights(name: str, value: Any, origin: Sequence[int], depth: int) -> Any:
    """Running halves the weights of each next `value` layers in place: no weights to average or to share."""
    if not value or depth <= value:
        return value
    raise BadInput(
        f"the config field {name!r} ({value}) makes the model rescale its weights whenever it runs, by the number of "
        "their layer; set it to 0 in config.json, which changes no result but the range of float16"
    )
