"""A model in numbers and names: what `mka inspect` prints."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn
from transformers import PretrainedConfig, PreTrainedModel

from mka.errors import BadInput
from mka.models.layer_kinds import SHARES
from mka.models.loaded import LoadedModel
from mka.models.per_layer_fields import OVERRIDES, settings_of
from mka.models.stack import DecoderStack, holds_experts
from mka.models.tensor_parts import part_of, part_outside
from mka.objects.model_summary import (
    EMBEDDING,
    HEAD,
    PARTS,
    LayerSummary,
    ModelSummary,
    PartSummary,
    Refusal,
    TensorSummary,
)

CACHING_TYPES = frozenset({"full_attention", "sliding_attention", "chunked_attention"})
"""Layer types that keep keys and values of the tokens they have seen."""


def summarize(model: LoadedModel) -> ModelSummary:
    """Count the network's parameters, a tied or shared one once, where it first occurs; bytes at the loaded dtypes.

    embedding_parameters are the token embeddings', head_parameters the output matrix's (0 where it is tied),
    other_parameters the rest outside the layers (norms, position embeddings). The parts add up to `parameters`.
    cache_bytes_per_token counts keys and values of every attention layer at the loaded dtype; a sliding layer
    counts in full, as it does until a text is longer than its window.
    """
    network, stack, tally = model.network, model.stack, _Tally()
    embedding, head = network.get_input_embeddings(), network.get_output_embeddings()
    in_embedding = tally.count(embedding, lambda name, dimensions: EMBEDDING)
    per_layer = tuple(
        LayerSummary(
            index, stack.layer_types[index], *tally.count(layer, part_of), stack.shape_classes[index],
            holds_experts(layer),
        )
        for index, layer in enumerate(stack.layers)
    )  # fmt: skip
    in_head = tally.count(head, lambda name, dimensions: HEAD)
    other = tally.count(network, lambda name, dimensions: part_outside(name))
    return ModelSummary(
        source=model.source,
        architecture=type(network).__name__,
        model_type=network.config.model_type,
        fingerprint=model.fingerprint,
        layers=stack.depth,
        hidden_size=stack.text_config.hidden_size,
        vocabulary=stack.text_config.vocab_size,
        context=getattr(stack.text_config, "max_position_embeddings", None) or 0,
        dtype=model.dtype,
        parameters=sum(part.parameters for part in tally.parts),
        bytes=sum(part.bytes for part in tally.parts),
        embedding_parameters=in_embedding[0],
        head_parameters=in_head[0],
        other_parameters=other[0],
        tied_embeddings=_tied(embedding, head),
        cache_bytes_per_token=_cache_bytes(stack.text_config, stack.layer_types, network.dtype.itemsize),
        layer_types=stack.layer_types,
        per_layer=per_layer,
        layer_path=stack.path,
        depth_key=stack.depth_key,
        per_layer_fields=stack.per_layer_fields,
        parts=tally.parts,
        layer_tensors=_layer_tensors(stack),
        outside=_outside(network, stack),
        refusals=_refusals(network, stack),
    )


class _Tally:
    """Counts each parameter once, by part."""

    def __init__(self) -> None:
        self._counted: set[int] = set()
        self._sizes: dict[str, list[int]] = {part: [0, 0] for part in PARTS}

    def count(self, module: nn.Module | None, part: Callable[[str, int], str]) -> tuple[int, int]:
        """Parameters and bytes of the module that were not counted before; part(name, dimensions) is one of PARTS."""
        parameters = size = 0
        for name, parameter in module.named_parameters() if module is not None else ():
            if id(parameter) in self._counted:
                continue
            self._counted.add(id(parameter))
            sizes = self._sizes[part(name, parameter.dim())]
            sizes[0] += parameter.numel()
            sizes[1] += parameter.numel() * parameter.element_size()
            parameters += parameter.numel()
            size += parameter.numel() * parameter.element_size()
        return parameters, size

    @property
    def parts(self) -> tuple[PartSummary, ...]:
        """Those that hold anything."""
        return tuple(PartSummary(part, *sizes) for part, sizes in self._sizes.items() if sizes[0])


def _layer_tensors(stack: DecoderStack) -> tuple[tuple[TensorSummary, ...], ...]:
    """Of the first layer of each shape class; the others have the same names and shapes."""
    firsts = (stack.shape_classes.index(one) for one in range(max(stack.shape_classes) + 1))
    return tuple(
        tuple(
            TensorSummary(name, tuple(parameter.shape), part_of(name, parameter.dim()))
            for name, parameter in stack.layers[first].named_parameters()
        )
        for first in firsts
    )


def _outside(network: PreTrainedModel, stack: DecoderStack) -> tuple[TensorSummary, ...]:
    """A tied head is the embedding's weight and stands there alone."""
    embedding, head = network.get_input_embeddings(), network.get_output_embeddings()
    known = {id(one): HEAD for one in (head.parameters() if head is not None else ())}
    known |= {id(one): EMBEDDING for one in embedding.parameters()}
    return tuple(
        TensorSummary(name, tuple(parameter.shape), known.get(id(parameter)) or part_outside(name))
        for name, parameter in network.named_parameters()
        if not name.startswith(f"{stack.path}.")
    )


def _refusals(network: PreTrainedModel, stack: DecoderStack) -> tuple[Refusal, ...]:
    """Found by asking the config to describe the model without each layer."""
    layers = range(stack.depth)
    found: dict[str, list[int]] = {}
    for gone in layers if stack.depth > 1 else ():
        try:
            stack.remap_config(network.config, [(layer,) for layer in layers if layer != gone])
        except BadInput as error:
            found.setdefault(str(error), []).append(gone)
    return tuple(Refusal(tuple(gone), why) for why, gone in found.items())


def _tied(embedding: nn.Module, head: nn.Module | None) -> bool:
    return head is not None and getattr(head, "weight", None) is getattr(embedding, "weight", head)


def _cache_bytes(config: PretrainedConfig, layer_types: tuple[str, ...], itemsize: int) -> int:
    """Two vectors, key and value, of head_dim numbers per key-value head and layer that keeps its own."""
    caching = [
        layer
        for layer, kind in enumerate(layer_types)
        if kind.split(",")[0] in CACHING_TYPES and not kind.endswith(SHARES)
    ]
    configs = config.per_layer_config if settings_of(config)[OVERRIDES] else [config] * len(layer_types)
    return 2 * itemsize * sum(_key_width(configs[layer]) for layer in caching)


def _key_width(config: PretrainedConfig) -> int:
    """Numbers in one layer's key of one token."""
    heads = config.num_attention_heads
    per_head = getattr(config, "head_dim", None) or config.hidden_size // heads
    return int((getattr(config, "num_key_value_heads", None) or heads) * per_head)
