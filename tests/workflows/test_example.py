"""The bundled example: what its command writes, and that the one that ships is of the model that ships."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mka.analysis.collection import collect
from mka.analysis.measures import similarity
from mka.assets import asset
from mka.models.files import weight_files
from mka.models.fingerprint import fingerprint_files
from mka.models.loading import load
from mka.objects.measures import MEASURES
from mka.workflows import example
from mka.workflows.analysis_files import read_analysis
from mka.workflows.example import EMBEDDINGS, TEXTS, write_example
from tests.workflows.builders import sentences, text_file

LARGEST = 1_500_000
"""Bytes of the folder, since it is read before the first picture."""


def test_the_command_writes_every_measure_and_map(
    tiny_llama_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(example, "EMBEDDINGS", ("diffusion", "pca"))  # umap compiles for half a minute
    texts = text_file(tmp_path / "texts.txt", sentences(60))
    write_example(tmp_path / "example", source=str(tiny_llama_folder), calibration=str(texts))
    made = read_analysis(tmp_path / "example")
    assert tuple(made.similarities) == tuple(MEASURES)
    assert tuple(made.embeddings) == ("diffusion", "pca")
    assert made.n_points == 60


def test_the_example_that_ships_is_small_and_of_the_demo_model() -> None:
    folder = asset("example")
    assert sum(path.stat().st_size for path in folder.rglob("*")) < LARGEST
    shipped = read_analysis(folder)
    assert (shipped.summary.source, shipped.calibration, shipped.n_points) == ("demo", "demo", TEXTS)
    assert shipped.summary.fingerprint == fingerprint_files(weight_files(asset("demo-model")))
    assert tuple(shipped.similarities) == tuple(MEASURES) and tuple(shipped.embeddings) == EMBEDDINGS


def test_the_example_that_ships_was_computed_by_this_code() -> None:
    read = collect(load("demo", dtype="float32", device="cpu"), "demo", limit=TEXTS, seed=0)
    shipped = read_analysis(asset("example"))
    assert shipped.text_hashes == read.text_hashes
    np.testing.assert_allclose(shipped.similarities["cosine"].values, similarity(read, "cosine").values, atol=1e-5)
    # Another machine rounds otherwise, which can move a few points into the next cell.
    np.testing.assert_allclose(shipped.similarities["npib"].values, similarity(read, "npib").values, atol=0.05)
