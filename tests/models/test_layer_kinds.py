"""What sets layers apart, and which of them read what another keeps."""

from __future__ import annotations

import pytest
from transformers import Gemma4TextConfig, GPT2Config, LlamaConfig, Qwen3MoeConfig, RwkvConfig, SmolLM3Config

from mka.errors import BadInput
from mka.models.layer_kinds import base_types_of, check_shared_caches, layer_types_of
from mka.models.per_layer_fields import remap_fields

FULL, SLIDING, SHARES = "full_attention", "sliding_attention", "reads the keys and values of another layer"


def gemma4(shared: int = 2, **fields: object) -> Gemma4TextConfig:
    types = [SLIDING, SLIDING, FULL, SLIDING, SLIDING, FULL]
    return Gemma4TextConfig(num_hidden_layers=6, layer_types=types, num_kv_shared_layers=shared, **fields)


def test_a_config_without_types_has_one() -> None:
    assert (
        layer_types_of(LlamaConfig(num_hidden_layers=3), 3) == layer_types_of(GPT2Config(n_layer=3), 3) == (FULL,) * 3
    )
    assert layer_types_of(RwkvConfig(num_hidden_layers=3), 3) == ("recurrent",) * 3


def test_layers_of_one_word_are_told_apart() -> None:
    config = SmolLM3Config(num_hidden_layers=4, no_rope_layers=[1, 1, 1, 0])
    assert layer_types_of(config, 4) == (*[f"{FULL}, no_rope_layers 1"] * 3, f"{FULL}, no_rope_layers 0")
    assert layer_types_of(SmolLM3Config(num_hidden_layers=4, no_rope_layers=[1] * 4), 4) == (FULL,) * 4


def test_readers_of_other_layers_are_another_kind() -> None:
    assert layer_types_of(gemma4(), 6) == (SLIDING, SLIDING, FULL, SLIDING, f"{SLIDING}, {SHARES}", f"{FULL}, {SHARES}")
    assert layer_types_of(gemma4(shared=0), 6) == base_types_of(gemma4(), 6)


def test_settings_of_single_layers_tell_them_apart() -> None:
    config = gemma4(shared=0, per_layer_config={0: {"intermediate_size": 8}, 2: {"head_dim": 64}, 5: {"head_dim": 64}})
    types = layer_types_of(config, 6)
    assert types[0] == f"{SLIDING}, intermediate_size 8" and types[2] == types[5]
    assert types[1] == types[3] and types[1] != types[0]


def test_settings_of_single_layers_move_with_them() -> None:
    config = gemma4(shared=0, per_layer_config={2: {"head_dim": 64}, 5: {"head_dim": 32}})
    new, changes = remap_fields(config, [0, 2, 4, 5])
    again = type(new).from_dict(new.to_dict())
    for one in (new, again):
        assert [one.per_layer_config[layer].head_dim for layer in range(4)] == [256, 64, 256, 32]
    assert {name for name, _, _ in changes} == {"layer_types", "per_layer_config", "num_hidden_layers"}


def test_a_config_that_its_class_would_correct_is_refused() -> None:
    with pytest.raises(BadInput, match=r"it takes layer_types = .* for ") as caught:
        remap_fields(gemma4(shared=0), [0, 1, 2, 3])
    assert "\n" not in str(caught.value)


def test_what_others_read_stays() -> None:
    check_shared_caches(gemma4(), 6, [(0,), (2,), (3,), (4,), (5,)])
    check_shared_caches(gemma4(), 6, [(0,), (1,), (2,), (5,)])
    check_shared_caches(gemma4(shared=0), 6, [(0,), (5,)])
    for layer_map, words in (
        ([(0,), (1,), (2,), (4,), (5,)], "layer 4 reads the keys and values of layer 3"),
        ([(0,), (1, 3), (4,)], "layer 4 reads the keys and values of layer 3"),
        ([(0,), (3,), (5,)], "layer 5 reads the keys and values of layer 2"),
    ):
        with pytest.raises(BadInput, match=words):
            check_shared_caches(gemma4(), 6, layer_map)


def test_dense_and_sparse_layers_of_other_fields_keep_one_word() -> None:
    assert layer_types_of(Qwen3MoeConfig(num_hidden_layers=4, mlp_only_layers=[1]), 4) == (FULL,) * 4
