"""Which texts calibrate, of those that a source holds."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from mka.data.calibration import calibration_texts
from mka.data.texts import load_texts
from mka.errors import BadInput
from mka.objects.texts import Text, TextSet


def test_duplicates_are_left_out_and_counted() -> None:
    found = calibration_texts(["one", "two", "one", " two\n", "three", "one"])
    assert ([text.text for text in found.texts], found.duplicates) == (["one", "two", "three"], 3)
    assert calibration_texts(found) == found
    assert calibration_texts(["one", "two"]).duplicates == 0
    assert calibration_texts(["b", "a", "b", "c"], limit=2).duplicates == 1


def test_a_limit_draws_evenly_over_the_subjects() -> None:
    texts = TextSet(tuple(Text(f"{subject} {number}", subject) for subject in "abc" for number in range(20)), "mine")
    found = calibration_texts(texts, limit=9, seed=4)
    assert Counter(text.subject for text in found.texts) == {"a": 3, "b": 3, "c": 3}
    assert [text.text for text in found.texts] == sorted(
        (text.text for text in found.texts), key=[text.text for text in texts.texts].index
    )
    assert calibration_texts(texts, limit=9, seed=4) == found != calibration_texts(texts, limit=9, seed=5)


def test_the_split_that_scores_are_reported_on_comes_with_a_warning(tmp_path: Path) -> None:
    for split in ("dev", "test"):
        (tmp_path / split).mkdir()
        (tmp_path / split / f"sea_life_{split}.csv").write_text(f"{split}?,1,2,3,4,A\n")
    words = r"the split 'test' of .*MMLU.*a figure measured on them afterwards is worth nothing"
    for texts in (
        load_texts(tmp_path, split="test"),
        load_texts(tmp_path / "test" / "sea_life_test.csv"),
        load_texts("demo", split="test"),
        calibration_texts(load_texts(tmp_path, split="test"), limit=1),
    ):
        assert re.search(words, texts.calibration_warning)
        assert "\n" not in texts.calibration_warning
    for texts in (calibration_texts(tmp_path), load_texts(tmp_path / "dev" / "sea_life_dev.csv"), load_texts("demo")):
        assert texts.calibration_warning == ""


def test_refuses_in_one_line(tmp_path: Path) -> None:
    for call, words in (
        (lambda: calibration_texts([]), "holds no text"),
        (lambda: calibration_texts(["a", " "]), "calibration text 2 of 2 is empty"),
        (lambda: calibration_texts(["a"], limit=True), "limit must be a whole number"),
        (lambda: calibration_texts(["a"], seed=-1), "seed must be a whole number"),
        (lambda: calibration_texts(tmp_path / "none"), "there is no file or folder"),
    ):
        with pytest.raises(BadInput, match=words) as caught:
            call()
        assert "\n" not in str(caught.value)
