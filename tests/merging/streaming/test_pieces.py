from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
import torch
from safetensors.torch import load_file, save_file

from mka.errors import BadInput, RunFailed
from mka.merging.averaging import PIECE
from mka.merging.checkpoint import save
from mka.merging.ledger import Ledger
from mka.merging.merge import merge
from mka.merging.streaming.checkpoint import merge_checkpoint
from mka.merging.streaming.passes import OpenFiles, same_bytes
from mka.merging.streaming.pieces import LONGEST, Bench, Range, ranges, reserve
from mka.merging.streaming.shards import lay_out
from mka.merging.streaming.source import open_source
from mka.merging.streaming.tensor_plan import Target, merged_target, tensor_plan
from mka.merging.streaming.written import check_written
from mka.models.files import stored_tensors, weight_files
from mka.models.loading import load
from mka.models.weightless import weightless
from mka.objects.plan import MergeGroup, MergePlan
from mka.planning.strategies import truncate
from tests.tiny import tiny_model_folder, tiny_network


def test_a_range_is_copied_to_its_place(tmp_path):
    content = os.urandom(2 * PIECE + 17)
    (tmp_path / "from").write_bytes(content)
    with ExitStack() as opened, ThreadPoolExecutor(1) as pool, (tmp_path / "to").open("wb") as out:
        bench = Bench(OpenFiles(opened), Ledger(pool))
        bench.copy(Range(tmp_path / "from", 5, len(content) - 4, 3), out.fileno())
        with pytest.raises(RunFailed, match="cut short"):
            bench.copy(Range(tmp_path / "from", 5, len(content) + 1, 3), out.fileno())
    assert (tmp_path / "to").read_bytes() == bytes(3) + content[5:-4]


@pytest.mark.parametrize("by_system", [True, False])
def test_a_files_bytes_are_set_aside(tmp_path, monkeypatch, by_system):
    if not by_system:
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
    with (tmp_path / "m").open("wb") as out:
        reserve(out.fileno(), 5000)
        assert os.fstat(out.fileno()).st_size == (5000 if hasattr(os, "posix_fallocate") else 0)
        os.pwrite(out.fileno(), b"end", 4997)
    assert (tmp_path / "m").read_bytes() == bytes(4997) + b"end"


def test_a_long_range_takes_in_no_more(tmp_path):
    long = Range(tmp_path, 0, LONGEST, 7)
    assert long.joined(Range(tmp_path, LONGEST, LONGEST + 1, LONGEST + 7)) is None
    short = Range(tmp_path, 1, LONGEST, 8)
    assert short.joined(Range(tmp_path, LONGEST, LONGEST + 1, LONGEST + 7)) == Range(tmp_path, 1, LONGEST + 1, 8, 2)


def test_neighbours_are_copied_as_one_range(tmp_path):
    """Of a model whose last layer goes, everything else lies as it lay."""
    source = open_source(tiny_model_folder(tmp_path))
    made = truncate(4, 1)
    config, _ = source.stack.remap_config(source.network.config, made.layer_map)
    network = weightless(config, source.dtype)
    tensors = tensor_plan(source, made, network).targets
    (shard,) = lay_out(tensors, parameters=network.num_parameters(), largest="1GB").shards
    found = ranges(shard)
    assert sum(one.tensors for one in found) == len(tensors) and len(found) == 2
    assert sum(one.end - one.begin for one in found) == sum(target.nbytes for target in tensors)


def test_equal_bytes(tmp_path):
    tensors = {"a": torch.arange(300_000), "b": torch.arange(300_000), "c": torch.arange(300_000).flip(0)}
    save_file(tensors | {"d": torch.arange(3)}, tmp_path / "model.safetensors")
    a, b, c, d = stored_tensors(weight_files(tmp_path))
    assert same_bytes(a, b) and not same_bytes(a, c) and not same_bytes(a, d)


@pytest.mark.parametrize("spoil", ["config", "missing", "dtype"])
def test_what_was_not_written_as_planned_is_seen(tmp_path, spoil):
    folder = tiny_model_folder(tmp_path)
    stored = {tensor.name: tensor for tensor in stored_tensors(weight_files(folder))}
    targets = [Target(name, one.dtype, one.shape, (one,), (1.0,)) for name, one in stored.items()]
    check_written(folder, targets, torch.float32)
    if spoil == "config":
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"intermediate_size": 48}))
    elif spoil == "missing":
        targets = targets[1:]
    else:
        tensors = load_file(folder / "model.safetensors")
        save_file({name: one.half() for name, one in tensors.items()}, folder / "model.safetensors")
    with pytest.raises(RunFailed, match="is not what its config describes"):
        check_written(folder, targets, torch.float32)
    (folder / "config.json").unlink()
    with pytest.raises(RunFailed, match="cannot be read back"):
        check_written(folder, targets, torch.float32)


def test_a_network_that_cannot_be_built_is_refused():
    config = tiny_network().config
    config.hidden_act = "no such function"
    with pytest.raises(BadInput, match=r"cannot be built without its weights .*merge in memory"):
        weightless(config, torch.float32)


def test_codes_are_merged_only_where_they_are_the_same(tmp_path):
    save_file(
        {name: torch.tensor([1, 2]) for name in "ab"} | {"c": torch.tensor([1, 3])}, tmp_path / "model.safetensors"
    )
    a, b, c = stored_tensors(weight_files(tmp_path))
    group = MergeGroup((1, 2), (0.5, 0.5))
    assert merged_target("n", "codes", group, [a, b]) == Target("n", "I64", (2,), (a,), (1.0,))
    with pytest.raises(BadInput, match="a and c hold I64 and differ"):
        merged_target("n", "codes", group, [a, c])


def test_a_streamed_model_is_merged_again_in_memory(tmp_path):
    folder = tiny_model_folder(tmp_path)
    made = MergePlan(4, (MergeGroup((1, 2), (0.5, 0.5)),))
    merge_checkpoint(folder, made, tmp_path / "m")
    save(merge(load(tmp_path / "m", device="cpu"), MergePlan(3)), tmp_path / "n")
    assert (
        load_file(tmp_path / "m" / "model.safetensors").keys() == load_file(tmp_path / "n" / "model.safetensors").keys()
    )
    shutil.rmtree(folder)
    assert load(tmp_path / "m", device="cpu").stack.depth == 3
