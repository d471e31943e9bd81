"""What a receipt says of a repair."""

from __future__ import annotations

from dataclasses import replace

from mka.objects.receipt import Repaired
from mka.planning.planner import plan
from mka.studio.evaluate.receipt_view import HEADER, changed_tensors, repaired_words
from tests.studio.run_builders import a_receipt

PLAIN = a_receipt(plan(6, groups=[[1, 2]]))
ONE = replace(PLAIN, repair="linear", repaired=(Repaired("layers.1.q", 0.01, 0.25),))


def test_how_many_tensors_were_repaired_and_what_is_left():
    assert repaired_words(ONE) == (
        "Repair linear: 1 tensor was changed for it. Of the squared error behind its layer, on texts held out, "
        "25.0\xa0% is left."
    )
    two = replace(ONE, repaired=(*ONE.repaired, Repaired("layers.1.v", 0.1, 0.5)))
    assert "2 tensors were changed" in repaired_words(two) and "25.0\xa0% to 50.0\xa0% is left" in repaired_words(two)


def test_a_repair_that_changed_nothing_says_why():
    assert "no strength of it was better than none" in repaired_words(replace(ONE, repaired=()))


def test_each_tensor_shows_its_repair_beside_its_change():
    header, rows = changed_tensors(ONE)
    assert header == ("Tensor", "Relative change", "Error left", "Penalty", "Weights", "Made from")
    assert [row[:4] for row in rows] == [("layers.1.q", "0.25", "25.0\xa0%", "0.01"), ("layers.1.v", "0.25", "", "")]
    assert changed_tensors(replace(ONE, repair="scale"))[0][3] == "Factor"


def test_what_gone_layers_gave_stands_beside_it():
    given = replace(ONE, repair="transplant", repaired=(Repaired("layers.1.q", 0.01, 0.25, ((5, 3), (6, 1))),))
    header, rows = changed_tensors(given)
    assert header[4] == "Given by gone layers" and [row[4] for row in rows] == ["5: 3, 6: 1", ""]


def test_without_a_repair_there_is_nothing_of_it():
    header, rows = changed_tensors(PLAIN)
    assert header == HEADER and [len(row) for row in rows] == [4, 4]
