"""A model in numbers and names: what `mka inspect` prints."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn
from transformers import PretrainedConfig

from mka.models.loaded import LoadedModel
from mka.objects.model_summary import LayerSummary, ModelSummary

CACHING_TYPES = frozenset({"full_attention", "sliding_attention", "chunked_attention"})
"""Layer types that keep keys and values of the tokens they have seen."""


def summarize(model: LoadedModel) -> ModelSummary:
    """Count the network's parameters, a tied or shared one once, where it first occurs; bytes at the loaded dtypes.

    embedding_parameters are the token embeddings', head_parameters the output matrix's (0 where it is tied),
    other_parameters the rest outside the layers (norms, position embeddings). The parts add up to `parameters`.
    cache_bytes_per_token counts keys and values of every attention layer at the loaded dtype; a sliding layer
    counts in full, as it does until a text is longer than its window.
    """
    network, stack = model.network, model.stack
    counted: set[int] = set()
    embedding = _count([network.get_input_embeddings()], counted)
    per_layer = tuple(
        LayerSummary(index, stack.layer_types[index], *_count([layer], counted), stack.shape_classes[index])
        for index, layer in enumerate(stack.layers)
    )
    head = _count([network.get_output_embeddings()], counted)
    other = _count([network], counted)
    parts = [embedding, head, other, *((layer.parameters, layer.bytes) for layer in per_layer)]
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
        parameters=sum(parameters for parameters, _ in parts),
        bytes=sum(size for _, size in parts),
        embedding_parameters=embedding[0],
        head_parameters=head[0],
        other_parameters=other[0],
        tied_embeddings=_tied(network.get_input_embeddings(), network.get_output_embeddings()),
        cache_bytes_per_token=_cache_bytes(stack.text_config, stack.layer_types, network.dtype.itemsize),
        layer_types=stack.layer_types,
        per_layer=per_layer,
        layer_path=stack.path,
        depth_key=stack.depth_key,
        per_layer_fields=stack.per_layer_fields,
    )


def _count(modules: Iterable[nn.Module | None], counted: set[int]) -> tuple[int, int]:
    """Parameters and bytes of the modules that are not in `counted`, which they enter."""
    parameters = size = 0
    for module in modules:
        for parameter in module.parameters() if module is not None else ():
            if id(parameter) not in counted:
                counted.add(id(parameter))
                parameters += parameter.numel()
                size += parameter.numel() * parameter.element_size()
    return parameters, size


def _tied(embedding: nn.Module, head: nn.Module | None) -> bool:
    return head is not None and getattr(head, "weight", None) is getattr(embedding, "weight", head)


def _cache_bytes(config: PretrainedConfig, layer_types: tuple[str, ...], itemsize: int) -> int:
    """Two vectors, key and value, of head_dim numbers per key-value head and layer."""
    heads = config.num_attention_heads
    per_head = getattr(config, "head_dim", None) or config.hidden_size // heads
    key_value_heads = getattr(config, "num_key_value_heads", None) or heads
    caching = sum(kind in CACHING_TYPES for kind in layer_types)
    return int(2 * key_value_heads * per_head * itemsize * caching)
