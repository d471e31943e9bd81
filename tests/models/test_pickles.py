"""Weights that torch.save wrote, beside the safetensors of the same tensors; and files that only look like such."""

from __future__ import annotations

import shutil
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from mka.analysis.weights import layer_parameters
from mka.errors import BadInput
from mka.merging.checkpoint import save
from mka.merging.merge import merge
from mka.models.files import stored_tensors, weight_files
from mka.models.fingerprint import fingerprint_files
from mka.models.loading import load
from mka.models.pickles import pickled_tensors
from mka.objects.plan import MergeGroup, MergePlan
from tests.pickled import Bomb, tensors_of, with_pickle, with_pickles
from tests.tiny import FAMILIES, tiny_model_folder

OLD_FORM = {"_use_new_zipfile_serialization": False}
MATRIX = "model.layers.1.mlp.up_proj.weight"
PLAN = MergePlan(4, (MergeGroup((1, 2), (0.5, 0.5)),))


def raw(tensor: Tensor) -> bytes:
    return bytes(tensor.contiguous().flatten().view(torch.uint8).tolist())


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_tensors_lie_where_they_are_said_to(dtype: str, tmp_path: Path) -> None:
    whole = tiny_model_folder(tmp_path, dtype=dtype)
    tensors = tensors_of(whole)
    found = stored_tensors(weight_files(with_pickle(whole, tmp_path / "pickle")))
    assert [one.name for one in found] == sorted(tensors)
    for one in found:
        assert (one.shape, one.loose, one.same_as) == (tuple(tensors[one.name].shape), "", "")
        assert one.file.read_bytes()[one.begin : one.end] == raw(tensors[one.name])


@pytest.mark.parametrize("family", FAMILIES)
def test_loads_as_its_safetensors_do_and_goes_by_their_fingerprint(family: str, tmp_path: Path) -> None:
    whole = tiny_model_folder(tmp_path, family)
    sharded = tiny_model_folder(tmp_path, family, max_shard_size="20KB")
    expected = load(whole, device="cpu")
    for folder in (with_pickle(whole, tmp_path / "one"), with_pickles(sharded, tmp_path / "many")):
        found = load(folder, device="cpu")
        assert found.fingerprint == expected.fingerprint
        state = found.network.state_dict()
        assert all(torch.equal(state[name], one) for name, one in expected.network.state_dict().items())


def test_slices_of_one_storage_and_empty_tensors(tmp_path: Path) -> None:
    numbers = torch.arange(12.0)
    tensors = {"a": numbers[2:6].view(2, 2), "b": numbers[6:], "none": numbers[:0], "also none": numbers[:0]}
    torch.save(tensors, tmp_path / "x.bin")
    found = {one.name: one for one in pickled_tensors(tmp_path / "x.bin")}
    content = (tmp_path / "x.bin").read_bytes()
    assert all(content[one.begin : one.end] == raw(tensors[name]) for name, one in found.items())
    assert not any(one.loose or one.same_as for one in found.values()) and found["b"].begin == found["a"].end


@pytest.mark.parametrize("form", [{}, OLD_FORM], ids=["zip", "old"])
def test_a_tied_tensor_counts_under_its_first_name_alone(form: dict[str, bool], tmp_path: Path) -> None:
    def tied(tensors: dict[str, Tensor]) -> dict[str, Any]:
        return {**tensors, "lm_head.weight": tensors["model.embed_tokens.weight"].detach()}  # as a state dict has it

    folder = tiny_model_folder(tmp_path, tie_word_embeddings=True)
    pickled = with_pickle(folder, tmp_path / "tied", tied, **form)
    again = [one for one in stored_tensors(weight_files(pickled)) if one.same_as]
    assert [(one.name, one.same_as) for one in again] == [("lm_head.weight", "model.embed_tokens.weight")]
    assert fingerprint_files(weight_files(pickled)) == fingerprint_files(weight_files(folder))
    assert load(pickled, device="cpu").fingerprint == load(folder, device="cpu").fingerprint


def turned(tensors: dict[str, Tensor]) -> dict[str, Any]:
    return {**tensors, MATRIX: tensors[MATRIX].t().contiguous().t()}


def rewritten(folder: Path, compression: int, change: Callable[[str, bytes], bytes] = lambda name, data: data) -> None:
    """The same records, packed by another program."""
    path = folder / "pytorch_model.bin"
    with zipfile.ZipFile(path) as archive:
        records = [(name, change(name, archive.read(name))) for name in archive.namelist()]
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in records:
            archive.writestr(name, data)


def big_endian(name: str, data: bytes) -> bytes:
    if name.endswith("/byteorder"):
        return b"big"
    if "/data/" not in name:
        return data
    return struct.pack(f">{len(data) // 4}f", *struct.unpack(f"<{len(data) // 4}f", data))


LOOSE: dict[str, tuple[Callable[[Path, Path], Path], str]] = {
    "the form of old": (lambda folder, to: with_pickle(folder, to, **OLD_FORM), "before 1.6"),
    "a matrix turned": (lambda folder, to: with_pickle(folder, to, turned), "do not lie in one piece"),
    "another byte order": (
        lambda folder, to: _and(with_pickle(folder, to), lambda one: rewritten(one, zipfile.ZIP_STORED, big_endian)),
        "most significant byte first",
    ),
    "packed by another program": (
        lambda folder, to: _and(with_pickle(folder, to), lambda one: rewritten(one, zipfile.ZIP_STORED)),
        "not packed as this release of torch",
    ),
}


def _and(folder: Path, then: Callable[[Path], None]) -> Path:
    then(folder)
    return folder


@pytest.mark.parametrize("case", LOOSE)
def test_what_lies_in_no_one_piece_is_read_by_torch(case: str, tmp_path: Path) -> None:
    make, why = LOOSE[case]
    folder = tiny_model_folder(tmp_path)
    expected = load(folder, device="cpu")
    pickled = make(folder, tmp_path / "pickle")
    loose = {one.name: one for one in stored_tensors(weight_files(pickled)) if one.loose}
    assert why in loose[MATRIX].loose and (loose[MATRIX].begin, loose[MATRIX].end) == (0, 0)
    found = load(pickled, device="cpu")
    assert found.fingerprint == expected.fingerprint
    save(merge(found, PLAN), tmp_path / "a")
    save(merge(expected, PLAN), tmp_path / "b")
    ours, theirs = tensors_of(tmp_path / "a"), tensors_of(tmp_path / "b")
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_weights_are_compared_in_the_files_or_through_the_open_model(tmp_path: Path) -> None:
    folder = tiny_model_folder(tmp_path)
    plain, loose = with_pickle(folder, tmp_path / "plain"), with_pickle(folder, tmp_path / "loose", turned)
    expected = layer_parameters(folder).layers[1]["mlp.up_proj.weight"].read(0, 32)
    for source in (plain, load(plain, device="cpu"), load(loose, device="cpu")):
        assert (layer_parameters(source).layers[1]["mlp.up_proj.weight"].read(0, 32) == expected).all()
    with pytest.raises(BadInput, match=r"up_proj.weight cannot be read out of .*; load the model"):
        layer_parameters(loose)


CONTENTS: dict[str, tuple[Any, str]] = {
    "a list": ([torch.ones(2)], "holds no tensors by name but list"),
    "nothing": ({}, "holds no tensors by name but dict"),
    "a tensor": (torch.ones(2), "holds no tensors by name but Tensor"),
    "a number": ({"a": torch.ones(2), "epoch": 3}, "holds int under 'epoch'"),
    "a training state": ({"state": {"a": torch.ones(2)}}, "holds dict under 'state'"),
    "a number as name": ({1: torch.ones(2)}, "holds Tensor under 1"),
    "sparse": ({"a": torch.eye(3).to_sparse()}, "holds a as no plain tensor .*sparse"),
    "complex": ({"a": torch.ones(2, dtype=torch.complex64)}, "holds a as no plain tensor .*complex64"),
    "a sign to be turned": ({"a": torch._neg_view(torch.ones(2))}, "holds a as no plain tensor .negated"),
}


@pytest.mark.parametrize("form", [{}, OLD_FORM], ids=["zip", "old"])
@pytest.mark.parametrize("case", CONTENTS)
def test_refuses_anything_but_named_tensors(case: str, form: dict[str, bool], tmp_path: Path) -> None:
    content, words = CONTENTS[case]
    torch.save(content, tmp_path / "pytorch_model.bin", **form)
    refuses(tmp_path, words)


@pytest.mark.parametrize("form", [{}, OLD_FORM], ids=["zip", "old"])
def test_code_in_a_pickle_is_refused_and_never_run(form: dict[str, bool], tmp_path: Path) -> None:
    place = tmp_path / "ran"
    folder = with_pickle(
        tiny_model_folder(tmp_path), tmp_path / "m", lambda tensors: {**tensors, "x": Bomb(place)}, **form
    )
    refuses(folder, r"safe loader, which runs no code, refuses it \(Unsupported global: GLOBAL io.open was not an")
    for trust_remote_code in (False, True):
        with pytest.raises(BadInput, match="runs no code"):
            load(folder, device="cpu", trust_remote_code=trust_remote_code)
    assert not place.exists()
    content = torch.load(folder / "pytorch_model.bin", weights_only=False)  # the bomb is one
    content["x"].close()
    assert place.exists()


def refuses(folder: Path, words: str) -> None:
    with pytest.raises(BadInput, match=words) as caught:
        stored_tensors(weight_files(folder))
    assert "\n" not in str(caught.value) and "pytorch_model" in str(caught.value)


DAMAGED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "cut short": (lambda data: data[:-100], "is damaged or cut short"),
    "half": (lambda data: data[: len(data) // 2], "is damaged or cut short"),
    "three bytes": (lambda data: data[:3], "refuses it"),
    "no bytes": (lambda data: b"", "refuses it"),
    "a web page": (lambda data: b"<!DOCTYPE html><html></html>", "refuses it"),
    "a pointer": (lambda data: b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_refuses_a_damaged_file_in_one_line(case: str, tmp_path: Path) -> None:
    spoil, words = DAMAGED[case]
    torch.save({"a": torch.arange(1000.0)}, tmp_path / "pytorch_model.bin")
    path = tmp_path / "pytorch_model.bin"
    path.write_bytes(spoil(path.read_bytes()))
    refuses(tmp_path, words)


def test_refuses_a_compressed_file_which_torch_would_map_as_numbers(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1000)}, tmp_path / "pytorch_model.bin")
    rewritten(tmp_path, zipfile.ZIP_DEFLATED)
    refuses(tmp_path, "is compressed")


class Longer:
    """The pickle of a tensor of 100 numbers whose storage has two."""

    def __reduce__(self) -> tuple[Any, ...]:
        storage = torch.storage.TypedStorage(2, dtype=torch.float32)
        return torch._utils._rebuild_tensor_v2, (storage, 1, (100,), (1,), False, OrderedDict())


@pytest.mark.filterwarnings("ignore:TypedStorage")
@pytest.mark.parametrize(("form", "words"), [({}, "holds fewer numbers"), (OLD_FORM, "refuses it")])
def test_a_tensor_beyond_its_storage(form: dict[str, bool], words: str, tmp_path: Path) -> None:
    torch.save({"a": torch.ones(4), "b": Longer()}, tmp_path / "pytorch_model.bin", **form)
    refuses(tmp_path, words)


def test_an_old_file_cut_short(tmp_path: Path) -> None:
    torch.save({"a": torch.arange(1000.0)}, tmp_path / "pytorch_model.bin", **OLD_FORM)
    path = tmp_path / "pytorch_model.bin"
    path.write_bytes(path.read_bytes()[:-100])
    refuses(tmp_path, "refuses it .*EOF")


def test_an_index_that_promises_too_much(tmp_path: Path) -> None:
    folder = with_pickles(tiny_model_folder(tmp_path, max_shard_size="20KB"), tmp_path / "m")
    index = folder / "pytorch_model.bin.index.json"
    text = index.read_text()
    index.write_text(text.replace(f'"{MATRIX}"', '"model.layers.9.w"'))
    refuses(folder, r"pytorch_model.bin.index.json says that pytorch_model.* holds the tensor model.layers.9.w, which")
    index.write_text(text)
    min(folder.glob("pytorch_model-*")).unlink()
    refuses(folder, "names the shard pytorch_model-00001.*does not hold")


def test_a_folder_of_both_kinds_is_one_of_safetensors(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    shutil.copytree(tiny_model_folder(tmp_path), folder)
    save_file({"a": torch.ones(2)}, folder / "model.safetensors")
    torch.save({"a": Bomb(tmp_path / "ran")}, folder / "pytorch_model.bin")
    assert [one.name for one in stored_tensors(weight_files(folder))] == ["a"]
    assert not (tmp_path / "ran").exists()


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").mkdir()
    with pytest.raises(BadInput, match=r"cannot be read \(Is a directory\)"):
        pickled_tensors(tmp_path / "pytorch_model.bin")
