"""The weight files of a model folder: what their headers say, checked before anything is loaded.

No torch here: a safetensors header is eight bytes of length and then JSON. Pickles are read elsewhere.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any

from mka.errors import BadInput

SAFE, SAFE_INDEX = "model.safetensors", "model.safetensors.index.json"
PICKLE, PICKLE_INDEX = "pytorch_model.bin", "pytorch_model.bin.index.json"
"""Weights as torch.save writes them, read where there are no safetensors, by torch's safe loader: it runs no code."""
LONGEST_HEADER = 100_000_000
"""Bytes; what the format itself allows."""
POINTER = b"version https://git-lfs"

BITS: Mapping[str, int] = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 64),
    **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
    **dict.fromkeys(("BOOL", "I8", "U8", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    "F4": 4,
}
"""Bits per element of each dtype that a header may name."""

CODES: Mapping[str, str] = {
    "torch.float64": "F64",
    "torch.float32": "F32",
    "torch.float16": "F16",
    "torch.bfloat16": "BF16",
    "torch.int64": "I64",
    "torch.int32": "I32",
    "torch.int16": "I16",
    "torch.int8": "I8",
    "torch.uint8": "U8",
    "torch.bool": "BOOL",
}
"""What headers call the dtypes of torch that the tensors of a network have."""


@dataclass(frozen=True)
class StoredTensor:
    """One tensor of a weight file: bytes [begin, end) of `file`, row by row, little-endian.

    loose:    why they do not lie there so, as in some pickles, which torch alone can read; begin and end are then 0.
              "" where they do
    same_as:  the tensor earlier in the file that it is, numbers and shape, as tied ones are in a pickle; "" for none
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    file: Path
    begin: int
    end: int
    loose: str = ""
    same_as: str = ""


@dataclass(frozen=True)
class WeightFiles:
    """The files that hold a model's weights.

    placed:   tensor -> file, as an index says; empty where there is no index
    pickled:  whether torch.save wrote them; safetensors otherwise
    """

    paths: tuple[Path, ...]
    placed: Mapping[str, str] = field(default_factory=dict)
    pickled: bool = False


def weight_files(folder: Path) -> WeightFiles:
    """The weight files of a model folder, safetensors where it holds both kinds; BadInput where one is not there."""
    for whole, index, pickled in ((SAFE, SAFE_INDEX, False), (PICKLE, PICKLE_INDEX, True)):
        if (folder / whole).is_file():
            return WeightFiles((folder / whole,), pickled=pickled)
        if (folder / index).is_file():
            return _shards(folder / index, pickled)
    raise BadInput(f"{folder} holds no weights ({SAFE}, or {SAFE_INDEX} with its shards); copy them there")


def _shards(index: Path, pickled: bool) -> WeightFiles:
    places = read_json(index).get("weight_map")
    if not isinstance(places, dict) or not places or not all(isinstance(name, str) for name in places.values()):
        raise BadInput(f'{index} has no "weight_map" from tensors to files; fetch it again')
    names = sorted(set(places.values()))
    for name in names:
        if name != Path(name).name:
            raise BadInput(f"{index} names the file {name!r} outside its folder; use an index of plain file names")
        if not (index.parent / name).is_file():
            raise BadInput(f"{index.name} names the shard {name}, which {index.parent} does not hold; copy it there")
    return WeightFiles(tuple(index.parent / name for name in names), places, pickled)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file; BadInput where it is none."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise BadInput(f"{path} cannot be read as JSON ({first_line(error)}); fetch it again") from error
    if not isinstance(value, dict):
        raise BadInput(f"{path} holds {type(value).__name__}, not a JSON object; fetch it again")
    return value


def stored_tensors(files: WeightFiles) -> tuple[StoredTensor, ...]:
    """Every tensor of weight files, by name.

    BadInput for a file that is corrupt or cut short, a name twice, or an index that promises what its shard lacks;
    for a pickle with anything but tensors in it, of which nothing is run.
    """
    found: dict[str, StoredTensor] = {}
    for path in files.paths:
        for tensor in _pickled(path) if files.pickled else _read_header(path):
            if tensor.name in found:
                raise BadInput(
                    f"the tensor {tensor.name} is in {found[tensor.name].file.name} and in {path.name}; "
                    "keep the shards of one model in the folder"
                )
            found[tensor.name] = tensor
    if not found:
        raise BadInput(f"{files.paths[0]} holds no tensor; fetch it again")
    index = PICKLE_INDEX if files.pickled else SAFE_INDEX
    for name, file in files.placed.items():
        if name not in found or found[name].file.name != file:
            raise BadInput(
                f"{index} says that {file} holds the tensor {name}, which it does not; "
                f"fetch the files of {files.paths[0].parent} again"
            )
    return tuple(found[name] for name in sorted(found))


def _pickled(path: Path) -> list[StoredTensor]:
    from mka.models.pickles import pickled_tensors  # here, since safetensors need no torch

    return pickled_tensors(path)


def _read_header(path: Path) -> list[StoredTensor]:
    size = path.stat().st_size
    text = _header_text(path, size)
    try:
        header = json.loads(text, object_pairs_hook=_named_once)
    except _Twice as error:
        raise BadInput(f"{path} holds the tensor {error} twice; fetch it again") from error
    except (ValueError, RecursionError) as error:
        raise _corrupt(path, "its header is not JSON") from error
    if not isinstance(header, dict):
        raise _corrupt(path, "its header is not a JSON object")
    header.pop("__metadata__", None)
    data = 8 + len(text)
    tensors = [_tensor(path, name, entry, data) for name, entry in header.items()]
    end = max((tensor.end for tensor in tensors), default=data)
    if any(one.end > after.begin for one, after in pairwise(sorted(tensors, key=lambda tensor: tensor.begin))):
        raise _corrupt(path, "its tensors overlap")
    if end > size:
        raise BadInput(f"{path} is cut short: {size} bytes of {end}; fetch it again")
    if end < size:
        raise _corrupt(path, f"{size - end} bytes belong to no tensor")
    return tensors


class _Twice(ValueError):
    """A name that a JSON object gives twice, of which most readers take the last in silence."""


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for name, value in pairs:
        if name in named:
            raise _Twice(name)
        named[name] = value
    return named


def _header_text(path: Path, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            start = file.read(8)
            check_no_pointer(path, start)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
            if not 0 < length <= LONGEST_HEADER or 8 + length > size:
                raise _corrupt(path, f"its header does not fit its {size} bytes")
            return file.read(length)
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}); check your rights to it") from error


def check_no_pointer(path: Path, start: bytes) -> None:
    """BadInput for a file whose first eight bytes are those of a Git LFS pointer."""
    if len(start) == 8 and POINTER.startswith(start):
        raise BadInput(f"{path} is a Git LFS pointer, not the weights; run `git lfs pull` in its folder")


def _tensor(path: Path, name: str, entry: Any, data: int) -> StoredTensor:
    try:
        dtype, shape, (begin, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
        plain = all(type(number) is int and number >= 0 for number in (*shape, begin, end))
        fits = plain and (end - begin) * 8 == prod(shape) * BITS[dtype]
    except (KeyError, TypeError, ValueError) as error:
        raise _corrupt(path, f"its header says nothing usable of {name!r}") from error
    if not fits:
        raise _corrupt(path, f"the place of {name!r} does not fit its shape")
    return StoredTensor(name, dtype, shape, path, data + begin, data + end)


def _corrupt(path: Path, why: str) -> BadInput:
    return BadInput(f"{path} is no whole safetensors file: {why}; fetch it again")


def first_line(error: BaseException) -> str:
    """What an exception says, for a message of one line: its first line, and the next where that is a heading."""
    if isinstance(error, KeyError):
        return f"{error} is missing"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    return " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
