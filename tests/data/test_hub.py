"""Hub datasets, without a hub: the `datasets` library itself reads local files in its place."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from datasets import load_dataset

from mka.data.hub import HubDataset, hub_dataset, texts_of_hub
from mka.data.texts import load_texts
from mka.errors import BadInput
from mka.objects.texts import Text

ROWS: list[dict[str, Any]] = [
    {"question": "Which is the longest one?", "subject": "size", "choices": ["a", "b"], "answer": 1},
    {"question": "", "subject": "size", "choices": ["a", "b"], "answer": 0},
    {"question": "And this?", "subject": "other", "choices": ["a", "b"], "answer": 1},
]


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("cais/mmlu", HubDataset("cais/mmlu")),
        ("cais/mmlu@v1.2", HubDataset("cais/mmlu", "v1.2")),
        ("cais/mmlu#all:dev", HubDataset("cais/mmlu", "", "all", "dev")),
        ("a/b@refs/pr/3#c-1:train[:100]", HubDataset("a/b", "refs/pr/3", "c-1", "train[:100]")),
        ("cais", None),
        ("a/b/c", None),
        ("./a", None),
        ("/a/b", None),
        ("~/a", None),
        ("texts/mine.txt", None),
        ("texts/mine.jsonl", None),
        ("a/b:", None),
        ("a b/c", None),
    ],
)
def test_what_a_word_names(word: str, found: HubDataset | None) -> None:
    assert hub_dataset(word) == found


class LocalHub:
    """`datasets.load_dataset` on files of this machine; keeps what it was asked for."""

    def __init__(self, folder: Path) -> None:
        self.cache = folder / "cache"
        self.file = folder / "rows.jsonl"
        self.file.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
        self.asked: list[tuple[Any, ...]] = []

    def __call__(self, path: str, *, name: str | None, revision: str | None, split: str) -> Iterable[Mapping[str, Any]]:
        self.asked.append((path, name, revision, split))
        return load_dataset("json", data_files={"validation": str(self.file)}, split=split, cache_dir=str(self.cache))  # type: ignore[no-any-return]


def test_rows_become_texts_with_their_subjects(tmp_path: Path) -> None:
    hub = LocalHub(tmp_path)
    word = "cais/mmlu@v1#all:validation"
    dataset = hub_dataset(word)
    assert dataset is not None
    texts = texts_of_hub(dataset, word, "dev", None, hub)
    assert texts == (Text("Which is the longest one?", "size"), Text("And this?", "other"))
    assert hub.asked == [("cais/mmlu", "all", "v1", "validation")]
    plain = HubDataset("cais/mmlu")
    assert texts_of_hub(plain, "cais/mmlu", "validation[:1]", "subject", hub) == (Text("size"),)
    assert hub.asked[1] == ("cais/mmlu", None, None, "validation[:1]")


def test_what_cannot_be_read_names_file_and_hub_in_one_line(tmp_path: Path) -> None:
    hub = LocalHub(tmp_path)
    for dataset, split, field, words in (
        (
            HubDataset("a/b"),
            "dev",
            None,
            r"no file or folder a/b, and as a dataset of the hub .*split 'dev': .*validation",
        ),
        (HubDataset("a/b"), "validation", "text", "has no field 'text'; it has 'question', 'subject', 'choices'"),
        (HubDataset("a/b"), "validation", "answer", "record 1: no text in the field 'answer'"),
    ):
        with pytest.raises(BadInput, match=words) as caught:
            texts_of_hub(dataset, "a/b", split, field, hub)
        assert "\n" not in str(caught.value)


def test_without_a_hub_the_error_names_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the tests run offline, see conftest
    with pytest.raises(
        BadInput, match="there is no file or folder nobody/nothing, and as a dataset of the hub"
    ) as caught:
        load_texts("nobody/nothing")
    assert "\n" not in str(caught.value)


def test_without_the_library_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)  # what Python itself does for a module that is not there
    with pytest.raises(BadInput, match=r"no file or folder a/b:train, .* pip install 'mka\[datasets\]'") as caught:
        load_texts("a/b:train")
    assert "\n" not in str(caught.value)


def test_a_slip_in_a_path_is_sent_to_no_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "texts").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(
        BadInput, match=r"no file or folder texts/mien, though there is a folder texts; .*texts/mien:train"
    ):
        load_texts("texts/mien")


def test_a_folder_of_that_name_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "owner" / "name").mkdir(parents=True)
    (tmp_path / "owner" / "name" / "a_dev.csv").write_text("Which?,1,2,3,4,A\n")
    monkeypatch.chdir(tmp_path)
    assert load_texts("owner/name").texts == (Text("Which?", "a"),)
