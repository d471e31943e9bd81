"""Which projections write into the residual stream, against the names that the architectures give them."""

from __future__ import annotations

import pytest

from mka.errors import BadInput
from mka.merging.repair.passes import batches_for
from mka.merging.repair.writers import writers_of
from mka.objects.texts import Text, TextSet
from tests.architectures.survey import tiny_network as of_any_type
from tests.merging.models import loaded, model_of
from tests.merging.repair.texts import TEXTS
from tests.tiny import tiny_network

SET = TextSet(tuple(map(Text, TEXTS)), "texts")
NAMES = {
    "llama": ["self_attn.o_proj", "mlp.down_proj"],
    "qwen2": ["self_attn.o_proj", "mlp.down_proj"],
    "qwen3": ["self_attn.o_proj", "mlp.down_proj"],
    "mistral": ["self_attn.o_proj", "mlp.down_proj"],
    "phi3": ["self_attn.o_proj", "mlp.down_proj"],
    "phi": ["self_attn.dense", "mlp.fc2"],
    "gpt2": ["attn.c_proj", "mlp.c_proj"],
    "gpt_neox": ["attention.dense", "mlp.dense_4h_to_h"],
}


@pytest.mark.parametrize("family", NAMES)
def test_they_are_found_by_running_the_layer(family):
    model = model_of(family)
    writers = writers_of(model, 2, batches_for(model, SET)[0])
    assert [writer.name for writer in writers] == NAMES[family]
    assert writers[-1].matrix.shape == (64 if family == "gpt2" else 32, 16)


@pytest.mark.parametrize("config", [{"use_parallel_residual": False}, {"use_parallel_residual": True}])
def test_side_by_side_or_one_behind_the_other(config):
    model = model_of("gpt_neox", **config)
    assert len(writers_of(model, 0, batches_for(model, SET)[0])) == 2


@pytest.mark.parametrize("family", ["gemma2", "gemma3", "olmo2"])
def test_a_norm_behind_the_projection_is_refused_by_name(family):
    model = loaded(tiny_network(family, 4))
    with pytest.raises(BadInput, match=rf"{type(model.network).__name__} cannot be repaired: layer 1 adds something"):
        writers_of(model, 1, batches_for(model, SET)[0])


def test_a_factor_behind_the_projection_is_refused():
    model = loaded(tiny_network("granite", 4, residual_multiplier=0.5))
    with pytest.raises(BadInput, match="a norm, a factor or experts"):
        writers_of(model, 1, batches_for(model, SET)[0])


def test_experts_are_refused():
    model = loaded(tiny_network("mixtral", 4, num_local_experts=3, num_experts_per_tok=2))
    with pytest.raises(BadInput, match="MixtralForCausalLM cannot be repaired"):
        writers_of(model, 1, batches_for(model, SET)[0])


@pytest.mark.parametrize("model_type", ["cpmant", "deepseek_v4", "gemma3n_text", "prophetnet", "xlnet"])
def test_a_stream_that_is_not_one_vector_for_each_token_is_refused_by_name(model_type):
    """Tokens before the text, streams side by side, tokens before texts."""
    model = loaded(of_any_type(model_type))
    with pytest.raises(BadInput, match=rf"{type(model.network).__name__} cannot be repaired: .*not one vector"):
        writers_of(model, 1, batches_for(model, SET)[0])


def test_what_is_added_to_a_writer_in_place_is_not_its_own():
    model = loaded(of_any_type("falcon"))  # attention, to the MLP's answer
    writers = writers_of(model, 1, batches_for(model, SET)[0])
    assert [writer.name for writer in writers] == ["self_attention.dense", "mlp.dense_4h_to_h"]


def test_experts_whose_answer_is_added_in_place_and_whose_router_answers_twice_are_refused():
    model = loaded(of_any_type("llama4_text"))
    with pytest.raises(BadInput, match="layer 1 adds something else"):
        writers_of(model, 1, batches_for(model, SET)[0])


def test_a_layer_that_returns_a_list_and_ends_in_a_norm_is_refused():
    model = loaded(of_any_type("openai-gpt"))
    with pytest.raises(BadInput, match="layer 1 adds something else"):
        writers_of(model, 1, batches_for(model, SET)[0])


def test_too_few_texts_are_refused():
    with pytest.raises(BadInput, match="at least 4 calibration texts"):
        batches_for(model_of("llama"), TextSet(SET.texts[:3], "mine"))
