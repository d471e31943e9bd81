"""Small data files in the layouts that users have."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np


def sentences(count: int, *, first: int = 0) -> list[str]:
    """Different sentences, each short enough for a context of 64 bytes."""
    return [f"Land {i} has {7 * i % 11} rivers and {5 * i % 13} hills." for i in range(first, first + count)]


def text_file(path: Path, texts: list[str]) -> Path:
    """One text per line."""
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


def mmlu_folder(folder: Path, questions: int = 4) -> Path:
    """Two subjects with `questions` test and two dev questions each."""
    for split, count, offset in (("dev", 2, 50), ("test", questions, 0)):
        (folder / split).mkdir(parents=True)
        for subject in ("rivers", "hills"):
            rows = [
                (f"How many {subject} has land {i}?", str(i), str(i + 1), str(i + 2), str(i + 3), "ABCD"[i % 4])
                for i in range(offset, offset + count)
            ]
            with (folder / split / f"{subject}_{split}.csv").open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows(rows)
    return folder


def same(one: Any, other: Any) -> bool:
    """Equal to the bit, arrays, types and all."""
    if isinstance(one, np.ndarray):
        return (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
    if dataclasses.is_dataclass(one):
        return type(one) is type(other) and all(
            same(getattr(one, field.name), getattr(other, field.name)) for field in dataclasses.fields(one)
        )
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[name], other[name]) for name in one)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and repr(one) == repr(other)
