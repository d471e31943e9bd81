"""Which file holds which tensor and where, as transformers and safetensors write them."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from huggingface_hub import split_state_dict_into_shards_factory

from mka.merging.streaming.tensor_plan import Target
from mka.models.files import SAFE, SAFE_INDEX

PATTERN = SAFE.replace(".", "{suffix}.")
ALIGNMENT = 8
ORDER = (
    """BOOL F4 F6_E2M3 F6_E3M2 U8 I8 F8_E5M2 F8_E4M3 F8_E8M0 F8_E4M3FNUZ F8_E5M2FNUZ I16 U16 F16 BF16 I32 U32 F32
    C64 F64 I64 U64"""
).split()
"""Dtypes as safetensors sorts them: in a file the last ones come first, so that each tensor is aligned."""


@dataclass(frozen=True)
class Shard:
    """One file to write.

    header:   its first bytes
    offsets:  (place in the file, tensor), increasing, without a gap from the header's end to the end of the file
    """

    file: str
    header: bytes
    offsets: tuple[tuple[int, Target], ...]

    @property
    def nbytes(self) -> int:
        return len(self.header) + sum(target.nbytes for _, target in self.offsets)


@dataclass(frozen=True)
class Layout:
    """All files of a checkpoint's weights; `index` is the text of the index file where there are several."""

    shards: tuple[Shard, ...]
    index: tuple[str, str] | None

    @property
    def nbytes(self) -> int:
        return sum(shard.nbytes for shard in self.shards)


def lay_out(targets: Sequence[Target], *, parameters: int, largest: str) -> Layout:
    """Fill shards of at most `largest` ("5GB") with tensors in their order.

    parameters: of the network, tied ones once; what the index tells
    """
    by_name = {target.name: target for target in targets}
    split = split_state_dict_into_shards_factory(
        by_name, get_storage_size=lambda target: target.nbytes, filename_pattern=PATTERN, max_shard_size=largest
    )
    shards = tuple(_shard(file, [by_name[name] for name in names]) for file, names in split.filename_to_tensors.items())
    if not split.is_sharded:
        return Layout(shards, None)
    told = {"metadata": {"total_parameters": parameters, **split.metadata}, "weight_map": split.tensor_to_filename}
    return Layout(shards, (SAFE_INDEX, json.dumps(told, indent=2, sort_keys=True) + "\n"))


def _shard(file: str, targets: Sequence[Target]) -> Shard:
    ordered = sorted(targets, key=lambda target: (-ORDER.index(target.dtype), target.name))
    places, end = [], 0
    for target in ordered:
        places.append((end, target))
        end += target.nbytes
    header = _header(places)
    return Shard(file, header, tuple((len(header) + begin, target) for begin, target in places))


def _header(places: Sequence[tuple[int, Target]]) -> bytes:
    entries: dict[str, Mapping[str, object]] = {"__metadata__": {"format": "pt"}}
    for begin, target in places:
        entries[target.name] = {
            "dtype": target.dtype,
            "shape": list(target.shape),
            "data_offsets": [begin, begin + target.nbytes],
        }
    text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    return struct.pack("<Q", len(text)) + text
