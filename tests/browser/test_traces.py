"""A test that fails leaves its traces and says where; one that passes leaves nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from PIL import Image

TESTS = """
from pathlib import Path

from tests.browser.server import Server

NOWHERE = Server("http://127.0.0.1:1", 0, Path())


def test_passes(visitor):
    visitor(NOWHERE).page.set_content("<p>well</p>")


def test_fails(visitor):
    visitor(NOWHERE).page.set_content("<p>badly</p>")
    assert False, "as it should"


def test_went_wrong(visitor):
    visitor(NOWHERE).page.evaluate("console.error('something went wrong')")
"""


def test_a_failed_test_keeps_its_traces_and_screenshots(tmp_path: Path):
    (tmp_path / "test_three.py").write_text(TESTS)
    kept = tmp_path / "kept"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", tmp_path, "-p", "tests.browser.conftest",
         "-p", "no:cacheprovider", "-p", "no:xdist", tmp_path / "test_three.py"],
        cwd=Path(__file__).parents[2], env={**os.environ, "MKA_TRACES": str(kept)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert "1 failed, 2 passed, 1 error" in done.stdout, done.stdout
    names = {f"test_three.py-{test}-0" for test in ("test_fails", "test_went_wrong")}
    assert {file.name for file in kept.iterdir()} == {f"{name}.{end}" for name in names for end in ("zip", "png")}
    for name in names:
        assert f"{kept / name}.zip" in done.stdout
        assert "trace.trace" in zipfile.ZipFile(kept / f"{name}.zip").namelist()
        assert Image.open(kept / f"{name}.png").size == (1440, 1000)
