"""Which texts a repair is worked out from."""

from __future__ import annotations

from dataclasses import replace

from mka.objects.plan import MergeGroup, MergePlan
from mka.studio.visits.desk import Calibration, Desk
from tests.studio.builders import a_summary, an_analysis

PLAN = MergePlan(6, (MergeGroup((1, 2), (0.5, 0.5)),), repair="linear")


def test_a_repair_reads_what_was_analyzed_else_the_models_own_texts_else_nothing():
    read = replace(an_analysis(), calibration="texts.csv", field="said")
    assert Desk(a_summary(), read).calibration == Calibration("texts.csv", "said", 12, "key")
    assert Desk(a_summary()).calibration == Calibration("demo")
    judging = replace(read, split="test")
    assert Desk(a_summary(), judging).calibration == Calibration("texts.csv", "said", 12), "the dev split is read then"
    assert Desk(a_summary(source="other")).calibration is None


def test_a_plan_without_a_repair_reads_nothing():
    desk = Desk(a_summary(), an_analysis())
    assert desk.calibration_of(replace(PLAN, repair="none")) is None
    assert desk.calibration_of(PLAN) == Calibration("demo", None, 12, "key")


def test_texts_in_words_tell_others_apart():
    words = {Calibration(*which).words for which in (("a",), ("b",), ("a", "said"), ("a", None, 3), ("a", "said", 3))}
    assert words == {
        "the texts of a", "the texts of b", "the texts of a, field said", "3 texts of a", "3 texts of a, field said",
    }  # fmt: skip
