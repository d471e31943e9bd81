from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from mka.errors import BadInput, RunFailed
from mka.planning.files import check_fits, read_plan, write_plan
from mka.planning.planner import plan

PLAN = replace(plan(6, groups=[[1, 2], [4, 5]]), fingerprint="f" * 16, source="demo")


def test_a_plan_goes_to_a_file_and_back(tmp_path):
    path = tmp_path / "new" / "folder" / "p.json"
    write_plan(PLAN, path)
    assert read_plan(path) == PLAN
    assert json.loads(path.read_text())["format"] == "mka-plan/1"
    assert os.listdir(path.parent) == ["p.json"]


def test_an_existing_file_is_kept_unless_asked(tmp_path):
    path = tmp_path / "p.json"
    path.write_text("mine")
    with pytest.raises(BadInput, match="exists already"):
        write_plan(PLAN, path)
    assert path.read_text() == "mine"
    write_plan(PLAN, path, overwrite=True)
    assert read_plan(path) == PLAN
    with pytest.raises(BadInput, match="exists already"):
        write_plan(PLAN, tmp_path, overwrite=True)
    assert os.listdir(tmp_path) == ["p.json"]


def test_a_disk_that_refuses_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFailed, match="could not be written"):
        write_plan(PLAN, tmp_path / "file" / "p.json")
    assert os.listdir(tmp_path) == ["file"]


def test_of_two_runs_to_one_file_the_first_stays(tmp_path, monkeypatch):
    path = tmp_path / "p.json"

    def plan_text_while_another_run_ends(plan):
        path.write_text("mine")
        return "late"

    monkeypatch.setattr("mka.planning.files.plan_text", plan_text_while_another_run_ends)
    with pytest.raises(RunFailed, match="came to exist meanwhile"):
        write_plan(PLAN, path)
    assert path.read_text() == "mine" and os.listdir(tmp_path) == ["p.json"]


def test_a_source_whose_name_is_no_text_is_kept(tmp_path):
    odd = replace(PLAN, source=os.fsdecode(b"models/\xff"))
    write_plan(odd, tmp_path / "p.json")
    assert read_plan(tmp_path / "p.json") == odd


def test_a_file_that_outgrows_the_disk_leaves_the_old_one(tmp_path):
    """A limit on the size of files stands for a full disk."""
    path = tmp_path / "p.json"
    path.write_text("mine")
    script = (
        "import resource, sys\n"
        "from mka.errors import RunFailed\n"
        "from mka.planning.files import write_plan\n"
        "from mka.planning.planner import plan\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))\n"
        "try:\n"
        "    write_plan(plan(6, groups=[[1, 2]]), sys.argv[1], overwrite=True)\n"
        "except RunFailed as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    assert "could not be written" in done.stdout and done.stdout.count("\n") == 1
    assert path.read_text() == "mine" and os.listdir(tmp_path) == ["p.json"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "not a merge plan"),
        (b'{"format": "mka-plan/2"}', "'mka-plan/2'"),
        (b'{"format": "mka-plan/1"}', "malformed"),
        (b'{"format": "mka-plan/1", "model": {"layers": 4}, "groups": [{"layers": [1, 9]}]}', r"layers 0\.\.3"),
        (
            b'{"format": "mka-plan/1", "model": {"layers": 4}, "groups": [{"layers": [1, 2], "weights": [NaN, 1]}]}',
            "0, 1",
        ),
    ],
)
def test_a_malformed_file_is_refused_by_its_name(tmp_path, content, why):
    path = tmp_path / "p.json"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=why) as refusal:
        read_plan(path)
    assert str(path) in str(refusal.value) and "\n" not in str(refusal.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(BadInput, match="no such plan file"):
        read_plan(tmp_path / "p.json")
    with pytest.raises(BadInput, match="cannot be read"):
        read_plan(tmp_path)


def test_a_plan_fits_its_own_model_alone():
    check_fits(PLAN, depth=6, fingerprint="f" * 16)
    with pytest.raises(BadInput, match="6 layers, but the model has 5"):
        check_fits(PLAN, depth=5, fingerprint="f" * 16)
    with pytest.raises(BadInput, match=r"another model, demo \(ffff.*--any-model"):
        check_fits(PLAN, depth=6, fingerprint="0" * 16)


def test_a_plan_for_a_bare_depth_fits_any_model_of_that_depth():
    bare = replace(PLAN, fingerprint=None)
    check_fits(bare, depth=6, fingerprint="0" * 16)
    check_fits(PLAN, depth=6, fingerprint=None)
    with pytest.raises(BadInput):
        check_fits(bare, depth=7, fingerprint="0" * 16)


def test_any_model_of_the_same_depth_on_request():
    check_fits(PLAN, depth=6, fingerprint="0" * 16, any_model=True)
    with pytest.raises(BadInput, match="6 layers"):
        check_fits(PLAN, depth=7, fingerprint="f" * 16, any_model=True)
