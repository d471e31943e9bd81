"""A small config of every causal language model that transformers ships: one rule, and its exceptions as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transformers import CONFIG_MAPPING, PretrainedConfig

DEPTH = 6
VOCABULARY = 259
CONTEXT = 64

SIZES: Mapping[str, Any] = {
    name: value
    for names, value in (
        ("num_hidden_layers n_layer n_layers num_layers num_blocks decoder_layers num_decoder_layers", DEPTH),
        # As deep as the decoder, as in most models: some fill their caches by the encoder's depth.
        ("encoder_layers num_encoder_layers", DEPTH),
        ("depth conf_num_hidden_layers num_global_layers", 2),
        ("vocab_size vocab_size_per_layer_input", VOCABULARY),
        ("max_position_embeddings n_positions n_ctx max_seq_len context_length max_target_positions", CONTEXT),
        ("hidden_size d_model n_embd emb_dim embedding_size embedding_dim embed_dim word_embed_proj_dim dim_model", 32),
        ("input_embedding_size output_embedding_size lru_width backbone_hidden_size attention_hidden_size", 32),
        ("intermediate_size intermediate_size_mlp ffn_dim dff dim_ff d_ff d_inner n_inner ffn_hidden_size", 48),
        ("decoder_ffn_dim encoder_ffn_dim expert_ffn_hidden_size feed_forward_size mlp_dim", 48),
        ("shared_intermediate_size shared_expert_intermediate_size shared_experts_intermediate_size", 48),
        ("moe_shared_expert_intermediate_size dense_intermediate_size", 48),
        ("moe_intermediate_size", 16),
        ("num_attention_heads n_head n_heads num_heads attention_heads swa_num_attention_heads", 4),
        ("decoder_attention_heads num_decoder_attention_heads", 4),
        ("encoder_attention_heads num_encoder_attention_heads conf_num_attention_heads", 4),
        ("num_key_value_heads num_kv_heads kv_n_heads swa_num_key_value_heads num_query_groups", 2),
        ("head_dim d_head dim_head swa_head_dim attention_head_size kv_channels d_kv query_pre_attn_scalar", 8),
        ("qk_rope_head_dim v_head_dim qk_nope_head_dim kv_lora_rank q_lora_rank index_head_dim", 8),
        ("qk_head_dim", 16),
        ("rotary_dim", 4),
        ("sliding_window sliding_window_size attention_window_size local_attention", 8),
        ("index_n_heads", 2),
        # All tokens: a choice among equal scores may fall otherwise when there is a cache.
        ("index_topk", 32),
        ("num_experts n_routed_experts num_local_experts moe_num_experts zero_expert_num", 4),
        ("num_experts_per_tok num_experts_per_token moe_topk moe_k top_k_experts", 2),
        ("n_shared_experts num_shared_experts n_group topk_group num_expert_group", 1),
        ("mamba_d_state state_size ssm_state_size mamba_dt_rank time_step_rank", 4),
        ("mamba_n_heads mamba_num_heads n_mamba_heads mamba_chunk_size chunk_size", 4),
        ("mamba_d_head mamba_headdim mamba_head_dim", 16),
        ("mamba_d_ssm", 64),
        ("mamba_n_groups mamba_ngroups n_groups linear_num_key_heads linear_num_heads", 2),
        ("linear_num_value_heads", 4),
        ("linear_key_head_dim linear_value_head_dim linear_head_dim", 8),
        ("encoder_hash_byte_group_vocab shape_vocab_size pronunciation_vocab_size", 100),
        ("pad_token_id", 0),
        ("bos_token_id", 1),
        ("eos_token_id", 2),
        ("is_decoder", True),
        ("layerdrop", 0.0),
    )
    for name in names.split()
}
"""Field of a config -> its value, in every config that has it as a number (or flag)."""

S, F = "sliding_attention", "full_attention"
ROPE = {"rope_type": "default", "rope_theta": 10_000.0}
ALL_HEADS: Mapping[str, Any] = {"num_key_value_heads": 4}
"""Latent attention makes keys and values for every head."""
OWN_HEADS: Mapping[str, Any] = {"head_dim": 8}
"""The usual config leaves it open."""
GEMMA4: Mapping[str, Any] = {
    "num_hidden_layers": 8,
    "num_kv_shared_layers": 2,
    "layer_types": [S, S, S, F] * 2,
    "hidden_size_per_layer_input": 8,
    "global_head_dim": 16,
}
"""The last two read the keys and values of layers 5 and 3; each layer has an embedding of its own."""
DOTS_WINDOWED: Mapping[str, Any] = {"head_dim": 12, "qk_nope_head_dim": 4, "v_head_dim": 4}
"""What its sliding layers have in other sizes than the rest."""
INDEXED: Mapping[str, Any] = {
    "indexer_n_heads": 2,
    "indexer_kv_heads": 1,
    "indexer_head_dim": 8,
    "indexer_budget": 8,
    "indexer_compress_ratio": 2,
    "output_gate_type": "sigmoid",
}
ZAMBA: Mapping[str, Any] = {"attention_hidden_size": 64, "attention_head_dim": 16}
"""Attention reads the hidden state beside the embeddings, which makes it twice as wide."""

LATENT = (
    "axk1 axk2 bailing_hybrid deepseek_v3 deepseek_v32 glm4_moe_lite glm_moe_dsa kimi_linear "
    "longcat_flash minicpm3 youtu"
)

EXTRA: Mapping[str, Mapping[str, Any]] = {
    **dict.fromkeys(LATENT.split(), ALL_HEADS),
    **dict.fromkeys("hunyuan_v1_dense hunyuan_v1_moe ministral".split(), OWN_HEADS),
    **dict.fromkeys("gemma4_text gemma4_unified_text".split(), GEMMA4),
    "bamba": {"attn_layer_indices": [1, 3, 5]},
    "cohere_compass_text": {"rope_parameters": {F: ROPE, S: ROPE}},
    "dbrx": {"attn_config": {"rope_theta": 10_000.0, "clip_qkv": 8.0}},
    "deepseek_v2": {**ALL_HEADS, "num_experts_per_tok": 2},
    "dots1": {"n_routed_experts": 4, "n_shared_experts": 1, "num_experts_per_tok": 2},
    "dots3_note": {"text_config": ALL_HEADS},
    "dots3_note_text": {**ALL_HEADS, "per_layer_config": {layer: DOTS_WINDOWED for layer in (2, 3, 4)}},
    "gemma3n_text": {
        "num_hidden_layers": 8,
        "num_kv_shared_layers": 2,
        "layer_types": [S, S, S, F] * 2,
        "intermediate_size": [48] * 8,
        "activation_sparsity_pattern": [0.9] * 3 + [0.0] * 5,
        "hidden_size_per_layer_input": 8,
    },
    "gemma4": {"text_config": GEMMA4},
    "gemma4_unified": {"text_config": GEMMA4},
    "gpt_neo": {"attention_types": [[["global", "local"], 3]]},
    "granitemoehybrid": {"layer_types": ["mamba", F] * 3},
    "hy_v4": {"index_topk": 4},
    "inkling2_text": {"n_layers_per_attn_res_block": 2},
    "lfm2_moe": {"layer_types": ["conv", "conv", F] * 2},
    "mamba2": {"num_heads": 4, "head_dim": 16},
    "nemotron": {"num_key_value_heads": 2},
    "nemotron_h": {"layers_block_type": ["mamba", "moe", "attention", "mamba", "moe", "attention", "mamba", "mlp"]},
    "qwen2": {"use_sliding_window": True, "max_window_layers": 3},
    "qwen3": {"use_sliding_window": True, "max_window_layers": 3},
    "qwen3_moe": {"decoder_sparse_step": 2},
    "qwen4_exp": {"text_config": INDEXED},
    "qwen4_exp_text": INDEXED,
    "reformer": {
        "axial_pos_embds_dim": [16, 16],
        "axial_pos_shape": [8, 8],
        "hash_seed": 0,
        "local_attn_chunk_length": 8,
        "lsh_attn_chunk_length": 8,
        "num_buckets": 4,
    },
    "xlstm": {"chunk_size": 64},
    "xmod": {"default_language": "en_XX"},
    "zamba": {**ZAMBA, "num_hidden_layers": 8, "attn_layer_period": 2, "attn_layer_offset": 1},
    "zamba2": {**ZAMBA, "layers_block_type": ["linear_attention", "hybrid"] * 3},
    "zaya": {"num_experts_per_tok": 1},
}
"""Model type -> what its config needs besides; a mapping for a part of a config is meant for that part."""


def tiny_config(model_type: str) -> PretrainedConfig:
    """The usual config with every size of SIZES, and of its parts."""
    return _shrunk(CONFIG_MAPPING[model_type], EXTRA.get(model_type, {}))


def _shrunk(kind: type[PretrainedConfig], extra: Mapping[str, Any]) -> PretrainedConfig:
    usual = kind()
    fields = {name: SIZES[name] for name, value in vars(usual).items() if name in SIZES and _is_number(value)}
    parts = {
        name: _shrunk(type(part), extra.get(name, {}))
        for name in usual.sub_configs
        if isinstance(part := getattr(usual, name, None), PretrainedConfig)
    }
    return kind(**{**fields, **extra, **parts})


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float))
