"""The way back from JSON: what was written is read, anything else is BadInput and never another error."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mka.errors import BadInput
from mka.objects.jsonable import jsonable
from mka.objects.parsing import parse
from mka.objects.receipt import Receipt, TensorChange
from mka.objects.report import Choices, Cost, Divergence, Halves, Perplexity, Report
from tests.studio.builders import a_report
from tests.studio.run_builders import a_receipt, a_run

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def through_json(value: object) -> object:
    return json.loads(json.dumps(jsonable(value)))


def test_a_report_and_a_receipt_come_back_as_they_were():
    report, receipt = a_report(), a_receipt(a_run().plan)
    assert parse(Report, through_json(report)) == report
    assert parse(Receipt, through_json(receipt)) == receipt
    assert parse(Receipt, through_json(replace(receipt, verified=0.5))).verified == 0.5


def test_what_is_no_number_is_nan_and_what_was_not_measured_is_none():
    cost = parse(Cost, through_json(Cost(5, 500, 2000, math.nan)))
    assert math.isnan(cost.tokens_per_second) and cost.layers == 5
    exploded = parse(Perplexity, through_json(Perplexity(math.inf, math.nan, 9, 3)))
    assert math.isnan(exploded.value), "JSON has no infinity"
    moved = Divergence(0.2, 0.01, 0.8, 9, (0.1,), (math.nan,), Halves(0.1, 0.2, 0.05, 3))
    back = parse(Divergence, through_json(moved))
    assert back.halves == moved.halves and math.isnan(back.position_stderr[0])
    silent = replace(a_report(), result=replace(a_report().result, choices=None), baseline=None)
    back = parse(Report, through_json(silent))
    assert back.result.choices is None and back.baseline is None


def test_a_field_of_a_newer_version_is_passed_over_and_a_missing_one_takes_its_default():
    raw = {"value": 3.0, "stderr": 0.1, "tokens": 9, "texts": 3, "unheard": [1]}
    assert parse(Perplexity, raw) == Perplexity(3.0, 0.1, 9, 3, split=0)
    asked = through_json(Choices(0.5, (0.1, 0.9), 0.25, (0.2, 0.3), 2, 0, {}, marks="10"))
    assert isinstance(asked, dict) and parse(Choices, asked).marks == asked.pop("marks") == "10"
    assert parse(Choices, asked).marks == "", "as earlier versions wrote it"


@pytest.mark.parametrize(
    "change",
    [
        {"name": 3},
        {"sources": "ab"},
        {"sources": [1]},
        {"weights": [True]},
        {"weights": None},
        {"relative_change": "0.5"},
        {"relative_change": False},
    ],
)
def test_another_kind_of_value_is_refused_with_its_place(change: dict[str, object]):
    raw = jsonable(TensorChange("t", ("a",), (1.0,), 0.0))
    with pytest.raises(BadInput, match=f"TensorChange.{next(iter(change))}"):
        parse(TensorChange, raw | change)


def test_pairs_hold_two_and_what_is_missing_is_said():
    raw = jsonable(a_report().result.choices)
    with pytest.raises(BadInput, match="holds 3 values, not 2"):
        parse(type(a_report().result.choices), raw | {"ci95": [0.1, 0.2, 0.3]})
    with pytest.raises(BadInput, match="missing"):
        parse(Perplexity, {"value": 1.0})


@given(JSON)
def test_anything_else_is_bad_input(raw: object):
    with pytest.raises(BadInput):
        parse(Report, raw)
