"""A streamed merge beside the same merge in memory, byte for byte."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import mka.merging.checkpoint
import mka.merging.streaming.checkpoint
from mka.errors import BadInput, Cancelled, RunFailed
from mka.merging.averaging import PIECE
from mka.merging.checkpoint import save
from mka.merging.merge import merge
from mka.merging.streaming.checkpoint import merge_checkpoint
from mka.models.loading import load
from mka.objects.jsonable import jsonable
from mka.objects.plan import MergeGroup, MergePlan, Provenance
from mka.objects.progress import Cancel
from mka.planning.planner import plan
from mka.planning.strategies import truncate
from tests.merging.models import LAYERS, PAIRS
from tests.tiny import FAMILIES, tiny_model_folder

DIFFERENT = {"README.md", "mka-receipt.json"}
"""They tell whether the folder was loaded again."""
TOKENIZER = {"tokenizer.json", "tokenizer_config.json"}
"""Copied, where saving writes them anew."""


def both(tmp_path: Path, folder: Path, groups: list, **asked):
    """The folders and receipts of one merge, in memory and streamed."""
    model = load(folder, device="cpu")
    made = plan(model, groups=groups)
    kept = save(merge(model, made), tmp_path / "memory" / "m")
    streamed = merge_checkpoint(folder, made, tmp_path / "stream" / "m", **asked)
    return tmp_path / "memory" / "m", kept, tmp_path / "stream" / "m", streamed


def assert_same_files(memory: Path, stream: Path) -> None:
    assert sorted(os.listdir(memory)) == sorted(os.listdir(stream))
    for name in set(os.listdir(memory)) - DIFFERENT - TOKENIZER:
        assert (memory / name).read_bytes() == (stream / name).read_bytes(), name


@pytest.mark.parametrize("family", FAMILIES)
def test_every_file_is_that_of_the_merge_in_memory(tmp_path, family):
    folder = tiny_model_folder(tmp_path, family, LAYERS, dtype="bfloat16", max_shard_size="20KB")
    pair = {"layers": PAIRS[family], "weights": [0.3, 0.7]}
    memory, kept, stream, streamed = both(tmp_path, folder, [{"layers": [1], "method": "drop"}, pair])
    assert_same_files(memory, stream)
    told, ours = jsonable(kept), jsonable(streamed)
    assert told["changes"] and (ours.pop("verified"), told.pop("verified")) == (None, 0.0)
    assert ours.pop("folder") == str(stream) and told.pop("folder") == str(memory)
    assert ours == told
    assert json.loads((stream / "mka-receipt.json").read_text()) == jsonable(streamed)


GROUPS = {
    "slerp": [{"layers": [2, 4], "method": "slerp", "weights": [0.3, 0.7]}],
    "rdsc": [{"layers": [1, 2, 3], "method": "rdsc"}],
    "kinds and keep": [
        {"layers": [1, 2], "weights": [0.5, 0.5], "kinds": {"norms": [1, 0], "mlp": [0, 1]}},
        {"layers": [3, 5], "method": "keep", "layer": 5},
    ],
    "projections": [{"layers": [1, 2, 3], "weights": [0.2, 0.3, 0.5], "tensors": "projections"}],
    "first is left out": [{"layers": [1, 2, 3], "weights": [0, 0.3, 0.7]}],
    "one layer alone": [{"layers": [1, 2], "weights": [0, 1]}],
    "nothing": [],
}


@pytest.mark.parametrize("dtype", ["float32", "float16", "float64"])
@pytest.mark.parametrize("groups", GROUPS.values(), ids=GROUPS)
def test_every_method_and_dtype(tmp_path, groups, dtype):
    folder = tiny_model_folder(tmp_path, layers=LAYERS, dtype=dtype)
    memory, kept, stream, streamed = both(tmp_path, folder, groups)
    assert_same_files(memory, stream)
    assert (streamed.changes, streamed.hash) == (kept.changes, kept.hash)
    assert streamed.shared_tensors == kept.shared_tensors


def test_tensors_longer_than_a_piece(tmp_path):
    folder = tiny_model_folder(tmp_path, layers=3, hidden=256, dtype="bfloat16", intermediate_size=2100)
    assert PIECE < 256 * 2100
    memory, kept, stream, streamed = both(tmp_path, folder, [[1, 2]])
    assert_same_files(memory, stream)
    assert (streamed.changes, streamed.hash) == (kept.changes, kept.hash)


@pytest.mark.parametrize("largest", ["5KB", "20KB"])
def test_shards_and_index_are_those_of_transformers(tmp_path, monkeypatch, largest):
    for module in (mka.merging.checkpoint, mka.merging.streaming.checkpoint):
        monkeypatch.setattr(module, "SHARD", largest)
    folder = tiny_model_folder(tmp_path, layers=LAYERS, dtype="bfloat16", tie_word_embeddings=True)
    memory, _, stream, _ = both(tmp_path, folder, [[1, 2]])
    assert (stream / "model.safetensors.index.json").is_file() and len(list(stream.glob("*.safetensors"))) > 1
    assert_same_files(memory, stream)


def test_experts_that_the_files_hold_one_by_one(tmp_path):
    folder = tiny_model_folder(tmp_path, "mixtral", LAYERS, num_local_experts=4)
    pair = {"layers": [2, 3], "weights": [0.3, 0.7], "experts": "by-index"}
    memory, _, stream, streamed = both(tmp_path, folder, [{"layers": [1], "method": "drop"}, pair])
    assert_same_files(memory, stream)
    assert any(".experts.3.w1.weight" in change.name for change in streamed.changes)
    assert len(streamed.warnings) == 1 and "experts of layers 2, 3" in streamed.warnings[0]
    with pytest.raises(BadInput, match=r"in another form than the model does; merge in memory"):
        both(tmp_path / "again", folder, [pair | {"method": "slerp"}])
    with pytest.raises(BadInput, match="holds experts"):
        both(tmp_path / "once more", folder, [[2, 3]])


def test_each_tensor_keeps_the_dtype_it_is_stored_in(tmp_path):
    folder = tiny_model_folder(tmp_path, layers=LAYERS, dtype="bfloat16")
    stored = load_file(folder / "model.safetensors")
    for name in stored:
        if "layernorm" in name or name.startswith("model.layers.2."):
            stored[name] = stored[name].to(torch.float32) * 1.001
    save_file(stored, folder / "model.safetensors", metadata={"format": "pt"})
    made = MergePlan(LAYERS, (MergeGroup((1, 2), (0.25, 0.75)), MergeGroup((3,), method="drop")))
    merge_checkpoint(folder, made, tmp_path / "m")
    written = load_file(tmp_path / "m" / "model.safetensors")
    assert written["model.layers.1.mlp.up_proj.weight"].dtype == torch.bfloat16
    assert written["model.layers.2.input_layernorm.weight"].dtype == torch.float32
    for suffix in ("mlp.up_proj.weight", "input_layernorm.weight"):
        one, other = (stored[f"model.layers.{layer}.{suffix}"].double() for layer in (1, 2))
        found = written[f"model.layers.1.{suffix}"]
        assert torch.equal(found, (0.25 * one + 0.75 * other).to(found.dtype))
    assert torch.equal(written["model.layers.2.mlp.up_proj.weight"], stored["model.layers.4.mlp.up_proj.weight"])


def test_verifying_loads_both_and_compares_logits(tmp_path):
    folder = tiny_model_folder(tmp_path, layers=LAYERS, dtype="bfloat16")
    _, kept, stream, streamed = both(tmp_path, folder, [[1, 2]], verify=True)
    assert streamed.verified == kept.verified == 0
    assert "was loaded again" in (stream / "README.md").read_text()
    assert "the model itself was not run" not in (stream / "README.md").read_text()


def test_the_card_says_what_was_checked(tmp_path, tiny_llama_folder):
    merge_checkpoint(tiny_llama_folder, truncate(4, 1), tmp_path / "m")
    card = (tmp_path / "m" / "README.md").read_text()
    assert "the model itself was not run" in card and "was loaded again" not in card


def test_a_model_without_a_generation_config_of_its_own(tmp_path):
    folder = tiny_model_folder(tmp_path, layers=LAYERS)
    (folder / "generation_config.json").unlink()
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates" / "tools.jinja").write_text("{{ messages }}")
    _, _, stream, _ = both(tmp_path, folder, [[1, 2]])
    assert (stream / "additional_chat_templates" / "tools.jinja").read_text() == "{{ messages }}"
    written = [
        json.loads((path / "generation_config.json").read_text()) for path in (tmp_path / "memory" / "m", stream)
    ]
    assert written[0] == written[1]


def test_a_tied_head_that_is_stored_nevertheless_stays(tmp_path):
    folder = tiny_model_folder(tmp_path, tie_word_embeddings=True)
    stored = load_file(folder / "model.safetensors")
    stored["lm_head.weight"] = stored["model.embed_tokens.weight"].clone()
    save_file(stored, folder / "model.safetensors", metadata={"format": "pt"})
    receipt = merge_checkpoint(folder, truncate(4, 1), tmp_path / "m", verify=True)
    assert "lm_head.weight" in load_file(tmp_path / "m" / "model.safetensors") and receipt.verified == 0


def test_what_the_class_ignores_is_left_out(tmp_path):
    folder = tiny_model_folder(tmp_path, "gpt2")
    stored = load_file(folder / "model.safetensors")
    stored["transformer.h.0.attn.bias"] = torch.ones(1, 1, 4, 4)
    save_file(stored, folder / "model.safetensors", metadata={"format": "pt"})
    merge_checkpoint(folder, truncate(4, 1), tmp_path / "m")
    assert "transformer.h.0.attn.bias" not in load_file(tmp_path / "m" / "model.safetensors")


def test_the_texts_of_an_earlier_merge_are_named_too(tmp_path):
    folder = tiny_model_folder(tmp_path, layers=LAYERS)
    first = MergePlan(LAYERS, (MergeGroup((1, 2), (0.5, 0.5)),), provenance=Provenance(text_hashes=("one",)))
    merge_checkpoint(folder, first, tmp_path / "once")
    second = MergePlan(LAYERS - 1, (MergeGroup((1, 2), (0.5, 0.5)),), provenance=Provenance(text_hashes=("two",)))
    merge_checkpoint(tmp_path / "once", second, tmp_path / "twice")
    assert load(tmp_path / "twice", device="cpu").text_hashes == ("two", "one")


def test_the_source_may_stay_where_it_is(tmp_path):
    folder = tiny_model_folder(tmp_path)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    merge_checkpoint(folder, truncate(4, 1), tmp_path / "m")
    shutil.rmtree(tmp_path / "m")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_progress_counts_tensors_and_cancelling_leaves_nothing(tmp_path, tiny_llama_folder):
    told, cancel = [], Cancel()
    made = MergePlan(4, (MergeGroup((1, 2), (0.5, 0.5)),))
    merge_checkpoint(tiny_llama_folder, made, tmp_path / "m", progress=lambda *step: told.append(step))
    tensors = len(load_file(tmp_path / "m" / "model.safetensors"))
    assert told[0] == ("stream", 0, tensors) and told[-1] == ("stream", tensors, tensors)
    assert [step[1] for step in told] == sorted({step[1] for step in told})

    def stopping(stage, done, total):
        if done >= 5:
            cancel.request()

    with pytest.raises(Cancelled):
        merge_checkpoint(tiny_llama_folder, made, tmp_path / "n", progress=stopping, cancel=cancel)
    assert os.listdir(tmp_path) == ["m"]


def test_a_repair_is_refused_with_the_way_out(tmp_path, tiny_llama_folder):
    with pytest.raises(BadInput, match="leave --stream out"):
        merge_checkpoint(tiny_llama_folder, MergePlan(4, repair="linear"), tmp_path / "m")


def test_the_same_limits_as_in_memory(tmp_path):
    folder = tiny_model_folder(tmp_path, "gemma2", LAYERS)
    for made, why in (
        (MergePlan(LAYERS, (MergeGroup((2, 3), (0.5, 0.5)),)), "layer 2 is sliding_attention"),
        (MergePlan(5), "for 5 layers, but the model has 6"),
    ):
        with pytest.raises(BadInput, match=why):
            merge_checkpoint(folder, made, tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_a_file_that_shrinks_meanwhile(tmp_path):
    folder = tiny_model_folder(tmp_path)

    def cutting(stage, done, total):
        with (folder / "model.safetensors").open("r+b") as file:
            file.truncate(5_000)

    for groups in ((), (MergeGroup((1, 2), (0.5, 0.5)),)):
        fresh = tiny_model_folder(tmp_path)
        with pytest.raises(RunFailed, match="cut short while it was read"):
            merge_checkpoint(fresh, MergePlan(4, groups), tmp_path / "m", progress=cutting)
    assert not (tmp_path / "m").exists()
