"""The Pareto plot on runs made by hand: what lies where, what the front is, what is said of it."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mka.figures.pareto import QUALITIES, SIZES, Cloud, Spot, as_rows, cloud, of_cloud, pareto
from mka.figures.theme import DARK, LIGHT
from tests.studio.builders import a_report, a_result
from tests.studio.run_builders import a_run

ONE = a_run([[1, 2]], 3.0, 0.9)
TWO = a_run([[1, 2], [3, 4]], 5.2, 0.6)
NAMES = {ONE.key: "one <b>", TWO.key: "two"}
RATIO, KEPT, KL = QUALITIES["perplexity"], QUALITIES["accuracy"], QUALITIES["divergence"]
DEPTH = SIZES["layers"]


def of(*runs, quality=RATIO, size=DEPTH) -> Cloud:
    return cloud(runs, NAMES, size, quality)


def spots(*places: tuple[float, float], lower: bool = True) -> Cloud:
    return Cloud(tuple(Spot(x, y, "merged", "", str(i)) for i, (x, y) in enumerate(places)), DEPTH,
                 RATIO if lower else KEPT)  # fmt: skip


def test_a_run_lies_at_what_it_removes_and_what_it_costs():
    found = {(spot.kind, round(spot.x, 6), round(spot.y, 6)) for spot in of(ONE, TWO).spots}
    assert ("merged", round(1 / 6, 6), round(3.0 / 2.6, 6)) in found
    assert ("merged", round(2 / 6, 6), round(5.2 / 2.6, 6)) in found
    assert ("unmerged", 0.0, 1.0) in found
    assert ("truncate", round(1 / 6, 6), round(4.0 / 2.6, 6)) in found


def test_what_two_runs_measured_alike_is_one_mark():
    again = a_run([[2, 3]], 3.3)
    points = cloud([ONE, again], NAMES | {again.key: "again"}, DEPTH, RATIO)
    assert [spot.kind for spot in points.spots].count("merged") == 2
    assert sorted(spot.kind for spot in points.spots if not spot.key) == ["drop-keep-last", "truncate", "unmerged"]


def test_the_other_axes():
    (accuracy,) = (spot for spot in of(ONE, quality=KEPT).spots if spot.key)
    assert accuracy.y == pytest.approx(0.9 / 0.97)
    (kl,) = (spot for spot in of(ONE, quality=KL).spots if spot.key)
    assert kl.y == 0.2
    (size,) = (spot for spot in of(ONE, size=SIZES["parameters"]).spots if spot.key)
    assert size.x == pytest.approx(1 / 6), "600 parameters to 500"


def test_a_run_without_a_value_is_counted_and_not_drawn():
    result = replace(a_result("merged", 3.0, 0.9), perplexity=None)
    silent = a_run([[0, 1]], report=replace(a_report(), result=result))
    broken = a_run([[2, 3]], report=replace(a_report(), result=a_result("merged", math.nan, 0.9)))
    points = cloud([silent, broken], {silent.key: "a", broken.key: "b"}, DEPTH, RATIO)
    assert points.missing == 2 and not [spot for spot in points.spots if spot.key]
    assert of_cloud(points) == "No run has a value here yet."


def test_the_front_by_hand():
    lower = spots((0.1, 1.2), (0.2, 1.5), (0.2, 1.4), (0.3, 3.0), (0.25, 3.0), (0.05, 1.3))
    assert [(one.x, one.y) for one in lower.front] == [(0.1, 1.2), (0.2, 1.4), (0.3, 3.0)]
    higher = spots((0.1, 0.9), (0.2, 0.95), (0.3, 0.5), (0.3, 0.6), lower=False)
    assert [(one.x, one.y) for one in higher.front] == [(0.2, 0.95), (0.3, 0.6)]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12), st.booleans())
def test_the_front_is_what_nothing_beats(places: list[tuple[int, int]], lower: bool):
    points = spots(*((float(x), float(y)) for x, y in places), lower=lower)
    sign = 1 if lower else -1

    def beats(one: Spot, other: Spot) -> bool:
        gain = (one.x - other.x, sign * (other.y - one.y))
        return min(gain) >= 0 and max(gain) > 0

    best = {(one.x, one.y) for one in points.spots if not any(beats(other, one) for other in points.spots)}
    assert {(one.x, one.y) for one in points.front} == best and len(points.front) == len(best)
    assert all(one.x < other.x for one, other in pairwise(points.front))


def test_the_step_goes_to_the_value_that_at_least_so_much_costs():
    """Who must remove a little more than a mark pays what the next mark costs: first up, then right."""
    line = pareto(of(ONE, TWO), LIGHT).data[0]
    assert line.name == "front" and line.line.shape == "vh"
    assert list(line.x) == pytest.approx([0, 1 / 6, 1 / 3]) and list(line.y) == pytest.approx([1, 3 / 2.6, 2])


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_marks_differ_by_symbol_and_tell_the_run(theme):
    figure = pareto(of(ONE, TWO), theme, chosen=TWO.key, pinned=[ONE.key])
    marks = {trace.name: trace for trace in figure.data if trace.mode == "markers"}
    assert len({trace.marker.symbol for trace in marks.values()}) == len(marks) == 6
    assert list(marks["merged"].customdata) == [ONE.key, TWO.key]
    assert set(marks["truncate"].customdata) == {""}, "a control is no run"
    assert marks["merged"].text[0].startswith("one &lt;b&gt;<br>removed: 16.7\xa0%<br>perplexity ratio: 1.15 times")
    assert list(marks["pinned"].x) == pytest.approx([1 / 6]) and list(marks["selected"].x) == pytest.approx([1 / 3])
    assert figure.layout.yaxis.type == "log"


def test_the_sentence_counts_the_front():
    assert of_cloud(of(ONE, TWO)) == (
        "Both runs lie on the front: nothing that was measured removes as much at a lower perplexity ratio. "
        "The furthest of them removes 33.3\xa0% at 2.00 times."
    )


def test_the_sentence_says_where_deleting_is_as_good():
    worse = a_run([[1, 2]], 9.0)
    said = of_cloud(cloud([worse], {worse.key: "worse"}, DEPTH, RATIO))
    assert said.startswith("The only run does not lie on the front: something else removes as much at a lower perp")
    assert said.endswith("Deleting layers without merging them is on the front at 16.7\xa0%: no run beats it there.")


@pytest.mark.parametrize(
    ("places", "words"),
    [
        ([(0.1, 2.0)], "The only run lies on the front: nothing that was measured"),
        ([(0.1, 2.0), (0.1, 2.5), (0.1, 3.0)], "1 of 3 runs lies on the front: nothing that was measured"),
        ([(0.1, 2.0), (0.2, 2.5), (0.2, 3.0)], "2 of 3 runs lie on the front: nothing that was measured"),
        ([(0.1, 2.0), (0.2, 2.5), (0.3, 3.0)], "All 3 runs lie on the front: nothing that was measured"),
    ],
)
def test_how_many_of_the_runs_lie_on_the_front(places: list[tuple[float, float]], words: str):
    assert of_cloud(spots(*places)).startswith(words)


def test_none_of_several_runs_on_the_front():
    free = Spot(0.5, 1.0, "truncate", "")
    beaten = spots((0.1, 2.0), (0.2, 3.0))
    assert of_cloud(replace(beaten, spots=(*beaten.spots, free))).startswith(
        "None of 2 runs lies on the front: something"
    )


def test_its_numbers_as_rows():
    rows = as_rows(of(ONE))
    assert rows[0] == ("merged", "one <b>", pytest.approx(1 / 6), pytest.approx(3 / 2.6), True)
    assert {row[0]: row[4] for row in rows} == {
        "merged": True, "unmerged": True, "truncate": False, "drop-keep-last": False,
    }  # fmt: skip
