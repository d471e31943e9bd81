from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, PreTrainedTokenizerFast

from mka.errors import BadInput, Cancelled, RunFailed
from mka.merging.checkpoint import save
from mka.merging.folders import check_space
from mka.merging.merge import merge
from mka.merging.streaming.checkpoint import merge_checkpoint
from mka.models.lineage import own_plan
from mka.models.loading import load
from mka.objects.jsonable import jsonable
from mka.objects.plan import MergeGroup, MergePlan
from mka.objects.progress import Cancel
from mka.planning.planner import plan
from mka.planning.strategies import truncate
from tests.merging.models import IDS, LAYERS, PAIRS, loaded, logits, model_of, same_state
from tests.pickled import tensors_of, with_pickle
from tests.tiny import FAMILIES, tiny_model_folder, tiny_network

FILES = {
    "README.md",
    "config.json",
    "generation_config.json",
    "mka-plan.json",
    "mka-receipt.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
}


def merged_of(family="llama", **config):
    model = model_of(family, **config)
    return merge(model, plan(model, groups=[{"layers": [1], "method": "drop"}, PAIRS[family]]))


@pytest.fixture(scope="module")
def merged():
    return merged_of()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_plain_reader_gets_the_merged_model(tmp_path, family):
    merged = merged_of(family)
    receipt = save(merged, tmp_path / "m")
    network = AutoModelForCausalLM.from_pretrained(tmp_path / "m")
    assert network.config.get_text_config().num_hidden_layers == 4 and network.dtype == torch.float32
    assert torch.equal(logits(network), logits(merged.model)) and receipt.verified == 0
    asked = {"max_new_tokens": 10, "min_new_tokens": 10, "do_sample": False}
    written = [
        one.generate(IDS, use_cache=cache, **asked)
        for one in (network, merged.model.network)
        for cache in (True, False)
    ]
    assert all(torch.equal(one, written[0]) for one in written)
    text = "A word, 12 and é."
    reader = AutoTokenizer.from_pretrained(tmp_path / "m")
    assert reader(text)["input_ids"] == merged.model.tokenizer(text)["input_ids"]


def test_the_folder_holds_what_belongs_to_it(tmp_path, merged):
    receipt = save(merged, tmp_path / "m")
    assert set(os.listdir(tmp_path / "m")) == FILES and os.listdir(tmp_path) == ["m"]
    assert receipt.folder == str(tmp_path / "m")
    assert json.loads((tmp_path / "m" / "mka-receipt.json").read_text()) == jsonable(receipt)
    assert own_plan(tmp_path / "m") == merged.plan
    with safe_open(tmp_path / "m" / "model.safetensors", "pt") as file:
        assert set(file.keys()) == set(merged.model.network.state_dict())
    assert str(tmp_path) not in (tmp_path / "m" / "config.json").read_text()


def test_a_checkpoint_can_be_merged_and_saved_again(tmp_path, merged):
    save(merged, tmp_path / "once")
    model = load(tmp_path / "once", dtype="float32", device="cpu")
    assert model.fingerprint == merged.model.fingerprint
    again = merge(model, truncate(4, 1))
    save(again, tmp_path / "twice")
    in_memory = merge(merged.model, truncate(4, 1)).model
    assert same_state(AutoModelForCausalLM.from_pretrained(tmp_path / "twice"), in_memory.network)


def test_tied_embeddings_are_written_once_and_stay_tied(tmp_path):
    save(merged_of(tie_word_embeddings=True), tmp_path / "m")
    with safe_open(tmp_path / "m" / "model.safetensors", "pt") as file:
        assert "lm_head.weight" not in set(file.keys())
    network = AutoModelForCausalLM.from_pretrained(tmp_path / "m")
    assert network.get_output_embeddings().weight is network.get_input_embeddings().weight


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_stays_half_precision(tmp_path, dtype):
    model = load(tiny_model_folder(tmp_path, dtype=dtype), device="cpu")
    merged = merge(model, plan(model, groups=[[1, 2]]))
    assert merged.model.dtype == dtype and save(merged, tmp_path / "m").verified == 0
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "m").dtype == getattr(torch, dtype)


def test_sampling_settings_that_contradict_each_other_are_kept(tmp_path):
    model = model_of()
    model.network.generation_config = GenerationConfig(temperature=0.7, eos_token_id=2)
    merged = merge(model, truncate(LAYERS, 1))
    save(merged, tmp_path / "m")
    written = json.loads((tmp_path / "m" / "generation_config.json").read_text())
    assert (written["temperature"], written["eos_token_id"]) == (0.7, 2)
    assert merged.model.network.generation_config.temperature == 0.7


def test_a_model_that_puts_out_nan_is_saved_as_it_is(tmp_path):
    model = model_of()
    with torch.no_grad():
        model.network.model.norm.weight[0] = torch.nan
    assert save(merge(model, truncate(LAYERS, 1)), tmp_path / "m").verified == 0


def test_an_existing_folder_is_kept_unless_asked(tmp_path, merged):
    for name, content in (("m", "config.json"), ("other", "thesis.tex")):
        (tmp_path / name).mkdir()
        (tmp_path / name / content).write_text("mine")
    for overwrite, name, why in ((False, "m", "exists already"), (True, "other", "holds files but no model")):
        with pytest.raises(BadInput, match=why):
            save(merged, tmp_path / name, overwrite=overwrite)
    assert (tmp_path / "m" / "config.json").read_text() == "mine" and os.listdir(tmp_path / "other") == ["thesis.tex"]
    (tmp_path / "m" / "old.bin").write_text("mine")
    save(merged, tmp_path / "m", overwrite=True)
    assert set(os.listdir(tmp_path / "m")) == FILES and sorted(os.listdir(tmp_path)) == ["m", "other"]


def test_an_empty_folder_needs_leave_too(tmp_path, merged):
    (tmp_path / "m").mkdir()
    with pytest.raises(BadInput, match="exists already"):
        save(merged, tmp_path / "m")
    save(merged, tmp_path / "m", overwrite=True)
    assert set(os.listdir(tmp_path / "m")) == FILES


def test_no_folder_is_made_of_or_below_a_file(tmp_path, merged):
    (tmp_path / "file").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(BadInput, match="not a folder"):
            save(merged, tmp_path / "file", overwrite=overwrite)
        with pytest.raises(BadInput, match="below a file"):
            save(merged, tmp_path / "file" / "m", overwrite=overwrite)
    assert (tmp_path / "file").read_text() == "mine"


def test_the_source_is_never_overwritten(tmp_path):
    folder = tiny_model_folder(tmp_path)
    model = load(folder, dtype="float32", device="cpu")
    once = merge(model, truncate(4, 1))
    twice = merge(once.model, truncate(3, 1))
    for merged, place in ((once, folder), (twice, folder), (once, tmp_path)):
        with pytest.raises(BadInput, match="holds the model that was merged"):
            save(merged, place, overwrite=True)
    assert load(folder).fingerprint == model.fingerprint


SHORT_OF_SPACE = """
import resource, sys
from mka.errors import RunFailed
from mka.merging.checkpoint import save
from mka.merging.merge import merge
from mka.planning.strategies import truncate
from tests.merging.models import model_of

merged = merge(model_of(), truncate(6, 1))
for place in sys.argv[1:]:
    limit = int(place.rpartition("-")[2])
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        save(merged, place, overwrite=True)
    except RunFailed as error:
        print(error)
"""


def test_a_disk_that_fills_midway_leaves_what_was_there(tmp_path, merged):
    """A limit on the size of files stands for a full disk: at the config, the tokenizer and the weights."""
    places = [tmp_path / f"{kind}-{limit}" for limit in (100, 5_000, 40_000) for kind in ("old", "new")]
    for place in places[::2]:
        save(merged, place)
    before = {path: path.read_bytes() for path in tmp_path.glob("*/*")}
    asked = [sys.executable, "-c", SHORT_OF_SPACE, *map(str, places)]
    done = subprocess.run(asked, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    said = done.stdout.splitlines()
    assert len(said) == len(places)
    for place, line in zip(places, said, strict=True):
        assert line.startswith(f"{place} could not be written (")
    assert {path: path.read_bytes() for path in tmp_path.glob("*/*")} == before
    assert sorted(os.listdir(tmp_path)) == sorted(place.name for place in places[::2])


def test_too_little_space_is_seen_before_writing(tmp_path):
    free = shutil.disk_usage(tmp_path).free
    check_space(tmp_path / "new" / "m", free // 2)
    with pytest.raises(BadInput, match=r"the disk has .* left"):
        check_space(tmp_path / "new" / "m", 2 * free)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused(tmp_path, merged):
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(BadInput, match="you may not write to"):
        save(merged, tmp_path / "closed" / "m")


def spoilt_config(merged):
    """The config says another epsilon than the modules use, as where a rewritten config misses a field."""
    merged.model.network.config.rms_norm_eps = 0.5


def spoilt_numbers(merged):
    """Two layers fill the same part of the cache: seen with a cache alone."""
    merged.model.stack.layers[1].self_attn.layer_idx = 0


def spoilt_steps(merged):
    """A layer that errs on single tokens: seen only where one token is fed to a filled cache."""
    layer = merged.model.stack.layers[1]
    layer.register_forward_hook(lambda module, given, out: out + 1 if out.shape[1] == 1 else out)


@pytest.mark.parametrize("spoil", [spoilt_config, spoilt_numbers, spoilt_steps])
def test_a_model_that_does_not_come_back_as_it_was_is_not_written(tmp_path, spoil):
    merged = merged_of()
    before = logits(merged.model)
    spoil(merged)
    assert torch.equal(logits(merged.model), before)
    with pytest.raises(RunFailed, match=r"differs from the merged one by [\d.]+ in its logits"):
        save(merged, tmp_path / "m")
    assert os.listdir(tmp_path) == []


def test_where_the_source_cannot_be_fed_its_cache_the_logits_at_once_decide(tmp_path):
    """Such a model is saved; one that differs at once is not."""
    model = loaded(tiny_network("llama", LAYERS))
    model.stack.layers[0].register_forward_hook(takes_no_single_token)
    assert save(merge(model, truncate(LAYERS, 1)), tmp_path / "m").verified == 0
    merged = merge(model, truncate(LAYERS, 1))
    spoilt_config(merged)
    with pytest.raises(RunFailed, match="differs from the merged one"):
        save(merged, tmp_path / "other")


def takes_no_single_token(module, given, out):
    if out.shape[1] == 1:
        raise IndexError("list index out of range")


def test_an_architecture_that_keeps_its_cache_to_itself_is_compared_without(tmp_path):
    sizes = {"lru_width": 16, "head_dim": 4, "attention_window_size": 8}
    merged = merge(model_of("recurrent_gemma", **sizes), truncate(LAYERS, 1))
    assert save(merged, tmp_path / "m").verified == 0


class ShoutingTokenizer(PreTrainedTokenizerFast):
    """Reads everything as capitals, which no file of a tokenizer says."""

    def __call__(self, text, **options):
        return super().__call__(text.upper(), **options)


def test_a_tokenizer_that_does_not_come_back_as_it_was_is_not_written(tmp_path):
    merged = merged_of()
    shouting = ShoutingTokenizer(tokenizer_object=merged.model.tokenizer.backend_tokenizer)
    with pytest.raises(RunFailed, match="tokenizer"):
        save(replace(merged, model=replace(merged.model, tokenizer=shouting)), tmp_path / "m")
    assert os.listdir(tmp_path) == []


def test_a_model_that_cannot_be_read_back_is_not_written(tmp_path):
    merged = merged_of()
    merged.model.network.config.num_hidden_layers = 5
    with pytest.raises(RunFailed, match="cannot be loaded again") as refusal:
        save(merged, tmp_path / "m")
    assert os.listdir(tmp_path) == [] and "\n" not in str(refusal.value)


def stopping_at(stage):
    """A token, a progress callback that asks it to stop at `stage`, and the list of what was told."""
    cancel, told = Cancel(), []

    def progress(name, done, total):
        told.append((name, done, total))
        if done == stage:
            cancel.request()

    return cancel, progress, told


@pytest.mark.parametrize("stage", [0, 1])
def test_cancelling_leaves_nothing(tmp_path, merged, stage):
    cancel, progress, told = stopping_at(stage)
    with pytest.raises(Cancelled):
        save(merged, tmp_path / "m", progress=progress, cancel=cancel)
    assert os.listdir(tmp_path) == [] and told == [("save", done, 3) for done in range(stage + 1)]


def test_what_is_whole_is_not_cancelled_any_more(tmp_path, merged):
    cancel, progress, told = stopping_at(2)
    save(merged, tmp_path / "m", progress=progress, cancel=cancel)
    assert set(os.listdir(tmp_path / "m")) == FILES and told == [("save", done, 3) for done in range(4)]


def test_saving_leaves_the_merged_model_as_it_was(tmp_path, merged):
    answer, config = logits(merged.model), merged.model.network.generation_config
    state = {name: tensor.clone() for name, tensor in merged.model.network.state_dict().items()}
    save(merged, tmp_path / "m")
    assert torch.equal(logits(merged.model), answer) and merged.model.network.generation_config is config
    assert all(torch.equal(state[name], tensor) for name, tensor in merged.model.network.state_dict().items())
    assert merged.receipt.verified is None


def test_weights_1_and_0_and_deletion_write_the_same_weights(tmp_path):
    model = model_of()
    for name, group in (
        ("average", MergeGroup((2, 3), (1.0, 0.0))),
        ("drop", MergeGroup((3,), method="drop")),
    ):
        save(merge(model, MergePlan(LAYERS, (group,))), tmp_path / name)
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("average", "drop")]
    assert weights[0] == weights[1]


def test_a_model_that_trains_is_verified_without_its_dropout(tmp_path):
    merged = merged_of("gpt2")
    for model in (merged.source, merged.model):
        model.network.train()
    assert save(merged, tmp_path / "m").verified == 0 and merged.model.network.training


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_what_a_pickle_ties_and_the_config_does_not_is_written_twice(tmp_path, family):
    """A pickle may keep the head and the embeddings as one piece of memory, and two layers too."""
    folder = tiny_model_folder(tmp_path, family, tie_word_embeddings=False)
    entry, layers = ("transformer.wte", "transformer.h") if family == "gpt2" else ("model.embed_tokens", "model.layers")

    def tied(tensors):
        twice = {name.replace(".1.", ".3."): tensor for name, tensor in tensors.items() if f"{layers}.1." in name}
        return tensors | twice | {"lm_head.weight": tensors[f"{entry}.weight"]}

    model = load(with_pickle(folder, tmp_path / "pickled", tied), device="cpu")
    made = plan(model, groups=[[0, 1]])
    merged = merge(model, made)
    assert save(merged, tmp_path / "m").verified == 0
    assert torch.equal(logits(AutoModelForCausalLM.from_pretrained(tmp_path / "m")), logits(merged.model))
    merge_checkpoint(tmp_path / "pickled", made, tmp_path / "streamed")
    ours, theirs = (tensors_of(tmp_path / name) for name in ("m", "streamed"))
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert torch.equal(ours["lm_head.weight"], ours[f"{entry}.weight"])
