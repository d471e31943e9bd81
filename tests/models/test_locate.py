"""What a user's word means: the demo, a folder, a hub id, or a mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from mka import assets
from mka.errors import BadInput
from mka.models.loading import load
from mka.models.locate import HubModel, fetch, resolve
from mka.models.memory import estimate


@pytest.mark.parametrize(
    ("word", "revision", "model"),
    [
        ("owner/name", None, HubModel("owner/name", None)),
        ("owner/name@v1.0", None, HubModel("owner/name", "v1.0")),
        ("owner/name", "abc", HubModel("owner/name", "abc")),
        ("owner/name@abc", "abc", HubModel("owner/name", "abc")),
        ("gpt2", None, HubModel("gpt2", None)),
        ("Owner-1/na.me_2@refs/pr/3", None, HubModel("Owner-1/na.me_2", "refs/pr/3")),
    ],
)
def test_hub_ids(word: str, revision: str | None, model: HubModel) -> None:
    assert resolve(word, revision) == model


def test_a_folder_wins_over_a_hub_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("owner/name", "odd@name", "demo"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert resolve("owner/name") == Path("owner/name")
    assert resolve("odd@name") == Path("odd@name")
    assert resolve("./demo") == Path("demo") == resolve(Path("demo"))


def test_the_tilde_is_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "model").mkdir()
    assert resolve("~/model") == tmp_path / "model"


def test_the_demo_is_bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundled = tmp_path / "mka" / "_assets" / "demo-model"
    for folder in (bundled, tmp_path / "demo"):
        folder.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(assets, "PACKAGE", tmp_path / "mka")
    assert resolve("demo") == bundled


@pytest.mark.parametrize(
    ("word", "revision", "words"),
    [
        ("", None, "name is empty"),
        ("  ", None, "name is empty"),
        ("/no/such/folder", None, "there is no folder /no/such/folder"),
        ("./missing", None, "there is no folder"),
        ("../missing", None, "there is no folder"),
        ("a/b/c", None, "there is no folder"),
        ("owner/name@", None, "there is no folder"),
        ("two words", None, "there is no folder"),
        ("-name", None, "there is no folder"),
        ("~nobody-of-that-name/model", None, "there is no folder"),
        ("x" * 5000 + "/", None, r"there is no folder x{200}\.\.\."),
        ("two\nlines", None, "there is no folder two lines"),
        ("nul\0", None, "there is no folder"),
        ("owner/name@a", "b", "two revisions are named, 'a' and 'b'"),
        ("file.txt", None, "is a file, not a model folder"),
        (".", "main", "belongs to a hub id"),
    ],
)
def test_mistakes(word: str, revision: str | None, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file.txt").touch()
    for call in (resolve, load, estimate):
        with pytest.raises(BadInput, match=words) as caught:
            call(word, revision=revision)  # type: ignore[operator]
        assert "\n" not in str(caught.value)


def test_a_missing_path_is_no_hub_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match="there is no folder out/m"):
        resolve(Path("out/m"))


@pytest.mark.parametrize("call", [load, estimate])
def test_a_hub_model_that_cannot_be_had(call: object) -> None:
    with pytest.raises(BadInput, match="owner/name@v1 is no folder here and cannot be fetched") as caught:
        call("owner/name@v1")  # type: ignore[operator]
    assert "\n" not in str(caught.value)


def test_pickles_of_a_hub_model_are_fetched_only_where_there_are_no_safetensors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def snapshot(name: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        asked.append(allow_patterns)
        return str(tmp_path)

    def bins() -> list[bool]:
        return [any("bin" in pattern for pattern in patterns) for patterns in asked]

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    (tmp_path / "config.json").touch()
    with pytest.raises(BadInput, match=r"owner/name@v1 holds neither safetensors nor pytorch_model.bin") as caught:
        fetch(HubModel("owner/name", "v1"))
    assert "\n" not in str(caught.value) and bins() == [False, True]
    (tmp_path / "pytorch_model-00001-of-00001.bin").touch()
    assert fetch(HubModel("owner/name", "v1")) == tmp_path and bins() == [False, True] * 2
    (tmp_path / "model.safetensors").touch()
    assert fetch(HubModel("owner/name", "v1")) == tmp_path and bins() == [*[False, True] * 2, False]
