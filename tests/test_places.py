"""Places on disk: how long a name may be, and files that are whole or not there."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mka.errors import BadInput, RunFailed
from mka.places import beside, check_length, foreign, parents_made, write_file


def test_a_name_as_long_as_the_disk_takes_is_no_longer_beside_it(tmp_path: Path) -> None:
    limit = os.pathconf(tmp_path, "PC_NAME_MAX")
    for letter in ("x", "é"):
        place = tmp_path / "new" / (letter * (limit // len(letter.encode())))
        check_length(place)
        write_file(place, "text", overwrite=False)
        assert os.listdir(tmp_path / "new") == [place.name]
        place.unlink()
        with pytest.raises(BadInput, match=r"is longer than the \d+ bytes that the disk takes"):
            check_length(place.with_name(place.name + "xx"))


def test_a_path_that_is_too_long_as_a_whole(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["x" * 100] * 50)
    with pytest.raises(BadInput, match=r"longer than the \d+ bytes that the system takes") as refusal:
        check_length(deep)
    assert len(str(refusal.value)) < 250


def test_a_file_is_not_replaced_unasked(tmp_path: Path) -> None:
    place = tmp_path / "f"
    write_file(place, "first", overwrite=False)
    with pytest.raises(RunFailed, match="came to exist meanwhile"):
        write_file(place, "second", overwrite=False)
    assert place.read_text() == "first" and os.listdir(tmp_path) == ["f"]
    write_file(place, "second", overwrite=True)
    assert place.read_text() == "second" and os.listdir(tmp_path) == ["f"]


def test_a_disk_that_refuses_leaves_no_folder_behind(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(RunFailed, match="File too large"):
            write_file(tmp_path / "a" / "b" / "f", "text " * 100, overwrite=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.listdir(tmp_path) == []


def test_a_folder_that_others_use_by_now_stays(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), parents_made(tmp_path / "a" / "b" / "f"):
        (tmp_path / "a" / "theirs").write_text("")
        raise KeyboardInterrupt
    assert os.listdir(tmp_path / "a") == ["theirs"]


def test_bytes_that_are_no_text_come_back(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff\\ and \xc3\xa9")
    write_file(tmp_path / "f", json.dumps(name, ensure_ascii=False), overwrite=False)
    assert json.loads((tmp_path / "f").read_text(encoding="utf-8")) == name


def test_what_is_foreign_in_a_folder(tmp_path: Path) -> None:
    for name in ("a.txt", "b.json"):
        (tmp_path / name).write_text("")
    (tmp_path / "sub.txt").mkdir()
    assert foreign(tmp_path, ("*.txt", "*.json")) == "sub.txt/"
    assert foreign(tmp_path, ("*.txt", "sub.txt/")) == "b.json"
    assert foreign(tmp_path, ("*.txt", "*.json", "sub.txt/")) is None


def test_names_beside_a_place_differ(tmp_path: Path) -> None:
    assert beside(tmp_path / "m") != beside(tmp_path / "m")
    assert beside(tmp_path / "m").parent == tmp_path and beside(tmp_path / "m").name.startswith(".m.")
