"""Two texts or two measures on one desk: what is kept, what is offered, what is subtracted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mka.studio.explore.comparing import MEASURE, NOTHING, TEXTS, as_csv, choices, other_side, turn_round
from mka.studio.explore.matrix import neighbours_csv
from mka.studio.plan.proposals import seen
from mka.studio.visits.desk import KEPT_ANALYSES, Desk, points_words, reading_key, reading_words
from mka.studio.visits.visit import Visit
from tests.studio.builders import a_desk, a_similarity, a_summary, an_analysis, on_other_texts, sure


def two_texts() -> Desk:
    """The example's desk after an analysis of other texts."""
    return Desk(a_summary(), on_other_texts(an_analysis())).joined(a_desk())


def test_an_analysis_of_other_texts_keeps_the_one_before():
    desk = two_texts()
    assert desk.analysis is not None and desk.analysis.calibration == "others.txt"
    assert [one.calibration for one in desk.others] == ["demo"]


def test_a_visit_keeps_a_few_analyses_the_latest_first():
    visit = Visit()
    visit.open(a_desk())
    for n in range(5):
        visit.open(Desk(a_summary(), replace(an_analysis(), calibration=f"{n}.txt", calibration_key=f"key {n}")))
    assert visit.desk is not None and len(visit.desk.others) == KEPT_ANALYSES
    assert [one.calibration for one in visit.desk.others] == ["3.txt", "2.txt", "1.txt"]
    visit.open(Desk(a_summary()))
    assert len(visit.desk.others) == KEPT_ANALYSES and visit.desk.analysis is not None


def test_the_first_texts_again_join_what_was_known_of_them():
    again = replace(an_analysis(), similarities={"cka": a_similarity(6, "cka")}, embeddings={}, layer_maps={})
    desk = Desk(a_summary(), again).joined(two_texts())
    assert set(desk.similarities) == {*an_analysis().similarities, "cka"} and desk.layer_maps and desk.embeddings
    assert [one.calibration for one in desk.others] == ["others.txt"]


@pytest.mark.parametrize("change", [{"kind": "mean"}, {"per_text": 2}, {"longest": 9}, {"calibration_key": "x"}])
def test_texts_read_in_another_way_are_another_analysis(change: dict[str, object]):
    other = replace(an_analysis(), **change)  # type: ignore[arg-type]
    assert reading_key(other) != reading_key(an_analysis())
    assert len(Desk(a_summary(), other).joined(a_desk()).others) == 1


def test_what_can_be_compared_is_offered_in_words():
    offered = choices(two_texts(), "npib")
    assert next(iter(offered)) == (NOTHING,)
    assert offered[(MEASURE, "cosine")] == "Cosine" and (MEASURE, "npib") not in offered
    assert offered[(TEXTS, *reading_key(an_analysis()))] == "other texts: demo, 12 texts"
    without = replace(two_texts(), others=(replace(an_analysis(), similarities={}),))
    assert not [choice for choice in choices(without, "npib") if choice[0] == TEXTS]


def test_two_kept_texts_of_the_same_name_are_told_apart():
    twin = replace(an_analysis(), calibration_key="twin")
    offered = choices(replace(two_texts(), others=(an_analysis(), twin)), "npib")
    assert len(set(offered.values())) == len(offered)


def test_two_texts_are_subtracted_in_the_measures_unit():
    desk = two_texts()
    side = other_side(desk, desk.similarities["npib"], (TEXTS, *reading_key(an_analysis())))
    assert side is not None and side.same_measure
    assert side.difference.values[4, 5] == pytest.approx(0.45 - 0.9)
    assert side.comparison.adjacent.spearman == pytest.approx(1.0)
    assert side.titles == ("others.txt, 12 texts", "demo, 12 texts")


def test_two_measures_are_compared_by_rank_and_by_direction():
    desk = a_desk()
    distance = replace(a_similarity(6, "angular"), values=1 - a_similarity(6).values, higher_is_alike=False)
    assert desk.analysis is not None
    desk = replace(desk, analysis=replace(desk.analysis, similarities={**desk.similarities, "angular": distance}))
    side = other_side(desk, desk.similarities["npib"], (MEASURE, "angular"))
    assert side is not None and not side.same_measure and side.names == ("NPIB", "Angular distance")
    assert np.nanmax(np.abs(side.difference.values)) == 0, "the same order, once as a distance"
    assert other_side(desk, desk.similarities["npib"], (NOTHING,)) is None


def test_who_chooses_by_two_texts_has_seen_both():
    first = replace(a_similarity(6), calibration_key="a", text_hashes=("h1", "h2"))
    second = replace(a_similarity(6), calibration_key="b", text_hashes=("h2", "h3"))
    both = seen(first, second)
    assert both.text_hashes == ("h1", "h2", "h3") and both.calibration_key is None
    assert seen(first, replace(first, measure="cosine")) == seen(first)


def test_the_comparison_as_a_table():
    desk = two_texts()
    side = other_side(desk, desk.similarities["npib"], (TEXTS, *reading_key(an_analysis())))
    assert side is not None
    rows = as_csv(side).splitlines()
    assert rows[0] == "layer,other layer,value: these texts,value: the other texts,more alike by the first"
    assert len(rows) == 1 + 15
    layer, other, first, second, difference = map(float, rows[-1].split(","))
    assert (layer, other) == (4, 5) and first - second == pytest.approx(difference) == pytest.approx(-0.45)


def test_the_other_texts_can_be_put_in_front_and_back():
    desk = two_texts()
    turned = turn_round(desk, (TEXTS, *reading_key(an_analysis())))
    assert turned.analysis is desk.others[0] and [one.calibration for one in turned.others] == ["others.txt"]
    assert turned.turned_to(("no", "such")) is turned
    assert turned.analysis is not None and desk.analysis is not None
    assert turned.turned_to(reading_key(desk.analysis)).analysis is desk.analysis


def test_readings_in_words():
    tokens = replace(an_analysis(), kind="tokens", split="dev", longest=64)
    assert points_words(tokens) == "12 tokens of 12 calibration texts"
    assert reading_words(tokens) == "demo (dev), 12 texts, 12 tokens, 64 tokens of each read"


def test_neighbours_as_a_table_hold_error_and_ranks_where_known():
    assert neighbours_csv(a_similarity(3)).splitlines()[0] == "layer,next layer,value"
    rows = neighbours_csv(sure(a_similarity(6))).splitlines()
    assert rows[0] == "layer,next layer,value,standard error,rank from,rank to"
    assert [float(cell) for cell in rows[5].split(",")] == pytest.approx([4, 5, 0.9, 0.09, 1, 2])
