"""Each rule against its meaning: what the field says of every layer, restricted to the layers that stay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import (
    BeamConfig,
    Gemma3TextConfig,
    GPT2Config,
    GPTNeoConfig,
    JambaConfig,
    LlamaConfig,
    Qwen2Config,
    Qwen3MoeConfig,
    RecurrentGemmaConfig,
)

from mka.errors import BadInput
from mka.models import field_rules as rules
from mka.models.per_layer_fields import fields_of, remap_fields

DEPTH = 9

Says = Callable[[Any, int], list[bool]]
"""says(value, depth): of each layer, whether the field singles it out."""

MEANINGS: dict[str, tuple[rules.Rule, Says, st.SearchStrategy[Any]]] = {
    "indices": (
        rules.indices,
        lambda value, depth: [layer in value for layer in range(depth)],
        st.lists(st.integers(0, DEPTH - 1), unique=True),
    ),
    "first layers": (
        rules.first_layers,
        lambda value, depth: [layer < value for layer in range(depth)],
        st.integers(0, DEPTH + 5),
    ),
    "last layers": (
        rules.last_layers,
        lambda value, depth: [layer >= depth - value for layer in range(depth)],
        st.integers(0, DEPTH),
    ),
    "positions": (
        rules.by_position,
        lambda value, depth: value,
        st.lists(st.booleans(), min_size=DEPTH, max_size=DEPTH),
    ),
    "cycle": (
        rules.cycle,
        lambda value, depth: [value[layer % len(value)] for layer in range(depth)],
        st.lists(st.booleans(), min_size=1, max_size=4),
    ),
    "index keys": (
        rules.index_keys,
        lambda value, depth: [layer in value for layer in range(depth)],
        st.dictionaries(st.integers(0, DEPTH - 1), st.just("settings")),
    ),
}

origins = st.sets(st.integers(0, DEPTH - 1), min_size=1).map(sorted)


@pytest.mark.parametrize("name", MEANINGS)
@given(data=st.data(), origin=origins)
def test_says_the_same_of_the_layers_that_stay(name: str, data: st.DataObject, origin: Sequence[int]) -> None:
    rule, says, values = MEANINGS[name]
    value = data.draw(values)
    before = says(value, DEPTH)
    assert says(rule("field", value, origin, DEPTH), len(origin)) == [before[layer] for layer in origin]


@given(value=st.integers(0, DEPTH - 1), origin=origins)
def test_the_last_index_moves_or_is_refused(value: int, origin: Sequence[int]) -> None:
    before = [layer <= value for layer in origin]
    if not any(before):
        with pytest.raises(BadInput, match="'field' would name no layer"):
            rules.last_index("field", value, origin, DEPTH)
    else:
        found = rules.last_index("field", value, origin, DEPTH)
        assert [layer <= found for layer in range(len(origin))] == before


@given(period=st.integers(1, DEPTH), phase=st.integers(0, DEPTH), origin=origins)
def test_a_period_stays_only_where_it_says_the_same_of_the_layers_that_stay(
    period: int, phase: int, origin: Sequence[int]
) -> None:
    try:
        assert rules.counted_out("field", period, origin, DEPTH) == period
    except BadInput:
        return
    before = [layer % period == phase for layer in origin]
    assert [place % period == phase for place in range(len(origin))] == before


def test_a_whole_period_may_go() -> None:
    assert rules.counted_out("field", 3, [0, 1, 5, 6, 7, 8], DEPTH) == 3
    with pytest.raises(BadInput, match=r"'field' \(3\) makes layers differ"):
        rules.counted_out("field", 3, [0, 1, 6, 7, 8], DEPTH)


@given(period=st.integers(1, DEPTH), origin=origins)
def test_the_first_of_every_few_stays_the_first(period: int, origin: Sequence[int]) -> None:
    same = [layer % period == 0 for layer in origin] == [place % period == 0 for place in range(len(origin))]
    if same:
        assert rules.every_first("field", period, origin, DEPTH) == period
    else:
        with pytest.raises(BadInput, match="makes layers differ by their number"):
            rules.every_first("field", period, origin, DEPTH)


def test_what_the_depth_scales_stays_as_it_was() -> None:
    assert rules.over_root_of_depth("field", 1.4, [0, 2, 5, 8], DEPTH) / 4**0.5 == pytest.approx(1.4 / DEPTH**0.5)
    assert rules.over_root_of_depth("field", 1.4, range(DEPTH), DEPTH) == 1.4


def test_the_depth_under_a_second_name_follows() -> None:
    assert [rules.depth_again("field", value, [0, 1], DEPTH) for value in (DEPTH, 3)] == [2, 3]


def test_weights_rescaled_by_running_are_refused_where_any_are() -> None:
    assert [rules.rescaled_weights("field", value, [0, 2], DEPTH) for value in (0, DEPTH)] == [0, DEPTH]
    with pytest.raises(BadInput, match="set it to 0"):
        rules.rescaled_weights("field", DEPTH - 1, [0, 2], DEPTH)


def test_a_last_index_beyond_all_stays() -> None:
    assert [rules.last_index("field", value, [0, 2], DEPTH) for value in (-1, DEPTH)] == [-1, DEPTH]


def test_a_list_of_another_length_is_refused() -> None:
    with pytest.raises(BadInput, match="'field' has 2 entries for 9 layers"):
        rules.by_position("field", [1, 2], [0], DEPTH)


def test_keys_of_files_are_text() -> None:
    assert rules.index_keys("field", {"1": "a", "4": "b"}, [0, 4, 5], DEPTH) == {"1": "b"}


def test_a_config_without_such_fields_changes_its_depth_alone() -> None:
    config = LlamaConfig(num_hidden_layers=6)
    new, changes = remap_fields(config, [0, 5])
    assert fields_of(config) == ()
    assert changes == (("num_hidden_layers", "6", "2"),) and new.num_hidden_layers == 2


def test_every_layer_staying_changes_nothing() -> None:
    config = Qwen2Config(num_hidden_layers=6, use_sliding_window=True, max_window_layers=3)
    new, changes = remap_fields(config, range(6))
    assert changes == () and new.to_dict() == config.to_dict()


def test_a_period_that_a_list_writes_out_is_no_obstacle() -> None:
    config = Gemma3TextConfig(num_hidden_layers=7, sliding_window_pattern=3)
    new, _ = remap_fields(config, [1, 2, 5, 6])
    kinds = ["sliding_attention", "full_attention", "full_attention", "sliding_attention"]
    assert new.layer_types == kinds
    assert type(config).from_dict(new.to_dict()).layer_types == kinds


def test_a_period_without_a_list_is_refused_unless_the_last_layers_go() -> None:
    config = JambaConfig(num_hidden_layers=8, attn_layer_period=4, attn_layer_offset=1)
    with pytest.raises(BadInput, match=r"'attn_layer_period' \(4\) makes layers differ") as caught:
        remap_fields(config, [0, 2, 3])
    assert "\n" not in str(caught.value)
    assert remap_fields(config, [0, 1, 2])[1] == (("num_hidden_layers", "8", "3"),)


def test_a_period_of_experts_becomes_a_list() -> None:
    config = Qwen3MoeConfig(num_hidden_layers=6, decoder_sparse_step=2, mlp_only_layers=[3])

    def sparse(config: Any) -> list[bool]:
        layers = range(config.num_hidden_layers)
        return [i not in config.mlp_only_layers and (i + 1) % config.decoder_sparse_step == 0 for i in layers]

    assert sparse(config) == [False, True, False, False, False, True]
    new, changes = remap_fields(config, [1, 2, 3, 5])
    assert sparse(new) == [True, False, False, True]
    assert changes == (
        ("mlp_only_layers", "[3]", "[1, 2]"),
        ("decoder_sparse_step", "2", "1"),
        ("num_hidden_layers", "6", "4"),
    )
    assert (remap_fields(config, [0, 1, 2, 3])[0].decoder_sparse_step) == 2


def test_repeated_patterns_are_written_out() -> None:
    neo = GPTNeoConfig(num_layers=4, attention_types=[[["global", "local"], 2]])
    new, _ = remap_fields(neo, [0, 2, 3])
    assert new.attention_layers == ["global", "global", "local"]
    assert GPTNeoConfig.from_dict(new.to_dict()).attention_layers == new.attention_layers
    griffin = RecurrentGemmaConfig(num_hidden_layers=6)
    kept, _ = remap_fields(griffin, [0, 2, 3])
    assert list(kept.layers_block_type) == [griffin.layers_block_type[layer] for layer in (0, 2, 3)]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (GPT2Config(n_layer=4, scale_attn_by_inverse_layer_idx=True), "'scale_attn_by_inverse_layer_idx' makes every"),
        (BeamConfig(num_hidden_layers=4), "in beam models layers read what"),
    ],
)
def test_layers_that_compute_with_their_number_are_refused(config: Any, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        remap_fields(config, [0, 2])
    assert remap_fields(config, [0, 1])[0].num_hidden_layers == 2
