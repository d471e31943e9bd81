"""Tiny random models of real families, written as real folders: config, safetensors, tokenizer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, pre_tokenizers, processors
from tokenizers import models as tokenizer_models
from transformers import CONFIG_MAPPING, AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

PAD, BOS, EOS = "<pad>", "<s>", "</s>"
SPREAD = 0.1
"""Standard deviation of what is added to every parameter, so that norms and biases differ from layer to layer too."""

MODEL_TYPES: Mapping[str, str] = {"gemma3": "gemma3_text"}
"""Families whose text model goes by another name in transformers."""

WINDOWED: Mapping[str, Any] = {"sliding_window": 8}
PARTIAL_ROTARY: Mapping[str, Any] = {
    "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0, "partial_rotary_factor": 0.5}
}
FAMILIES: Mapping[str, Mapping[str, Any]] = {
    "llama": {},
    "qwen2": {},
    "qwen3": {"head_dim": 4},
    "gemma2": {"head_dim": 4, "query_pre_attn_scalar": 4, **WINDOWED},
    "gemma3": {"head_dim": 4, "query_pre_attn_scalar": 4, "sliding_window_pattern": 3, **WINDOWED},
    "mistral": WINDOWED,
    "phi": PARTIAL_ROTARY,
    "phi3": {},
    "gpt2": {},
    "gpt_neox": {},
}
"""What each family's config needs besides the sizes that all share."""


def byte_tokenizer(context: int = 128) -> PreTrainedTokenizerFast:
    """One token per byte and three special ones; puts its own BOS before each text."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate([PAD, BOS, EOS, *alphabet])}
    tokenizer = Tokenizer(tokenizer_models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", pair=f"{BOS} $A {BOS} $B", special_tokens=[(BOS, vocabulary[BOS])]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        eos_token=EOS,
        pad_token=PAD,
        model_max_length=context,
        clean_up_tokenization_spaces=False,
    )


def tiny_network(
    family: str = "llama", layers: int = 4, hidden: int = 16, seed: int = 0, **config: Any
) -> PreTrainedModel:
    """A float32 network with 4 heads, 259 tokens, 128 positions; `config` overrides fields of its config."""
    fields = {
        "vocab_size": 259,
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "max_position_embeddings": 128,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
    }
    if family != "gpt2":
        fields["intermediate_size"] = 2 * hidden
    if family not in ("gpt2", "gpt_neox", "phi"):
        fields["num_key_value_heads"] = 2
    made = CONFIG_MAPPING[MODEL_TYPES.get(family, family)](**{**fields, **FAMILIES.get(family, {}), **config})
    torch.manual_seed(seed)
    network = AutoModelForCausalLM.from_config(made, dtype=torch.float32)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=SPREAD)
    return network.eval()


def tiny_model_folder(
    tmp_path: Path,
    family: str = "llama",
    layers: int = 4,
    hidden: int = 16,
    seed: int = 0,
    *,
    dtype: str = "float32",
    max_shard_size: str = "1GB",
    **config: Any,
) -> Path:
    """Write `tiny_network` and `byte_tokenizer` to a folder of their own under `tmp_path`."""
    asked = json.dumps([family, layers, hidden, seed, dtype, max_shard_size, config], sort_keys=True)
    folder = tmp_path / f"{family}-{hashlib.sha256(asked.encode()).hexdigest()[:8]}"
    network = tiny_network(family, layers, hidden, seed, **config).to(getattr(torch, dtype))
    network.save_pretrained(folder, max_shard_size=max_shard_size)
    byte_tokenizer(int(network.config.max_position_embeddings)).save_pretrained(folder)
    return folder
