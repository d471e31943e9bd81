"""A short name for the weights of a model, the same wherever and however they are stored.

SHA-256 over the tensors in the order of their names: name, dtype, shape and 64 bytes spread over the tensor.
It tells models apart; it proves nothing about bytes that it does not read. Of safetensors it is computed without torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from mka.models.files import CODES, StoredTensor, WeightFiles, stored_tensors

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

SAMPLES = 64
DIGITS = 16


@dataclass(frozen=True)
class _Sampled:
    """What counts of one tensor: its bytes at `sample_places`, row by row and little-endian."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    bytes: bytes


def fingerprint_files(files: WeightFiles) -> str:
    """The fingerprint of weight files, 16 hex digits; independent of how they are cut into shards.

    Of names for one and the same tensor, as pickles have them, the first in the file counts alone: so the
    safetensors that transformers makes of a pickle have its fingerprint.
    """
    return _digest(_sample_files([tensor for tensor in stored_tensors(files) if not tensor.same_as]))


def fingerprint(network: PreTrainedModel) -> str:
    """The fingerprint of a network in memory, at the dtypes that its tensors have there.

    The tensors count as transformers would store them: of tied ones the first alone, and under the names of the
    family's files. So a network that is saved as it stands keeps its fingerprint.
    """
    from mka.models.weightless import stored_form  # here, since files need no torch

    return _digest(_sample(name, tensor) for name, tensor in stored_form(network).items())


def sample_places(length: int) -> list[int]:
    """At most 64 different places in [0, length), the first and the last among them.

    The step is no whole number of elements, so that each part of an element is seen: the low bytes of
    numbers that were once rounded are all 0.
    """
    if length <= SAMPLES:
        return list(range(length))
    return [number * (length - 1) // (SAMPLES - 1) for number in range(SAMPLES)]


def _digest(tensors: Iterable[_Sampled]) -> str:
    digest = hashlib.sha256()
    for tensor in sorted(tensors, key=lambda tensor: tensor.name):
        digest.update(f"{tensor.name}\0{tensor.dtype}\0{','.join(map(str, tensor.shape))}\0".encode())
        digest.update(tensor.bytes)
    return digest.hexdigest()[:DIGITS]


def _sample_files(tensors: Sequence[StoredTensor]) -> Iterator[_Sampled]:
    yield from (_sample_stored(tensor) for tensor in tensors if not tensor.loose)
    loose = [tensor for tensor in tensors if tensor.loose]
    for file in sorted({tensor.file for tensor in loose}):
        from mka.models.pickles import read_tensors  # here, since safetensors need no torch

        content = read_tensors(file)
        yield from (_sample(tensor.name, content[tensor.name]) for tensor in loose if tensor.file == file)


def _sample_stored(tensor: StoredTensor) -> _Sampled:
    sample = bytearray()
    with tensor.file.open("rb", buffering=0) as file:
        for place in sample_places(tensor.end - tensor.begin):
            file.seek(tensor.begin + place)
            sample += file.read(1)
    return _Sampled(tensor.name, tensor.dtype, tensor.shape, bytes(sample))


def _sample(name: str, tensor: Tensor) -> _Sampled:
    import torch

    raw = tensor.detach().contiguous().reshape(-1).view(torch.uint8)
    sample = raw[_places(len(raw)).to(raw.device)].cpu().numpy().tobytes()
    return _Sampled(name, CODES.get(str(tensor.dtype), str(tensor.dtype)), tuple(tensor.shape), sample)


@lru_cache(SAMPLES)
def _places(length: int) -> Tensor:
    """`sample_places` as an index; most tensors of a network are as long as others."""
    import torch

    return torch.tensor(sample_places(length), dtype=torch.long)
