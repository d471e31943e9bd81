"""Headers of real safetensors files, and files that are none."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from mka.errors import BadInput
from mka.models.files import first_line, stored_tensors, weight_files
from tests.tiny import tiny_model_folder


def test_says_what_safetensors_itself_reads(tmp_path: Path) -> None:
    folder = tiny_model_folder(tmp_path, dtype="bfloat16", max_shard_size="20KB")
    found = {tensor.name: tensor for tensor in stored_tensors(weight_files(folder))}
    count = 0
    for path in folder.glob("*.safetensors"):
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118  # a safetensors file is no mapping
                tensor, stored = file.get_tensor(name), found[name]
                raw = path.read_bytes()[stored.begin : stored.end]
                assert (stored.dtype, stored.shape, stored.file) == ("BF16", tuple(tensor.shape), path)
                assert raw == bytes(tensor.flatten().view(torch.uint8).tolist())
                count += 1
    assert count == len(found) and list(found) == sorted(found)


def test_reads_an_empty_tensor_and_a_number(tmp_path: Path) -> None:
    save_file({"none": torch.zeros(0, 3), "one": torch.tensor(2.0)}, tmp_path / "model.safetensors")
    assert [tensor.shape for tensor in stored_tensors(weight_files(tmp_path))] == [(0, 3), ()]


def written(header: Any, data: bytes = b"\0" * 8) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(**changes: Any) -> dict[str, Any]:
    return {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} | changes}


BROKEN: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "header does not fit its 0 bytes"),
    "three bytes": (b"abc", "header does not fit its 3 bytes"),
    "a huge header": (b"\xff" * 64, "header does not fit its 64 bytes"),
    "no header": (struct.pack("<Q", 0) + b"data", "header does not fit"),
    "a web page": (b"<!DOCTYPE html><html></html>", "header does not fit"),
    "no json": (written(b"{]"), "header is not JSON"),
    "bytes that are no text": (written(b"\xff\xfe{}"), "header is not JSON"),
    "deep json": (written(b"[" * 100_000), "header is not JSON"),
    "a list": (written([]), "header is not a JSON object"),
    "no tensor": (written({}, b""), "holds no tensor"),
    "an entry without shape": (written({"w": {"dtype": "F32"}}), "nothing usable of 'w'"),
    "an entry that is text": (written({"w": "F32"}), "nothing usable of 'w'"),
    "an unknown dtype": (written(entry(dtype="F31")), "nothing usable of 'w'"),
    "a shape that is text": (written(entry(shape=["2"])), "place of 'w' does not fit"),
    "a negative size": (written(entry(shape=[-2], data_offsets=[8, 0])), "place of 'w' does not fit"),
    "another length": (written(entry(shape=[3])), "place of 'w' does not fit"),
    "one byte short": (written(entry(), b"\0" * 7), "is cut short"),
    "one byte too many": (written(entry(), b"\0" * 9), "1 bytes belong to no tensor"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_refuses_a_broken_file_in_one_line(case: str, tmp_path: Path) -> None:
    content, words = BROKEN[case]
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(BadInput, match=words) as caught:
        stored_tensors(weight_files(tmp_path))
    assert "\n" not in str(caught.value) and "model.safetensors" in str(caught.value)


def change_index(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "model.safetensors.index.json"
    index = json.loads(path.read_text())
    change(index)
    path.write_text(json.dumps(index))


INDEXES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a missing shard": (
        lambda folder: min(folder.glob("model-*")).unlink(),
        "names the shard model-00001.*does not hold",
    ),
    "a shard elsewhere": (
        lambda folder: change_index(folder, lambda index: index["weight_map"].update(w="../other.safetensors")),
        "outside its folder",
    ),
    "no map": (lambda folder: change_index(folder, lambda index: index.pop("weight_map")), 'no "weight_map"'),
    "numbers": (
        lambda folder: change_index(folder, lambda index: index.update(weight_map={"w": 1})),
        'no "weight_map"',
    ),
    "not json": (lambda folder: (folder / "model.safetensors.index.json").write_text("{"), "cannot be read as JSON"),
    "a tensor twice": (
        lambda folder: max(folder.glob("model-*")).write_bytes(min(folder.glob("model-*")).read_bytes()),
        "is in .* and in",
    ),
}


@pytest.mark.parametrize("case", INDEXES)
def test_refuses_a_broken_index_in_one_line(case: str, tmp_path: Path) -> None:
    spoil, words = INDEXES[case]
    folder = tiny_model_folder(tmp_path, max_shard_size="20KB")
    spoil(folder)
    with pytest.raises(BadInput, match=words) as caught:
        stored_tensors(weight_files(folder))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("first\nsecond"), "first"),
        (ValueError("Wrong field:\n  it is text\nmore"), "Wrong field: it is text"),
        (KeyError("name"), "'name' is missing"),
        (ValueError(""), "ValueError"),
        (ValueError("\n\n  said \n"), "said"),
    ],
)
def test_an_exception_as_one_line(error: Exception, line: str) -> None:
    assert first_line(error) == line
