"""The Export page: what it offers, and what it says of a name before anything is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mka.studio.visits import session
from mka.studio.visits.desk import Outcome
from tests.pages.driver import Studio
from tests.studio.run_builders import a_receipt, a_run


@pytest.fixture
def planned(studio: Studio) -> Studio:
    """Layers 1 and 2 are to become one."""
    studio.visit.state = studio.visit.state.click_cell(1, 2).add_candidate()
    return studio.go("export")


def files(studio: Studio) -> dict[str, bool]:
    """Label -> whether it can be had."""
    return {one.proto.label: not one.proto.disabled for one in studio.at.get("download_button")}


def test_every_file_is_offered(planned: Studio):
    assert not planned.at.exception
    assert files(planned) == {
        "Plan (JSON)": True, "Script (Python)": True, "Figures (HTML)": True, "Receipt (JSON)": False,
    }  # fmt: skip
    assert planned.says("each picture with its sentence: similarity by NPIB, neighbours by NPIB, plan.")


def test_a_receipt_is_offered_once_there_is_one(planned: Studio):
    plan = planned.visit.state.plan
    session.process().remember(("f" * 16, "float32"), Outcome(plan, receipt=a_receipt(plan)))
    planned.at.run()
    assert files(planned)["Receipt (JSON)"]


def test_an_evaluated_plan_is_no_longer_said_to_be_unmeasured(planned: Studio):
    assert planned.says("not evaluated yet")
    session.process().runs.add(a_run([[1, 2]]))
    planned.at.run()
    assert not planned.says("not evaluated yet")


@pytest.mark.parametrize("name", ["../up", "a/b", "a\\b", "..", " ", "", " x", "x" * 300])
def test_a_name_that_is_refused_says_why_at_once_and_gives_no_commands(planned: Studio, name: str, tmp_path: Path):
    assert planned.commands
    planned.set("text_input", "Folder name", name)
    assert not planned.at.exception
    assert planned.says("is no folder name") or planned.says("shorten it")
    assert not planned.commands and planned.widget("button", "Write the checkpoint").disabled
    assert not (tmp_path / "out").exists()


def test_a_name_that_is_taken_is_refused(planned: Studio, tmp_path: Path):
    (tmp_path / "out" / "mine").mkdir(parents=True)
    planned.set("text_input", "Folder name", "mine")
    assert planned.says("exists already; choose another name") and not planned.commands


def test_without_a_plan_the_pictures_can_still_be_had(studio: Studio):
    studio.go("export")
    assert files(studio) == {"Figures (HTML)": True}


def test_what_was_written_is_shown_to_who_wrote_it_while_it_is_there(planned: Studio, tmp_path: Path):
    plan, folder = planned.visit.state.plan, tmp_path / "out" / "mine"
    receipt = a_receipt(plan)
    session.process().remember(("f" * 16, "float32"), Outcome(plan, receipt=receipt))
    folder.mkdir(parents=True)
    planned.visit.written = (replace(receipt, verified=0.25, folder=str(folder)),)
    planned.at.run()
    assert planned.says("Written and verified") and planned.says(str(folder)) and planned.says("is 0.25.")
    assert "Receipt (JSON)" in files(planned)
    other = Studio()
    other.visit.state = planned.visit.state
    other.go("export")
    assert not other.says("Written and verified") and not other.says(str(folder))
    folder.rmdir()
    planned.at.run()
    assert not planned.says("Written and verified") and not planned.says(str(folder))
