"""The calibration texts of a desk, as a job reads them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mka.errors import BadInput
from mka.studio.jobs.calibrating import read_texts
from mka.studio.visits.desk import Calibration, Desk
from mka.studio.visits.example import example_desk
from tests.workflows.builders import sentences


def test_what_was_analyzed_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "texts.txt"
    file.write_text("\n".join(sentences(12)))
    named = Calibration(str(file), None, 8)
    key = read_texts(named, "the repair linear").key
    assert read_texts(replace(named, key=key), "the repair linear").key == key
    file.write_text("\n".join(sentences(13)[1:]))
    with pytest.raises(BadInput, match="holds other texts by now than those that were analyzed; analyze it anew"):
        read_texts(replace(named, key=key), "the repair linear")
    assert read_texts(named, "the repair linear").key != key


def test_the_bundled_analysis_read_what_a_repair_reads() -> None:
    desk = example_desk()
    assert isinstance(desk, Desk) and desk.calibration is not None and desk.calibration.key is not None
    assert read_texts(desk.calibration, "the repair linear").key == desk.calibration.key


def test_without_texts_it_is_said_where_to_name_them() -> None:
    with pytest.raises(BadInput, match=r"the repair scale works on calibration texts.* on the Model page"):
        read_texts(None, "the repair scale")
