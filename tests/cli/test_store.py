"""`mka store`: what is kept, and how it goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Bench
from tests.cli.runner import mka

WORDS = ("--measure", "cosine", "--subsamples", "0", "--json", "-")


def test_the_store_is_shown_and_cleared(bench: Bench, store_folder: Path) -> None:
    assert mka("store", "--json", "-").json["number"] == 0
    assert "0 results" in mka("store").out
    mka("analyze", bench.model, "--calibration", bench.calibration, *WORDS)
    shown = mka("store", "--json", "-").json
    files = list(store_folder.iterdir())
    assert shown["place"] == str(store_folder) and shown["on"] and shown["limit"] == 2_000_000_000
    assert shown["number"] == len(files) == 5
    assert shown["bytes"] == sum(path.stat().st_size for path in files)
    assert {kind: held["number"] for kind, held in shown["kinds"].items()} == {
        "activations": 1, "layer-map": 1, "model": 1, "reading": 1, "similarity": 1,
    }  # fmt: skip
    assert sum(held["bytes"] for held in shown["kinds"].values()) == shown["bytes"]
    readable = mka("store").out
    assert str(store_folder) in readable and "5 results" in readable and "2.00 GB at most" in readable

    (store_folder / "thesis.txt").write_text("years of work")
    assert mka("store", "--clear", "--json", "-").json["cleared"] == 5
    assert [path.name for path in store_folder.iterdir()] == ["thesis.txt"]
    assert "0 results of 0 B deleted" in mka("store", "--clear").out
    again = mka("analyze", bench.model, "--calibration", bench.calibration, *WORDS)
    assert again.json["from_store"] == {"reading": False, "cosine": False}


def test_a_store_that_is_off(bench: Bench, monkeypatch: pytest.MonkeyPatch, store_folder: Path) -> None:
    monkeypatch.setenv("MKA_STORE_LIMIT", "0")
    for _ in range(2):
        answer = mka("analyze", bench.model, "--calibration", bench.calibration, *WORDS).json
        assert answer["from_store"] == {"reading": False, "cosine": False}
    assert list(store_folder.iterdir()) == []
    assert "the store is off" in mka("store").out and mka("store", "--json", "-").json["on"] is False
