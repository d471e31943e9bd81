"""What a model is made of, as numbers and names."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

EMBEDDING, ATTENTION, MLP, EXPERTS, NORMS, HEAD, OTHER = PARTS = (
    "embedding", "attention", "MLP", "experts", "norms", "head", "other",
)  # fmt: skip
"""What a tensor can be a part of; "attention" is whatever mixes tokens, linear attention and state spaces too."""


@dataclass(frozen=True)
class TensorSummary:
    """One weight: its name, below its layer where it stands in one, its shape, and what it is part of (PARTS)."""

    name: str
    shape: tuple[int, ...]
    part: str

    @property
    def parameters(self) -> int:
        return prod(self.shape)


@dataclass(frozen=True)
class PartSummary:
    """All weights of one of PARTS: parameters and bytes, a tied or shared weight once."""

    name: str
    parameters: int
    bytes: int


@dataclass(frozen=True)
class Refusal:
    """Layers each of which cannot be taken out of the model, even alone, and the sentence that a merge says then."""

    layers: tuple[int, ...]
    why: str


@dataclass(frozen=True)
class LayerSummary:
    """One decoder layer: its type ("full_attention", "sliding_attention", ...), parameters, bytes."""

    index: int
    type: str
    parameters: int
    bytes: int
    shape_class: int
    """Layers of one class have the same parameter names and shapes; only they can be averaged."""
    experts: bool = False
    """Whether it holds experts, which are averaged only where a plan says so."""


@dataclass(frozen=True)
class ModelSummary:
    """What `mka inspect` prints. Bytes are those of the weights at their dtype.

    parts:         the weights by part, in the order of PARTS; they add up to `parameters`
    layer_tensors: the weights of a layer of each shape class
    outside:       the weights outside the layers, by their full names
    refusals:      which layers no plan can remove; the others can go one by one
    The last four are empty in what an earlier version wrote.
    """

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
    parts: tuple[PartSummary, ...] = ()
    layer_tensors: tuple[tuple[TensorSummary, ...], ...] = ()
    outside: tuple[TensorSummary, ...] = ()
    refusals: tuple[Refusal, ...] = ()

    @property
    def shape_classes(self) -> tuple[int, ...]:
        """One per layer."""
        return tuple(layer.shape_class for layer in self.per_layer)
