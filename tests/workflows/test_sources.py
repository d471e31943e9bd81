"""What is read where nothing is named, and where a file may be put."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mka.errors import BadInput, RunFailed
from mka.workflows.sources import calibration_source, evaluation_source
from mka.workflows.versions import versions
from mka.workflows.writing import check_new_file, write_text


def test_only_the_demo_model_has_default_data() -> None:
    assert calibration_source(None, "demo") == "demo"
    assert calibration_source("mine.txt", "demo") == "mine.txt"
    with pytest.raises(BadInput, match=r"name a \.txt, \.jsonl or \.csv file or a folder with --calibration"):
        calibration_source(None, "models/big")
    assert evaluation_source(None, "out/m", "demo", None) == "demo"
    assert evaluation_source("mine", "out/m", None) == "mine"
    with pytest.raises(BadInput, match="--data, or --text and --questions"):
        evaluation_source(None, "out/m", None, None)


def test_a_text_file_is_whole_or_not_there(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    target = tmp_path / "deep" / "r.json"
    write_text(target, "old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(RunFailed, match=r"r\.json could not be written \(File too large\)"):
            write_text(target, "new " * 100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert target.read_text() == "old"
    assert os.listdir(target.parent) == ["r.json"]
    write_text(target, "new")
    assert target.read_text() == "new"


def test_places_where_no_file_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path, said in (
        (tmp_path, "is a folder"),
        (tmp_path / "file" / "below", "is a file, so"),
        (Path("."), "names nothing"),
        (Path("/dev/null"), "is no ordinary file"),
    ):
        with pytest.raises(BadInput, match=said):
            check_new_file(path)


def test_versions_name_what_computed() -> None:
    import mka

    found = versions()
    assert found["mka"] == mka.__version__
    assert {"python", "torch", "transformers", "numpy"} <= set(found)
