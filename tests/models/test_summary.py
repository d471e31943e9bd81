"""Counts against the shapes of the architecture, worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from huggingface_hub import HfApi
from transformers import AutoModelForCausalLM

from mka.errors import BadInput
from mka.merging.merge import merge
from mka.models.loaded import LoadedModel
from mka.models.loading import load
from mka.models.memory import estimate
from mka.models.summary import summarize
from mka.objects.model_summary import TensorSummary
from mka.objects.plan import MergeGroup, MergePlan
from tests.architectures.tiny_configs import tiny_config
from tests.merging.models import loaded, model_of
from tests.tiny import FAMILIES, tiny_model_folder


def test_llama_by_hand(tiny_llama: LoadedModel) -> None:
    found = summarize(tiny_llama)
    attention = 16 * 16 + 2 * 16 * 8 + 16 * 16  # query, key and value of 2 heads of 4, output
    layer = attention + 3 * 16 * 32 + 2 * 16  # the MLP's three matrices, two norms
    assert [(one.index, one.type, one.parameters, one.bytes, one.shape_class) for one in found.per_layer] == [
        (index, "full_attention", layer, 4 * layer, 0) for index in range(4)
    ]
    assert (found.embedding_parameters, found.head_parameters, found.other_parameters) == (259 * 16, 259 * 16, 16)
    assert found.parameters == 2 * 259 * 16 + 4 * layer + 16
    assert found.bytes == 4 * found.parameters
    assert found.cache_bytes_per_token == 2 * (2 * 4) * 4 * 4  # key and value, 2 heads of 4, float32, 4 layers
    assert (found.architecture, found.model_type, found.source) == ("LlamaForCausalLM", "llama", tiny_llama.source)
    assert (found.layers, found.hidden_size, found.vocabulary, found.context) == (4, 16, 259, 128)
    assert (found.layer_path, found.depth_key, found.per_layer_fields) == ("model.layers", "num_hidden_layers", ())
    assert (found.tied_embeddings, found.dtype, found.fingerprint) == (False, "float32", tiny_llama.fingerprint)


def test_gpt2_by_hand(tmp_path: Path) -> None:
    found = summarize(load(tiny_model_folder(tmp_path, "gpt2"), dtype="bfloat16", device="cpu"))
    layer = (16 * 48 + 48) + (16 * 16 + 16) + (16 * 64 + 64) + (64 * 16 + 16) + 4 * 16
    assert [one.parameters for one in found.per_layer] == [layer] * 4
    assert (found.tied_embeddings, found.embedding_parameters, found.head_parameters) == (True, 259 * 16, 0)
    assert found.other_parameters == 128 * 16 + 2 * 16  # positions, final norm
    assert found.bytes == 2 * found.parameters
    assert found.cache_bytes_per_token == 2 * (4 * 4) * 2 * 4
    assert (found.hidden_size, found.context, found.depth_key) == (16, 128, "n_layer")


@pytest.mark.parametrize("family", FAMILIES)
def test_the_parts_are_the_whole(family: str, tmp_path: Path) -> None:
    model = load(tiny_model_folder(tmp_path, family), device="cpu")
    found = summarize(model)
    layers = sum(layer.parameters for layer in found.per_layer)
    assert found.embedding_parameters + found.head_parameters + found.other_parameters + layers == found.parameters
    assert found.parameters == model.network.num_parameters()
    assert found.bytes == model.network.get_memory_footprint(return_buffers=False)
    assert found.layer_types == model.stack.layer_types == tuple(layer.type for layer in found.per_layer)


def test_llama_by_part_by_hand(tiny_llama: LoadedModel) -> None:
    found = summarize(tiny_llama)
    attention, mlp = 16 * 16 + 2 * 16 * 8 + 16 * 16, 3 * 16 * 32
    counts = {"embedding": 259 * 16, "attention": 4 * attention, "MLP": 4 * mlp, "norms": 9 * 16, "head": 259 * 16}
    assert [(one.name, one.parameters, one.bytes) for one in found.parts] == [
        (name, count, 4 * count) for name, count in counts.items()
    ]
    assert len(found.layer_tensors) == 1 and found.refusals == ()
    assert TensorSummary("mlp.down_proj.weight", (16, 32), "MLP") in found.layer_tensors[0]
    assert [(one.name, one.shape, one.part) for one in found.outside] == [
        ("model.embed_tokens.weight", (259, 16), "embedding"),
        ("model.norm.weight", (16,), "norms"),
        ("lm_head.weight", (259, 16), "head"),
    ]


@pytest.mark.parametrize("family", [*FAMILIES, "mixtral"])
def test_the_tensors_are_the_whole(family: str, tmp_path: Path) -> None:
    model = load(tiny_model_folder(tmp_path, family), device="cpu")
    found = summarize(model)
    in_layers = [tensor for layer in found.per_layer for tensor in found.layer_tensors[layer.shape_class]]
    listed = [*in_layers, *found.outside]
    assert sum(one.parameters for one in listed) == found.parameters == sum(one.parameters for one in found.parts)
    for part in found.parts:
        assert sum(one.parameters for one in listed if one.part == part.name) == part.parameters
    assert {one.part for one in listed} == {one.name for one in found.parts} and "other" not in {
        one.part for one in listed
    }
    assert any(layer.experts for layer in found.per_layer) == (family == "mixtral")


def test_layers_that_cannot_go_say_the_merges_own_sentence() -> None:
    model = model_of("gpt2", scale_attn_by_inverse_layer_idx=True)
    (refusal,) = summarize(model).refusals
    with pytest.raises(BadInput) as caught:
        merge(model, MergePlan(6, (MergeGroup((2,), method="drop"),)))
    assert refusal.layers == (0, 1, 2, 3, 4) and refusal.why == str(caught.value)


def test_the_cache_is_what_a_real_one_holds(tmp_path: Path) -> None:
    for family in FAMILIES:
        model = load(tiny_model_folder(tmp_path, family), device="cpu")
        tokens = torch.arange(3, 9)[None]  # shorter than every window
        with torch.no_grad():
            cache = model.network(tokens, use_cache=True).past_key_values
        held = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
        assert summarize(model).cache_bytes_per_token * 6 == held


@pytest.mark.parametrize("model_type", ["gemma4_text", "rwkv"])
def test_the_cache_of_layers_that_differ_or_keep_none(model_type: str) -> None:
    """Gemma 4's full layers have wider heads, and its last ones none of their own; RWKV has no keys at all."""
    network = AutoModelForCausalLM.from_config(tiny_config(model_type), dtype=torch.float32)
    held = 0
    if model_type == "gemma4_text":
        with torch.no_grad():
            cache = network(torch.arange(3, 9)[None], use_cache=True).past_key_values
        held = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers if layer.keys is not None)
        assert held > 0
    assert summarize(loaded(network)).cache_bytes_per_token * 6 == held


def test_a_layer_shared_by_two_places_counts_once(tmp_path: Path) -> None:
    model = load(tiny_model_folder(tmp_path), device="cpu")
    model.stack.layers[2] = model.stack.layers[1]
    found = summarize(replace(model, stack=type(model.stack).of(model.network)))
    assert found.per_layer[2].parameters == 0 and found.per_layer[1].parameters > 0
    assert found.parameters == model.network.num_parameters()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_estimate_is_what_loading_takes(family: str, tmp_path: Path) -> None:
    folder = tiny_model_folder(tmp_path, family, dtype="bfloat16", max_shard_size="20KB")
    for dtype in ("auto", "float32", "bfloat16", "float16"):
        assert estimate(folder, dtype=dtype) == summarize(load(folder, dtype=dtype, device="cpu")).bytes


@pytest.mark.parametrize(
    ("counts", "dtype", "expected"),
    [
        ({"BF16": 500, "F32": 20}, "auto", 2 * 500 + 4 * 20),
        ({"BF16": 500, "F32": 20}, "float32", 4 * 520),
        ({"BF16": 500, "F32": 20}, "bfloat16", 2 * 520),
        ({"NEW9": 500}, "float32", 70 + 7),
        (None, "float32", 70 + 7),
    ],
)
def test_the_hub_is_asked_for_counts_else_for_sizes(
    counts: dict[str, int] | None, dtype: str, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = {"a.safetensors": 70, "b.safetensors": 7, "pytorch_model.bin": 900}
    files = [SimpleNamespace(rfilename=name, size=size) for name, size in sizes.items()]
    told = SimpleNamespace(siblings=files, safetensors=counts and SimpleNamespace(parameters=counts))
    monkeypatch.setattr(HfApi, "model_info", lambda *asked, **options: told)
    assert estimate("owner/name", dtype=dtype) == expected


def test_the_hubs_pickles_count_where_it_has_no_safetensors(monkeypatch: pytest.MonkeyPatch) -> None:
    files = [SimpleNamespace(rfilename="pytorch_model.bin", size=900), SimpleNamespace(rfilename="a.onnx", size=5)]
    told = SimpleNamespace(siblings=files, safetensors=None)
    monkeypatch.setattr(HfApi, "model_info", lambda *asked, **options: told)
    assert estimate("owner/name") == 900
    told.siblings = files[1:]
    with pytest.raises(BadInput, match=r"holds neither safetensors nor pytorch_model\.bin"):
        estimate("owner/name")


def test_a_tied_tensor_of_a_pickle_counts_once(tmp_path: Path) -> None:
    matrix = torch.zeros(3, 5)
    torch.save({"in": matrix, "out": matrix.detach(), "part": matrix[:1]}, tmp_path / "pytorch_model.bin")
    assert estimate(tmp_path) == 4 * (15 + 5)
    assert estimate(tmp_path, dtype="bfloat16") == 2 * (15 + 5)
