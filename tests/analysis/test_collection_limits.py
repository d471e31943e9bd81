"""Collection at its limits: large and half-precise activations, numbers without end, and how far it repeats itself."""

from __future__ import annotations

import hashlib
import mmap
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mka.analysis import collection, room
from mka.analysis.collection import collect
from mka.analysis.hooks import LayerReadings
from mka.errors import RunFailed
from mka.models.loaded import LoadedModel
from mka.models.loading import load
from mka.objects.activations import Activations
from mka.objects.progress import Cancel
from tests.analysis.readings import losses

TEXTS = ["The cat sat.", "A dog ran all the way home and slept.", "One", "two words", "The sun and the moon. " * 4]
EXACT = 1e-5  # float32, other order of additions in a wider batch


def test_large_activations_lie_in_a_file_that_nobody_sees(
    tiny_llama: LoadedModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    in_memory = collect(tiny_llama, TEXTS)
    monkeypatch.setattr(room, "IN_MEMORY", 16)
    on_disk = collect(tiny_llama, TEXTS)
    assert isinstance(owner(on_disk.values), mmap.mmap) and not isinstance(owner(in_memory.values), mmap.mmap)
    np.testing.assert_array_equal(on_disk.values, in_memory.values)
    np.testing.assert_array_equal(on_disk.entry, in_memory.entry)
    assert list(tmp_path.iterdir()) == []


def owner(array: Any) -> Any:
    """What holds the array's memory in the end."""
    while getattr(array, "base", None) is not None:
        array = array.base
    return array


def test_a_disk_too_small_is_said_before_anything_is_written() -> None:
    with pytest.raises(RunFailed, match=r"need 4e\+06 GB on disk, and .* \(too little is free\); .*TMPDIR") as caught:
        room.room_for((1_000, 1_000_000, 1_000_000))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_read_as_float32(dtype: str, tiny_llama_folder: Path, tiny_llama: LoadedModel) -> None:
    for points in ("last", "mean", "tokens"):
        half = collect(load(tiny_llama_folder, dtype=dtype, device="cpu"), TEXTS, points=points)
        whole = collect(tiny_llama, TEXTS, points=points)
        assert half.values.dtype == half.entry.dtype == np.float32
        np.testing.assert_allclose(half.values, whole.values, atol=0.2 * np.abs(whole.values).max())
        np.testing.assert_allclose(half.token_cosine, whole.token_cosine, atol=0.02)
        np.testing.assert_allclose(losses(half), losses(whole), rtol=0.1)


def test_a_layer_that_is_given_another_tensor_is_measured_by_it() -> None:
    taken = LayerReadings()
    taken.start(torch.tensor([[1, 1]]), None)
    taken.read(0, torch.tensor([[[1.0, 0.0], [3.0, 4.0]]]), torch.tensor([[[2.0, 0.0], [3.0, 4.0]]]))
    taken.read(1, torch.tensor([[[0.0, 5.0], [1.0, 0.0]]]), torch.tensor([[[1.0, 0.0], [0.6, 0.8]]]))
    np.testing.assert_allclose(taken.cosine_sums(), [1 + 1, 0 + 0.6], rtol=1e-6)
    np.testing.assert_allclose(taken.points()[:, 0], [[2, 2], [2.5, 2], [0.8, 0.4]], rtol=1e-6)


def test_a_layer_of_zeros_has_cosine_0(tiny_llama_folder: Path) -> None:
    model = load(tiny_llama_folder, dtype="float32", device="cpu")
    model.network.get_input_embeddings().weight.data.zero_()
    found = collect(model, TEXTS)
    np.testing.assert_array_equal(found.token_cosine, 0)
    np.testing.assert_array_equal(found.values, 0)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_numbers_without_end_are_told_by_layer_and_text(bad: float, tiny_llama_folder: Path) -> None:
    def broken(break_it: Callable[[LoadedModel], object], dtype: str = "float32") -> str:
        model = load(tiny_llama_folder, dtype=dtype, device="cpu")
        break_it(model)
        with pytest.raises(RunFailed) as caught:
            collect(model, TEXTS)
        assert "\n" not in str(caught.value)
        assert not any(module._forward_hooks for module in model.network.modules())
        return str(caught.value)

    def layer(model: LoadedModel) -> None:
        model.stack.layers[2].mlp.down_proj.weight.data[3] = bad

    def word(model: LoadedModel) -> None:  # only TEXTS[1] holds a "g"
        model.network.get_input_embeddings().weight.data[model.tokenizer.convert_tokens_to_ids("g")] = bad

    def head(model: LoadedModel) -> None:
        model.network.lm_head.weight = torch.nn.Parameter(torch.full_like(model.network.lm_head.weight, bad))

    assert broken(layer).startswith(
        "layer 2 put out NaN or infinity for 5 of the 5 texts of a batch, first 'One'; check"
    )
    assert broken(layer, "bfloat16").endswith("; load the model as float32, or leave these texts out")
    assert broken(word).startswith(
        "the embedding put out NaN or infinity for 1 of the 5 texts of a batch, first 'A dog"
    )
    assert "the head put out NaN or infinity" in broken(head)


def bits(found: Activations) -> str:
    content = (found.values.tobytes(), found.entry.tobytes(), found.token_cosine.tobytes(), repr(found.points).encode())
    return hashlib.sha256(b"".join(content)).hexdigest()


VARIED = [f"text {number} " * (1 + 7 * number % 11) for number in range(25)] + ["a"]


def test_the_same_bits_in_each_call_and_process(tiny_llama: LoadedModel, tiny_llama_folder: Path) -> None:
    watched: list[int] = []
    first = {points: bits(collect(tiny_llama, VARIED, points=points)) for points in ("last", "mean", "tokens")}
    for points in reversed(first):
        again = collect(
            tiny_llama, VARIED, points=points, progress=lambda stage, done, total: watched.append(done), cancel=Cancel()
        )
        assert bits(again) == first[points]
    program = (
        "from tests.analysis.test_collection_limits import *\n"
        f"torch.set_num_threads({torch.get_num_threads()})\n"
        f"model = load({str(tiny_llama_folder)!r}, dtype='float32', device='cpu')\n"
        "print(bits(collect(model, VARIED, points='tokens')))\n"
    )
    made = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert made.stdout.split()[-1] == first["tokens"]


def test_threads_and_company_move_the_last_bits_at_most(
    tiny_llama: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = torch.get_num_threads()
    demo = load("demo", dtype="float32", device="cpu")
    for model, texts in ((tiny_llama, VARIED), (demo, "demo")):
        try:
            torch.set_num_threads(1)
            one = collect(model, texts, limit=60)
            torch.set_num_threads(2)
            others = [collect(model, texts, limit=60)]
            monkeypatch.setattr(collection, "BATCH_TOKENS", 100)
            others.append(collect(model, texts, limit=60))
            monkeypatch.undo()
        finally:
            torch.set_num_threads(threads)
        for other in others:
            apart = np.linalg.norm(other.values - one.values, axis=2) / np.linalg.norm(one.values, axis=2)
            assert apart.max() < collection.LAST_BITS
            np.testing.assert_allclose(other.token_cosine, one.token_cosine, atol=1e-7)
            np.testing.assert_allclose(losses(other), losses(one), rtol=1e-4)
