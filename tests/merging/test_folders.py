from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from mka.errors import BadInput, RunFailed
from mka.merging.folders import check_place, taking_place


@pytest.fixture
def standing(tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "config.json").write_text("mine")
    return tmp_path / "m"


def test_the_new_folder_takes_the_place_of_the_old_one(standing):
    with taking_place(standing, overwrite=True) as fresh:
        (fresh / "config.json").write_text("new")
        assert fresh.parent == standing.parent and (standing / "config.json").read_text() == "mine"
    assert (standing / "config.json").read_text() == "new" and os.listdir(standing.parent) == ["m"]


def test_the_old_folder_comes_back_where_the_new_one_cannot_take_its_place(standing):
    with pytest.raises(RunFailed, match="could not be written"), taking_place(standing, overwrite=True) as fresh:
        shutil.rmtree(fresh)  # so that the renaming fails when the old folder is already aside
    assert (standing / "config.json").read_text() == "mine" and os.listdir(standing.parent) == ["m"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, OSError])
def test_whatever_goes_wrong_nothing_is_left(standing, error):
    with pytest.raises(RunFailed if error is OSError else error), taking_place(standing, overwrite=True) as fresh:
        (fresh / "half").write_text("half")
        raise error("5")
    assert os.listdir(standing) == ["config.json"] and os.listdir(standing.parent) == ["m"]


def test_missing_parents_are_made(tmp_path):
    with taking_place(tmp_path / "a" / "b" / "m") as fresh:
        (fresh / "f").write_text("")
    assert os.listdir(tmp_path / "a" / "b" / "m") == ["f"]


def test_parents_that_were_made_go_again_and_those_that_stood_stay(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(RunFailed), taking_place(tmp_path / "a" / "b" / "c" / "m"):
        raise OSError("5")
    assert os.listdir(tmp_path) == ["a"] and os.listdir(tmp_path / "a") == []


@pytest.mark.parametrize("files", [(), ("result",)])
def test_of_two_runs_to_one_place_the_first_stays(tmp_path, files):
    place = tmp_path / "m"
    with pytest.raises(RunFailed, match="came to exist meanwhile"), taking_place(place) as fresh:
        (fresh / "late").write_text("")
        place.mkdir()
        for name in files:
            (place / name).write_text("mine")
    assert os.listdir(tmp_path) == ["m"] and os.listdir(place) == list(files)


def test_an_empty_folder_may_be_filled_by_one_run_only(tmp_path):
    for order in ("first", "second"):
        (tmp_path / order).mkdir()
    with taking_place(tmp_path / "first") as fresh:
        (fresh / "f").write_text("")
    assert os.listdir(tmp_path / "first") == ["f"]
    with pytest.raises(RunFailed, match="not empty"), taking_place(tmp_path / "second"):
        (tmp_path / "second" / "result").write_text("mine")
    assert os.listdir(tmp_path / "second") == ["result"] and sorted(os.listdir(tmp_path)) == ["first", "second"]


@pytest.mark.parametrize("name", ["thesis.tex", "config.yaml", "train.py", "data/", ".git/"])
def test_a_model_with_anything_else_beside_it_is_not_overwritten(standing, name):
    (standing / "model.safetensors").write_text("")
    for own in ("tokenizer_config.json", "mka-plan.json", "README.md", "model.safetensors.index.json"):
        (standing / own).write_text("")
    (standing / "additional_chat_templates").mkdir()
    check_place(standing, overwrite=True, source="")
    (standing / name).mkdir() if name.endswith("/") else (standing / name).write_text("mine")
    with pytest.raises(BadInput, match=f"also holds {name}, which is no part of a model"):
        check_place(standing, overwrite=True, source="")


def test_a_config_alone_is_no_model(standing):
    with pytest.raises(BadInput, match="no model"):
        check_place(standing, overwrite=True, source="")


def test_a_name_that_no_tokenizer_is_written_to_is_refused(tmp_path):
    with pytest.raises(BadInput, match="is no UTF-8"):
        check_place(tmp_path / os.fsdecode(b"caf\xe9") / "m", overwrite=False, source="")
    check_place(tmp_path / "café", overwrite=False, source="")


def test_a_link_is_no_folder_to_overwrite(standing):
    link = standing.parent / "link"
    link.symlink_to(standing)
    with pytest.raises(BadInput, match="not a folder"):
        check_place(link, overwrite=True, source="")


@pytest.mark.parametrize("name", ["/", ".."])
def test_a_place_without_a_name_is_refused(name):
    with pytest.raises(BadInput, match="names no folder"):
        check_place(Path(name), overwrite=True, source="")
