"""A studio whose example is made by hand, so that its figures are known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.runtime.pages_manager import PagesManager

from mka.studio.visits import session
from mka.workflows.analysis_files import write_analysis
from tests.pages.driver import Studio
from tests.studio.builders import an_analysis


@pytest.fixture(autouse=True)
def a_server_that_knows_its_navigation(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest forgets before each run what a server knows after its first one: that app.py names the pages.

    It would take the folder pages/ for Streamlit's old way of many pages and run a page without app.py.
    """
    begin = PagesManager.__init__

    def know(self: PagesManager, *arguments: Any, **options: Any) -> None:
        begin(self, *arguments, **options)
        PagesManager.uses_pages_directory = False

    monkeypatch.setattr(PagesManager, "__init__", know)


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An analysis of a six-layer model by hand, as `mka analyze` writes it."""
    folder = tmp_path_factory.mktemp("example") / "analysis"
    write_analysis(an_analysis(), folder)
    return folder


@pytest.fixture
def studio(example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    """A fresh session of a fresh process's studio."""
    monkeypatch.setenv("MKA_EXAMPLE", str(example))
    monkeypatch.setenv("MKA_OUT", str(tmp_path / "out"))
    session.process.clear()  # type: ignore[attr-defined]
    yield Studio()
    session.process.clear()  # type: ignore[attr-defined]


@pytest.fixture
def empty_studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    """A studio of an installation without an example."""
    monkeypatch.setenv("MKA_EXAMPLE", str(tmp_path / "nothing"))
    monkeypatch.setenv("MKA_OUT", str(tmp_path / "out"))
    session.process.clear()  # type: ignore[attr-defined]
    yield Studio()
    session.process.clear()  # type: ignore[attr-defined]


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """Calibration texts, one per paragraph."""
    file = tmp_path / "calibration.txt"
    file.write_text("\n\n".join(f"Text {n} says that {n} and {n} are {2 * n}." for n in range(8)) + "\n")
    return file


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """Other texts and questions, in MMLU's layout."""
    for split in ("dev", "test"):
        folder = tmp_path / "mmlu" / split
        folder.mkdir(parents=True)
        rows = [f"{split} {n} plus {n} is,{2 * n},{n},{n + 1},{3 * n + 5},A" for n in range(2, 8)]
        (folder / f"sums_{split}.csv").write_text("\n".join(rows) + "\n")
    return tmp_path / "mmlu"


@pytest.fixture
def models(tmp_path: Path, tiny_llama_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models for the studio to offer: a tiny one."""
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "tiny").symlink_to(tiny_llama_folder)
    monkeypatch.setenv("MKA_MODELS", str(folder))
    return folder


@pytest.fixture
def opened(models: Path, studio: Studio) -> Studio:
    """The studio with the tiny model on its desk."""
    studio.go("model").set("selectbox", "Open a model", str(models / "tiny")).press("Open").finish()
    return studio


@pytest.fixture
def planned(opened: Studio) -> Studio:
    """Layers 1 and 2 of the tiny model are to become one."""
    opened.go("plan")
    opened.widget("number_input", "From layer").set_value(1)
    opened.widget("number_input", "To layer").set_value(2)
    return opened.press("Propose").press("Add to plan")
