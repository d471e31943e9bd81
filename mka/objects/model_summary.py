"""What a model is made of, as numbers and names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LayerSummary:
    """One decoder layer: its type ("full_attention", "sliding_attention", ...), parameters, bytes."""

    index: int
    type: str
    parameters: int
    bytes: int
    shape_class: int
    """Layers of one class have the same parameter names and shapes; only they can be averaged."""


@dataclass(frozen=True)
class ModelSummary:
    """What `mka inspect` prints. Bytes are those of the weights at their dtype."""

    source: str
    architecture: str
    model_type: str
    fingerprint: str
    layers: int
    hidden_size: int
    vocabulary: int
    context: int
    dtype: str
    parameters: int
    bytes: int
    embedding_parameters: int
    head_parameters: int
    other_parameters: int
    tied_embeddings: bool
    cache_bytes_per_token: int
    layer_types: tuple[str, ...]
    per_layer: tuple[LayerSummary, ...]
    layer_path: str
    depth_key: str
    per_layer_fields: tuple[str, ...]
