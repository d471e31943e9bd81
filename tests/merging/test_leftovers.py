from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from mka.errors import BadInput
from mka.merging.folders import CHECKPOINT, check_place
from mka.merging.leftovers import aside_of, clear_leftovers, held


def folder(path: Path, *names: str) -> Path:
    path.mkdir()
    for name in names:
        (path / name).write_text(name)
    return path


def test_what_a_killed_run_left_is_removed(tmp_path):
    folder(tmp_path / ".m.0123abcd", "config.json")
    folder(tmp_path / ".m.4567abcd", "config.json", "model.safetensors")
    check_place(tmp_path / "m", overwrite=False, source="")
    assert os.listdir(tmp_path) == []


def test_weights_that_were_not_written_to_their_end_are_removed_too(tmp_path):
    left = tmp_path / ".m.12345678"
    left.mkdir()
    (left / ".tmpAb3x9Z").write_bytes(b"half")
    clear_leftovers(tmp_path / "m", CHECKPOINT)
    assert not left.exists()


def test_what_it_had_moved_aside_comes_back(tmp_path):
    fresh = folder(tmp_path / ".m.0123abcd", "config.json")
    folder(aside_of(fresh), "config.json", "model.safetensors")
    check_place(tmp_path / "m", overwrite=True, source="")
    assert os.listdir(tmp_path) == ["m"] and sorted(os.listdir(tmp_path / "m")) == ["config.json", "model.safetensors"]


def test_what_it_had_moved_aside_and_replaced_goes(tmp_path):
    folder(tmp_path / "m", "config.json", "model.safetensors")
    folder(tmp_path / ".m.0123abcd.old", "config.json")
    check_place(tmp_path / "m", overwrite=True, source="")
    assert os.listdir(tmp_path) == ["m"]


def test_a_living_run_keeps_what_it_writes(tmp_path):
    fresh = tmp_path / ".m.0123abcd"
    aside = folder(aside_of(fresh), "config.json")
    with held(fresh):
        clear_leftovers(tmp_path / "m", CHECKPOINT)
        assert fresh.exists() and aside.exists() and not (tmp_path / "m").exists()
    clear_leftovers(tmp_path / "m", CHECKPOINT)
    assert os.listdir(tmp_path) == ["m"]


def test_what_is_not_ours_stays(tmp_path):
    folder(tmp_path / ".m.0123abcd", "config.json", "thesis.tex")
    folder(tmp_path / ".m.0123abcz", "config.json")
    folder(tmp_path / ".n.0123abcd", "config.json")
    (tmp_path / ".m.00000000").write_text("a file")
    (tmp_path / ".m.11111111").symlink_to(tmp_path / ".n.0123abcd")
    before = sorted(os.listdir(tmp_path))
    clear_leftovers(tmp_path / "m", CHECKPOINT)
    clear_leftovers(tmp_path / "nowhere" / "m", CHECKPOINT)
    assert sorted(os.listdir(tmp_path)) == before


def test_of_long_names_none_is_cleared(tmp_path):
    left = folder(tmp_path / f".{'x' * 40}.0123abcd", "config.json")
    clear_leftovers(tmp_path / ("x" * 41), CHECKPOINT)
    assert left.exists()


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no users here")
def test_a_place_that_one_may_not_write_to():
    """As nobody where the tests run as root, who may write anywhere."""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        closed = Path(place) / "closed"
        closed.mkdir(mode=0o555)
        who = os.geteuid()
        if who == 0:
            os.seteuid(65534)
        try:
            with pytest.raises(BadInput, match="you may not write to"):
                check_place(closed / "m", overwrite=False, source="")
        finally:
            os.seteuid(who)
