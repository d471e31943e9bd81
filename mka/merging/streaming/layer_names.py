"""What the weight files call the tensors of each layer.

They need not call them as the network does: families keep the names of their first release, and store experts one
by one that a network holds in one block.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from transformers import PreTrainedModel

from mka.errors import BadInput
from mka.merging.shells import tensors_of
from mka.models.stack import DecoderStack
from mka.models.weightless import stored_forms


@dataclass(frozen=True)
class LayerNames:
    """Layer i's tensors are called prefix + i + "." + suffix, with the suffixes at place i of `suffixes`.

    They stand in the network's order as far as it calls them so.
    """

    prefix: str
    suffixes: tuple[tuple[str, ...], ...]

    def name(self, layer: int, suffix: str) -> str:
        return f"{self.prefix}{layer}.{suffix}"

    @property
    def places(self) -> Mapping[str, tuple[int, str]]:
        """Name in the files -> (layer, suffix), of every tensor of every layer."""
        return {
            self.name(layer, suffix): (layer, suffix)
            for layer, suffixes in enumerate(self.suffixes)
            for suffix in suffixes
        }


def layer_names(network: PreTrainedModel, stack: DecoderStack) -> LayerNames:
    """Asked of transformers, layer by layer; BadInput where a layer's files do not carry its number as one part."""
    stored = list(map(list, stored_forms(network, [f"{stack.path}.{layer}." for layer in range(stack.depth)])))
    prefix = _prefix(stored)
    if prefix is None:
        raise BadInput(
            f"the weight files of {type(network).__name__} do not number its layers as it does itself; "
            "merge in memory (without --stream)"
        )
    return LayerNames(
        prefix,
        tuple(
            _in_order([name.removeprefix(f"{prefix}{layer}.") for name in names], tensors_of(stack.layers[layer]))
            for layer, names in enumerate(stored)
        ),
    )


def _in_order(suffixes: Sequence[str], known: Iterable[str]) -> tuple[str, ...]:
    places = {name: place for place, name in enumerate(known)}
    return tuple(sorted(suffixes, key=lambda suffix: places.get(suffix, len(places))))


def _prefix(stored: Sequence[Sequence[str]]) -> str | None:
    """What stands before the layer's number in every name of every layer; None where nothing does."""
    words = stored[0][0].split(".")
    for place, word in enumerate(words):
        prefix = "".join(f"{before}." for before in words[:place])
        numbered = all(name.startswith(f"{prefix}{layer}.") for layer, names in enumerate(stored) for name in names)
        if word == "0" and numbered:
            return prefix
    return None
