"""Folders of pickles merged by command, in memory and streamed: as their safetensors would be, or refused."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch

from mka.merging.streaming.checkpoint import merge_checkpoint
from mka.models.loading import load
from mka.objects.jsonable import jsonable
from mka.objects.plan import MergeGroup, MergePlan
from tests.cli.runner import mka, refused
from tests.merging.models import LAYERS, PAIRS
from tests.pickled import Bomb, Change, tensors_of, with_pickle, with_pickles
from tests.tiny import FAMILIES, tiny_model_folder

WAYS = {"memory": (), "stream": ("--stream",)}
MADE = MergePlan(4, (MergeGroup((1, 2), (0.3, 0.7)),))
PAPERS = {"README.md", "mka-receipt.json"}
"""They name the folder that was read."""
IN, OUT = "model.embed_tokens.weight", "lm_head.weight"


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(jsonable(MADE.to_json())))
    return path


def assert_same_files(one: Path, other: Path) -> None:
    assert sorted(os.listdir(one)) == sorted(os.listdir(other))
    for name in set(os.listdir(one)) - PAPERS:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("pack", [with_pickle, with_pickles], ids=["one", "shards"])
def test_a_stream_of_pickles_writes_what_one_of_safetensors_does(family, pack, tmp_path):
    folder = tiny_model_folder(tmp_path, family, LAYERS, dtype="bfloat16", max_shard_size="20KB")
    made = MergePlan(LAYERS, (MergeGroup(tuple(PAIRS[family]), (0.3, 0.7)),))
    expected = merge_checkpoint(folder, made, tmp_path / "a" / "m")
    receipt = merge_checkpoint(pack(folder, tmp_path / "pickled"), made, tmp_path / "b" / "m")
    assert (receipt.hash, receipt.source_fingerprint) == (expected.hash, expected.source_fingerprint)
    assert_same_files(tmp_path / "a" / "m", tmp_path / "b" / "m")


@pytest.mark.parametrize("order", [(IN, OUT), (OUT, IN)])
def test_a_tied_tensor_is_written_once(order, tmp_path):
    def tied(tensors):
        return {name: tensors[IN].detach() for name in order} | {k: v for k, v in tensors.items() if k != IN}

    folder = tiny_model_folder(tmp_path, tie_word_embeddings=True)
    merge_checkpoint(folder, MADE, tmp_path / "a" / "m")
    merge_checkpoint(with_pickle(folder, tmp_path / "pickled", tied), MADE, tmp_path / "b" / "m", verify=True)
    assert_same_files(tmp_path / "a" / "m", tmp_path / "b" / "m")


def test_one_tensor_in_two_places_of_a_network_is_written_to_both(tmp_path):
    def shared(tensors):
        return {**tensors, OUT: tensors[IN].detach()}

    folder = with_pickle(tiny_model_folder(tmp_path), tmp_path / "pickled", shared)
    merge_checkpoint(folder, MADE, tmp_path / "m", verify=True)
    written = tensors_of(tmp_path / "m")
    assert torch.equal(written[IN], written[OUT])
    assert load(tmp_path / "m", device="cpu").stack.depth == 3


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_the_command_reads_pickles_and_writes_safetensors(way, tmp_path, plan):
    folder = with_pickle(tiny_model_folder(tmp_path), tmp_path / "pickled")
    assert mka("merge", folder, plan, "--out", tmp_path / "m", *way).code == 0
    assert not list((tmp_path / "m").glob("*.bin")) and load(tmp_path / "m", device="cpu").stack.depth == 3


@pytest.mark.parametrize("form", [{}, {"_use_new_zipfile_serialization": False}], ids=["zip", "old"])
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_code_is_refused_and_never_run(way, form, tmp_path, plan):
    place = tmp_path / "ran"
    folder = with_pickle(tiny_model_folder(tmp_path), tmp_path / "m", lambda one: {**one, "x": Bomb(place)}, **form)
    assert "which runs no code, refuses it" in refused(mka("merge", folder, plan, "--out", tmp_path / "out", *way))
    assert not place.exists() and not (tmp_path / "out").exists()


def turned(tensors):
    name = "model.layers.3.mlp.up_proj.weight"
    return {**tensors, name: tensors[name].t().contiguous().t()}


LOOSE: dict[str, tuple[Change, dict[str, bool], str]] = {
    "old": (dict, {"_use_new_zipfile_serialization": False}, "before 1.6; merge in memory (without --stream)"),
    "turned": (turned, {}, "do not lie in one piece; merge in memory (without --stream)"),
}


@pytest.mark.parametrize("case", LOOSE)
def test_what_no_bytes_of_the_file_are_is_merged_in_memory_alone(case, tmp_path, plan):
    change, form, words = LOOSE[case]
    folder = with_pickle(tiny_model_folder(tmp_path), tmp_path / "pickled", change, **form)
    asked = ("merge", folder, plan, "--out", tmp_path / "m")
    assert words in refused(mka(*asked, "--stream"))
    assert not (tmp_path / "m").exists()
    assert mka(*asked).code == 0


def cut_short(folder: Path) -> None:
    path = min(folder.glob("*.bin"))
    os.truncate(path, path.stat().st_size - 100)


def missing_shard(folder: Path) -> None:
    min(folder.glob("*.bin")).unlink()


def absent_tensor(folder: Path) -> None:
    index = folder / "pytorch_model.bin.index.json"
    told = json.loads(index.read_text())
    told["weight_map"]["model.layers.9.w"] = min(folder.glob("*.bin")).name
    index.write_text(json.dumps(told))


def tensor_in_two_shards(folder: Path) -> None:
    one, other = sorted(folder.glob("*.bin"))[:2]
    torch.save(torch.load(one) | torch.load(other), other)


SPOILT = {
    cut_short: "is damaged or cut short",
    missing_shard: "does not hold; copy it there",
    absent_tensor: "holds the tensor model.layers.9.w, which it does not",
    tensor_in_two_shards: "keep the shards of one model",
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize(("spoil", "said"), SPOILT.items(), ids=lambda one: getattr(one, "__name__", ""))
def test_a_spoilt_folder(tmp_path, plan, way, spoil, said):
    folder = with_pickles(tiny_model_folder(tmp_path, max_shard_size="20KB"), tmp_path / "pickled")
    spoil(folder)
    assert said in refused(mka("merge", folder, plan, "--out", tmp_path / "out" / "m", *way))
    assert not (tmp_path / "out").exists()
