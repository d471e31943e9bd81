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
    with taking_place(standing) as fresh:
        (fresh / "config.json").write_text("new")
        assert fresh.parent == standing.parent and (standing / "config.json").read_text() == "mine"
    assert (standing / "config.json").read_text() == "new" and os.listdir(standing.parent) == ["m"]


def test_the_old_folder_comes_back_where_the_new_one_cannot_take_its_place(standing):
    with pytest.raises(RunFailed, match="could not be written"), taking_place(standing) as fresh:
        shutil.rmtree(fresh)  # so that the renaming fails when the old folder is already aside
    assert (standing / "config.json").read_text() == "mine" and os.listdir(standing.parent) == ["m"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, OSError])
def test_whatever_goes_wrong_nothing_is_left(standing, error):
    with pytest.raises(RunFailed if error is OSError else error), taking_place(standing) as fresh:
        (fresh / "half").write_text("half")
        raise error("5")
    assert os.listdir(standing) == ["config.json"] and os.listdir(standing.parent) == ["m"]


def test_missing_parents_are_made(tmp_path):
    with taking_place(tmp_path / "a" / "b" / "m") as fresh:
        (fresh / "f").write_text("")
    assert os.listdir(tmp_path / "a" / "b" / "m") == ["f"]


def test_a_link_is_no_folder_to_overwrite(standing):
    link = standing.parent / "link"
    link.symlink_to(standing)
    with pytest.raises(BadInput, match="not a folder"):
        check_place(link, overwrite=True, source="")


@pytest.mark.parametrize("name", ["/", ".."])
def test_a_place_without_a_name_is_refused(name):
    with pytest.raises(BadInput, match="names no folder"):
        check_place(Path(name), overwrite=True, source="")
