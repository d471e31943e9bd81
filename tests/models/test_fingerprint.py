"""The fingerprint against its definition, worked out here from the tensors that safetensors reads."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from mka.models.files import weight_files
from mka.models.fingerprint import fingerprint, fingerprint_files, sample_places
from mka.models.loading import load
from tests.tiny import FAMILIES, tiny_model_folder, tiny_network

CODES = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16"}


def defined(folder: Path) -> str:
    tensors = {name: tensor for path in folder.glob("*.safetensors") for name, tensor in load_file(path).items()}
    digest = hashlib.sha256()
    for name in sorted(tensors):
        raw = bytes(tensors[name].flatten().view(torch.uint8).tolist())
        shape = ",".join(str(size) for size in tensors[name].shape)
        digest.update(f"{name}\0{CODES[tensors[name].dtype]}\0{shape}\0".encode())
        digest.update(bytes(raw[i * (len(raw) - 1) // 63] for i in range(64)) if len(raw) > 64 else raw)
    return digest.hexdigest()[:16]


@pytest.mark.parametrize("stored", ["float32", "bfloat16", "float16"])
def test_equals_its_definition(stored: str, tmp_path: Path) -> None:
    folder = tiny_model_folder(tmp_path, dtype=stored)
    assert fingerprint_files(weight_files(folder)) == defined(folder)


@pytest.mark.parametrize("family", FAMILIES)
def test_independent_of_shards_load_dtype_and_whether_on_disk(family: str, tmp_path: Path) -> None:
    whole = tiny_model_folder(tmp_path, family)
    sharded = tiny_model_folder(tmp_path, family, max_shard_size="20KB")
    expected = defined(whole)
    assert defined(sharded) == expected and len(list(sharded.glob("*.safetensors"))) > 1
    found = [
        load(whole, device="cpu").fingerprint,
        load(sharded, device="cpu").fingerprint,
        load(whole, dtype="bfloat16", device="cpu").fingerprint,
        fingerprint(load(whole, device="cpu").network),
        fingerprint(tiny_network(family)),
    ]
    assert set(found) == {expected}


def test_tells_models_apart(tmp_path: Path) -> None:
    folders = [
        tiny_model_folder(tmp_path),
        tiny_model_folder(tmp_path, seed=1),
        tiny_model_folder(tmp_path, layers=3),
        tiny_model_folder(tmp_path, dtype="bfloat16"),
    ]
    assert len({load(folder, device="cpu").fingerprint for folder in folders}) == len(folders)


def test_depends_on_names_shapes_and_either_end(tmp_path: Path) -> None:
    values = torch.arange(300, dtype=torch.float32)
    first, last = values.clone(), values.clone()
    first[0], last[-1] = 0.1, 0.1  # no byte of which is 0
    seen = set()
    for tensors in (
        {"a": values},
        {"b": values},
        {"a": values.reshape(30, 10)},
        {"a": values.reshape(10, 30)},
        {"a": first},
        {"a": last},
        {"a": values, "b": values[:2].clone()},
    ):
        save_file(tensors, tmp_path / "model.safetensors")
        seen.add(fingerprint_files(weight_files(tmp_path)))
    assert len(seen) == 7


@given(st.integers(0, 10**9))
def test_places_lie_inside_and_spread_over_the_whole(length: int) -> None:
    places = sample_places(length)
    assert len(places) == min(length, 64) == len(set(places))
    if length:
        assert (places[0], places[-1]) == (0, length - 1)
        assert max(b - a for a, b in zip(places, [*places[1:], length], strict=True)) <= length / 63 + 1


@pytest.mark.parametrize("size", [2, 4, 8])
def test_every_byte_of_an_element_is_seen(size: int) -> None:
    for elements in (64, 100, 4096, 16 * 32, 1000 * 1000):
        assert {place % size for place in sample_places(elements * size)} == set(range(size))
