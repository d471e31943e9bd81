"""Model folders whose weights torch.save wrote, as they were before safetensors."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

Change = Callable[[dict[str, Tensor]], dict[str, Any]]


class Bomb:
    """A pickle of it opens a file for writing, if anything that it names is called."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self.place), "w"))


def tensors_of(folder: Path) -> dict[str, Tensor]:
    """Of one safetensors file or several."""
    return {name: tensor for path in folder.glob("*.safetensors") for name, tensor in load_file(path).items()}


def with_pickle(folder: Path, to: Path, change: Change = dict, **options: Any) -> Path:
    """A copy of a folder of safetensors with its tensors in one pickle."""
    shutil.copytree(folder, to)
    tensors = tensors_of(to)
    for path in to.glob("model*.safetensors*"):
        path.unlink()
    torch.save(change(tensors), to / "pytorch_model.bin", **options)
    return to


def with_pickles(folder: Path, to: Path) -> Path:
    """A copy of a folder of sharded safetensors with as many pickles and their index."""
    shutil.copytree(folder, to)
    index = to / "model.safetensors.index.json"
    told = json.loads(index.read_text())
    names = {path.name: f"pytorch_{path.stem}.bin" for path in to.glob("model-*.safetensors")}
    for old, new in names.items():
        torch.save(load_file(to / old), to / new)
        (to / old).unlink()
    told["weight_map"] = {name: names[file] for name, file in told["weight_map"].items()}
    (to / "pytorch_model.bin.index.json").write_text(json.dumps(told))
    index.unlink()
    return to
