"""Tensors outside the layers that hold one slice per layer, as Gemma 3n's embeddings for each layer."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

PACKED: Mapping[str, tuple[int, str]] = MappingProxyType(
    {
        "embed_tokens_per_layer.weight": (1, "embedding_dim"),
        "per_layer_model_projection.weight": (0, "out_features"),
    }
)
"""How such a tensor's name ends: the dimension along which the layers' slices lie, and what its module calls it."""


def is_packed(name: str) -> bool:
    """Whether a tensor of this full name holds one slice per layer."""
    return name.endswith(tuple(f".{ending}" for ending in PACKED))
