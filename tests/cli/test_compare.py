"""`mka compare`: two analyses, or two measures of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from mka.analysis.comparison import compare
from mka.workflows.analysis_files import read_analysis
from tests.cli.conftest import Bench
from tests.cli.runner import mka, refused
from tests.tiny import tiny_model_folder
from tests.workflows.builders import sentences, text_file


@pytest.fixture(scope="module")
def folders(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Analyses of one model on two sources of texts."""
    root = tmp_path_factory.mktemp("compared")
    words = ("--measure", "npib,cosine,angular", "--subsamples", "0")
    for name, texts in (("a", sentences(20)), ("b", [one.upper() for one in sentences(20, first=40)])):
        calibration = text_file(root / f"{name}.txt", texts)
        assert mka("analyze", bench.model, "--calibration", calibration, *words, "--out", root / name).code == 0
    return root / "a", root / "b"


def test_two_analyses(folders: tuple[Path, Path]) -> None:
    answer = mka("compare", *folders, "--json", "-").json
    assert [one["calibration"] for one in answer["analyses"]] == [f"{folder}.txt" for folder in folders]
    assert [one["measures"] for one in answer["comparisons"]] == [[name] * 2 for name in ("npib", "cosine", "angular")]
    first, second = map(read_analysis, folders)
    made = compare(first.similarities["cosine"], second.similarities["cosine"])
    cosine = answer["comparisons"][1]
    for which, agreement in (("adjacent", made.adjacent), ("all_pairs", made.all_pairs)):
        assert cosine[which]["spearman"] == agreement.spearman and cosine[which]["kendall"] == agreement.kendall
    assert (cosine["adjacent"]["pairs"], cosine["all_pairs"]["pairs"]) == (3, 6)
    for moved in cosine["all_pairs"]["moved"]:
        assert moved["ranks"][0] != moved["ranks"][1]


def test_an_analysis_agrees_with_itself(folders: tuple[Path, Path]) -> None:
    out = mka("compare", folders[0], folders[0], "--measures", "cosine").out
    assert "cosine" in out and "1.000" in out and "move most" not in out


def test_two_measures_of_one_analysis(folders: tuple[Path, Path]) -> None:
    answer = mka("compare", folders[0], "--measures", "cosine,angular,npib", "--json", "-").json
    assert [one["measures"] for one in answer["comparisons"]] == [["cosine", "angular"], ["cosine", "npib"]]
    assert answer["comparisons"][0]["all_pairs"]["spearman"] > 0.5, "an angle is a distance, and is turned round"
    assert "cosine, angular" in mka("compare", folders[0], "--measures", "cosine,angular").out


def test_what_cannot_be_compared(bench: Bench, folders: tuple[Path, Path], tmp_path: Path) -> None:
    first, second = folders
    assert "compared by two of its measures" in refused(mka("compare", first))
    assert "compared by two of its measures" in refused(mka("compare", first, "--measures", "npib"))
    assert "holds npib, cosine, angular, not cka" in refused(mka("compare", first, second, "--measures", "cka"))
    assert "holds no analysis" in refused(mka("compare", first, tmp_path))
    deeper = tiny_model_folder(tmp_path, layers=5)
    words = ("--measure", "euclidean", "--subsamples", "0")
    mka("analyze", deeper, "--calibration", bench.calibration, *words, "--out", tmp_path / "deep")
    assert "of 4 and of 5 layers" in refused(mka("compare", first, tmp_path / "deep"))
    mka("analyze", bench.model, "--calibration", bench.calibration, *words, "--out", tmp_path / "other")
    assert "no measure in common" in refused(mka("compare", first, tmp_path / "other"))
