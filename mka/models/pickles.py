"""Weights as torch.save writes them, read by torch's safe loader alone: it makes tensors and calls nothing else.

Such a file is a zip whose records hold the numbers as they are, so that most tensors are bytes [begin, end) of it.
"""

from __future__ import annotations

import struct
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from mka.errors import BadInput
from mka.models.files import CODES, StoredTensor, check_no_pointer, first_line

ZIP = b"PK\x03\x04"
LOCAL_HEADER = 30
"""Bytes before a record's name; its last four are the lengths of the name and of what stands behind it."""
REASON = "WeightsUnpickler error: "
"""Behind it torch says what it refused; before it, how to read the file all the same."""


def pickled_tensors(path: Path) -> list[StoredTensor]:
    """Every tensor of one file, in its order; of a zip, the numbers themselves are not read.

    A tensor that is also an earlier one says so. One whose numbers do not lie in the file as a header of safetensors
    would have them says why. BadInput for a file that is damaged, compressed, or holds anything but named tensors.
    """
    archive = _Archive.of(path)
    found: list[StoredTensor] = []
    first: dict[tuple[object, ...], str] = {}
    for name, tensor in read_tensors(path, "meta" if archive.readable else "cpu").items():
        dtype, shape = CODES[str(tensor.dtype)], tuple(tensor.shape)
        begin, loose = archive.place(tensor)
        end = begin + tensor.numel() * tensor.element_size() if not loose else begin
        storage = tensor.untyped_storage()  # without numbers, one of its own for each tensor, wherever these lie
        place = storage._checkpoint_offset or storage._cdata, tensor.storage_offset(), tensor.stride(), shape, dtype
        earlier = first.setdefault(place, name) if tensor.numel() else name
        found.append(StoredTensor(name, dtype, shape, path, begin, end, loose, "" if earlier == name else earlier))
    return found


def read_tensors(path: Path, device: str = "cpu") -> dict[str, Tensor]:
    """The named tensors of one file; BadInput as `pickled_tensors`. On the device "meta" they have no numbers."""
    try:
        content = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # torch, pickle and zip raise types of their own for what no loader of tensors can read
        said = str(error).rpartition(REASON)[2].partition("\n")[0].partition(". ")[0] or type(error).__name__
        raise BadInput(
            f"{path} is not read, since torch's safe loader, which runs no code, refuses it ({said}); "
            "use the model's safetensors, or fetch the file again"
        ) from error
    if not isinstance(content, dict) or not content:
        raise BadInput(f"{path} holds no tensors by name but {type(content).__name__}; use the weights alone")
    for name, tensor in content.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise BadInput(f"{path} holds {type(tensor).__name__} under {name!r}; use the weights alone")
        if tensor.layout != torch.strided or str(tensor.dtype) not in CODES or tensor.is_neg():
            kind = "negated" if tensor.is_neg() else f"{tensor.dtype}, {tensor.layout}"
            raise BadInput(f"{path} holds {name} as no plain tensor ({kind}); use weights that are not quantised")
    return content


@dataclass(frozen=True)
class _Archive:
    """What is known of a file before torch reads it.

    records:  where each record of the zip begins -> its bytes; empty where the file is no zip, as torch once wrote
    order:    of the bytes in a number, "little" or "big"
    """

    path: Path
    records: Mapping[int, int]
    order: str

    @classmethod
    def of(cls, path: Path) -> _Archive:
        """BadInput for a zip that is damaged or compressed: torch would map its bytes as if they were numbers."""
        try:
            with path.open("rb") as file:
                start = file.read(len(ZIP))
                check_no_pointer(path, start + file.read(4))
            if start != ZIP:
                return cls(path, {}, sys.byteorder)
            with zipfile.ZipFile(path) as archive, path.open("rb") as file:
                infos = archive.infolist()
                orders = [archive.read(info).decode() for info in infos if info.filename.endswith("/byteorder")]
                records = {}
                for info in infos:
                    file.seek(info.header_offset)
                    name, more = struct.unpack("<HH", file.read(LOCAL_HEADER)[-4:])
                    records[info.header_offset + LOCAL_HEADER + name + more] = info.file_size
        except OSError as error:
            raise BadInput(f"{path} cannot be read ({error.strerror}); check your rights to it") from error
        except (zipfile.BadZipFile, struct.error, UnicodeDecodeError) as error:
            raise BadInput(f"{path} is damaged or cut short ({first_line(error)}); fetch it again") from error
        if any(info.compress_type != zipfile.ZIP_STORED for info in infos):
            raise BadInput(f"{path} is compressed, which torch.save never does; fetch it again")
        return cls(path, records, orders[0] if orders else "little")

    @property
    def readable(self) -> bool:
        """Whether tensors can be told without reading their numbers."""
        return bool(self.records) and self.order == sys.byteorder

    def place(self, tensor: Tensor) -> tuple[int, str]:
        """Where in the file the tensor's numbers begin, and ""; else 0, and why they do not lie there in one piece.

        BadInput for a tensor of more numbers than are stored, which torch would take from anywhere.
        """
        if not self.records:
            return 0, "the file is of the form that torch wrote before 1.6"
        if self.order != "little":
            return 0, "its numbers are written most significant byte first"
        if not tensor.is_contiguous():
            return 0, "its numbers do not lie in one piece"
        if not tensor.numel():
            return 0, ""
        storage = tensor.untyped_storage()
        begin = storage._checkpoint_offset or 0  # 0 where a release of torch does not tell; no record begins there
        if self.records.get(begin, storage.nbytes()) < storage.nbytes():
            raise BadInput(f"{self.path} holds fewer numbers than its tensors name; fetch it again")
        if begin not in self.records:
            return 0, "the file is not packed as this release of torch packs it"
        return begin + int(tensor.storage_offset()) * tensor.element_size(), ""
