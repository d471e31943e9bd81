"""What weights are part of, by the names that real families give them."""

from __future__ import annotations

import pytest

from mka.models.tensor_parts import part_of, part_outside

NAMES = {
    "attention": """self_attn.q_proj.weight attn.c_attn.weight attention.query_key_value.weight
        self_attention.dense.bias
        linear_attn.in_proj_qkvz.weight linear_attn.conv1d.weight mamba.in_proj.weight mamba.A_log mixer.A_log
        self_attn.gate_proj.weight temporal_block.linear_x.weight conv.conv.weight mixer.q_proj.weight""",
    "MLP": """mlp.gate_proj.weight mlp.c_fc.weight mlp.c_proj.bias mlp.dense_h_to_4h.weight feed_forward.w1.weight
        fc1.weight mlp.gate.weight block_sparse_moe.gate.weight mlp_block.up_proj.weight ffn.layer.weight
        mixer.up_proj.weight""",
    "experts": """mlp.experts.gate_up_proj mlp.shared_expert.up_proj.weight feed_forward.experts.down_proj
        mlp.shared_experts.down_proj.weight""",
    "norms": """input_layernorm.weight ln_1.bias self_attn.q_norm.weight final_layer_norm.weight norm_1.weight
        ln1.weight linear_attn.norm.weight pre_ln.weight""",
    "other": "layer_scalar per_layer_input_gate.weight",
}


@pytest.mark.parametrize(("part", "name"), [(part, name) for part, names in NAMES.items() for name in names.split()])
def test_in_a_layer(part: str, name: str) -> None:
    assert part_of(name, 2) == part


def test_experts_stacked_into_one_block_are_told_by_their_dimensions() -> None:
    assert part_of("block_sparse_moe.input_linear.weight", 3) == "experts"
    assert part_of("block_sparse_moe.input_linear.weight", 2) == "MLP"
    assert part_of("mamba.conv1d.weight", 3) == "attention"


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("model.norm.weight", "norms"),
        ("transformer.ln_f.bias", "norms"),
        ("transformer.wpe.weight", "embedding"),
        ("model.decoder.embed_positions.weight", "embedding"),
        ("model.embedding_norm.weight", "norms"),
        ("model.vision.patch.weight", "other"),
    ],
)
def test_outside_the_layers(name: str, part: str) -> None:
    assert part_outside(name) == part
