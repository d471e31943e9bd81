"""Similarities and model summaries made of plain numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mka.objects.model_summary import LayerSummary, ModelSummary
from mka.objects.similarity import Similarity


def similarity_of(values: Any, **fields: Any) -> Similarity:
    """A similarity with these values, NPIB unless said otherwise."""
    known = {"measure": "npib", "bounds": (0.0, 1.0), "higher_is_alike": True}
    return Similarity(np.asarray(values, dtype=np.float64), **{**known, **fields})


def with_adjacent(values: Sequence[float], **fields: Any) -> Similarity:
    """S[l, l + 1] = values[l], 1 on the diagonal, 0 elsewhere."""
    upper = np.diag(np.asarray(values, dtype=np.float64), k=1)
    return similarity_of(np.eye(len(values) + 1) + upper + upper.T, **fields)


def summary_of(parameters: Sequence[int], types: Sequence[str] = (), classes: Sequence[int] = ()) -> ModelSummary:
    """A model whose layer l has parameters[l] float16 parameters, with 1000 parameters around the layers."""
    depth = len(parameters)
    types = tuple(types) or ("full_attention",) * depth
    classes = tuple(classes) or (0,) * depth
    per_layer = tuple(LayerSummary(i, types[i], parameters[i], 2 * parameters[i], classes[i]) for i in range(depth))
    return ModelSummary(
        source="somewhere",
        architecture="LlamaForCausalLM",
        model_type="llama",
        fingerprint="0123456789abcdef",
        layers=depth,
        hidden_size=8,
        vocabulary=100,
        context=64,
        dtype="float16",
        parameters=sum(parameters) + 1000,
        bytes=2 * sum(parameters) + 2000,
        embedding_parameters=800,
        head_parameters=0,
        other_parameters=200,
        tied_embeddings=True,
        cache_bytes_per_token=64 * depth,
        layer_types=types,
        per_layer=per_layer,
        layer_path="model.layers",
        depth_key="num_hidden_layers",
        per_layer_fields=(),
    )
