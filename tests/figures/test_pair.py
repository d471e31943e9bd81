"""Two layers side by side, followed points, dimmed points, and the film, on a map made by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mka.figures.colouring import (
    CLEAR,
    DIMMED,
    NAMED_TOKENS,
    Paint,
    by_scale,
    by_subject,
    by_token,
    loss_scale,
    place_scale,
    token_words,
    tokens_of,
)
from mka.figures.film import PLAYED_POINTS, film, played
from mka.figures.manifold import axis_ranges, framed, is_flat, side_by_side
from mka.figures.pair import pair
from mka.figures.theme import DARK, LIGHT
from mka.figures.trajectory import MARKS
from mka.objects.embedding import Embedding
from tests.studio.builders import an_embedding


def painted(embedding: Embedding) -> Paint:
    """Three subjects, four points each."""
    return by_subject(embedding.points, LIGHT, flat=is_flat(embedding))


def looks_of(trace: Any) -> dict[int, tuple[str, str, float]]:
    """point -> (colour, symbol, opacity) of a trace of dots of one colour."""
    return {int(point): (trace.marker.color, trace.marker.symbol, trace.opacity) for point in trace.customdata}


def panel(figure: Any, axis: str) -> dict[int, tuple[str, str, float]]:
    """The same over all dots of a panel."""
    return {k: v for t in figure.data if t.xaxis == axis and t.mode == "markers" for k, v in looks_of(t).items()}


def test_both_panels_of_a_pair_hold_the_same_points_in_the_same_colours():
    embedding = an_embedding(6, 12)
    figure = pair(embedding, (1, 4), painted(embedding), LIGHT)
    left, right = panel(figure, "x"), panel(figure, "x2")
    assert left == right and sorted(left) == list(range(12)) and len(set(left.values())) == 3
    assert [note.text for note in figure.layout.annotations] == ["layer 1", "layer 4"]
    assert figure.layout.xaxis.range == figure.layout.xaxis2.range, "an aligned map has one frame"
    placed = framed(embedding)
    for trace in figure.data:
        layer = {"x": 1, "x2": 4}[trace.xaxis]
        assert np.column_stack([trace.x, trace.y]) == pytest.approx(placed[layer, list(trace.customdata)])


def test_a_followed_point_is_marked_in_both_panels_of_a_pair():
    embedding = an_embedding(6, 12)
    figure = pair(embedding, (1, 4), painted(embedding), LIGHT, followed=(None, 7))
    one, other = (trace for trace in figure.data if trace.name == "followed")
    placed = framed(embedding)
    for mark, layer in ((one, 1), (other, 4)):
        assert (mark.x[0], mark.y[0]) == pytest.approx(tuple(placed[layer, 7]))
        assert list(mark.customdata) == [7] and list(mark.text) == ["2"]
        assert (mark.marker.color[0], mark.marker.symbol[0]) == MARKS[1], "the second place keeps its own look"


@pytest.mark.parametrize("dims", [2, 3])
def test_the_way_of_a_followed_point_is_where_each_layer_puts_it(dims: int):
    embedding = an_embedding(6, 12, dims)
    figure = side_by_side(embedding, [3], painted(embedding), LIGHT, followed=(5, None, 8))
    placed = framed(embedding)
    first, third = (trace for trace in figure.data if trace.name.startswith("way"))
    for way, point in ((first, 5), (third, 8)):
        axes = [getattr(way, axis) for axis in "xyz"[:dims]]
        assert np.column_stack(axes) == pytest.approx(placed[:, point])
        assert (way.text[0], way.text[-1], set(way.text[1:-1])) == ("0", "5", {""})
        assert set(way.customdata) == {point}, "it may cover the mark, so that a click on it means the same"
    assert (first.line.color, third.line.color) == (MARKS[0][0], MARKS[2][0])


def test_without_a_common_frame_there_is_a_mark_but_no_way():
    embedding = replace(an_embedding(6, 12), aligned=False)
    names = [trace.name for trace in side_by_side(embedding, [3], painted(embedding), LIGHT, followed=(5,)).data]
    assert "followed" in names and not [name for name in names if name.startswith("way")]
    unfollowed = side_by_side(embedding, [3], painted(embedding), LIGHT, followed=(None, None))
    assert len(unfollowed.data) == 3


def test_points_are_dimmed_and_none_is_hidden():
    embedding = an_embedding(6, 12)
    clear = np.isin(np.arange(12), [0, 3, 4])
    dots = panel(side_by_side(embedding, [0], painted(embedding).dimmed(clear), LIGHT), "x")
    assert sorted(dots) == list(range(12))
    assert {point for point, look in dots.items() if look[2] == CLEAR} == {0, 3, 4}
    assert {look[2] for look in dots.values()} == {CLEAR, DIMMED}
    bright = panel(side_by_side(embedding, [0], painted(embedding), LIGHT), "x")
    assert {k: v[:2] for k, v in dots.items()} == {k: v[:2] for k, v in bright.items()}, "colours stay"


def test_each_subject_stands_once_in_the_legend_and_clear_dots_above_dimmed_ones():
    clear = np.isin(np.arange(12), [0, 3, 4])  # of animals and sums, none of rulers
    dimmed = painted(an_embedding(6, 12)).dimmed(clear)
    names = [look.name for look in dimmed.looks]
    assert sorted(name for name in names if name) == ["animals", "rulers", "sums"]
    assert [look.opacity for look in dimmed.looks] == [DIMMED] * 3 + [CLEAR] * 2
    everyone = painted(an_embedding(6, 12))
    assert everyone.dimmed(np.ones(12, dtype=bool)) == everyone


def test_a_dimmed_figure_keeps_its_values():
    scale = loss_scale(an_embedding(6, 12).points)
    assert scale is not None
    clear = np.arange(12) >= 6
    for look in by_scale(scale, DARK, flat=True).dimmed(clear).looks:
        if look.values is not None:
            assert list(look.values) == list(look.chosen - 1), (
                "point n has the loss n / 10, that of the first is not known"
            )
            assert (look.opacity == CLEAR) == bool((look.chosen >= 6).all())


def test_frequent_tokens_have_colours_and_the_others_are_grey_below_them():
    known = an_embedding(6, 40).points
    letters = ["a"] * 20 + [chr(ord("b") + n) for n in range(10)] * 2
    points = [replace(point, token=letter) for point, letter in zip(known, letters, strict=True)]
    paint = by_token(points, LIGHT, flat=True)
    assert len(tokens_of(points)) == 11 and len(paint.looks) == 1 + NAMED_TOKENS
    assert paint.looks[0].name == "other tokens" and paint.looks[0].marker["color"] == LIGHT.muted
    assert sorted(np.concatenate([look.chosen for look in paint.looks])) == list(range(40))
    assert list(paint.looks[1].chosen) == list(range(20)) and paint.looks[1].name == "“a”"
    assert len({look.marker["color"] for look in paint.looks}) == 1 + NAMED_TOKENS
    assert {points[n].token for n in paint.looks[0].chosen} == set("hijk"), "of equally frequent ones the later"


def test_a_token_in_a_legend_shows_its_spaces_and_no_markup():
    assert token_words(" A\n") == "“␣A↵”" and token_words("x" * 40) == f"“{'x' * 15}…”"
    points = [replace(point, token="<b>") for point in an_embedding().points]
    assert by_token(points, LIGHT, flat=True).looks[0].name == "“&lt;b&gt;”"


@pytest.mark.parametrize("dims", [2, 3])
def test_the_film_has_a_frame_per_layer_that_moves_every_dot(dims: int):
    embedding = an_embedding(6, 12, dims)
    scale = loss_scale(embedding.points)
    assert scale is not None
    figure = film(embedding, by_scale(scale, LIGHT, flat=dims == 2), LIGHT)
    assert [frame.name for frame in figure.frames] == list("012345")
    placed = framed(embedding)
    for layer, frame in enumerate(figure.frames):
        for number, data in zip(frame.traces, frame.data, strict=True):
            points = list(figure.data[number].customdata)
            axes = [getattr(data, axis) for axis in "xyz"[:dims]]
            assert np.column_stack(axes) == pytest.approx(placed[layer, points], abs=1e-6)
    assert [step.args[0][0] for step in figure.layout.sliders[0].steps] == list("012345")
    assert figure.layout.sliders[0].steps[0].args[1]["frame"]["redraw"] is (dims == 3)


@pytest.mark.parametrize("dims", [2, 3])
def test_the_film_begins_at_the_layer_that_is_asked_for_and_its_slider_says_so(dims: int):
    embedding = an_embedding(6, 12, dims)
    figure = film(embedding, painted(embedding), LIGHT, first=4, followed=(7,))
    placed = framed(embedding)
    for trace in (trace for trace in figure.data if not trace.name.startswith("way")):
        axes = [getattr(trace, axis) for axis in "xyz"[:dims]]
        assert np.column_stack(axes) == pytest.approx(placed[4, list(trace.customdata)])
    assert figure.layout.sliders[0].active == 4


def test_the_film_moves_the_marks_of_followed_points_along_their_ways():
    embedding = an_embedding(6, 12)
    figure = film(embedding, painted(embedding), LIGHT, followed=(None, 7, 2))
    placed = framed(embedding)
    for layer, frame in enumerate(figure.frames):
        number, data = frame.traces[-1], frame.data[-1]
        assert figure.data[number].name == "followed" and list(figure.data[number].customdata) == [7, 2]
        assert np.column_stack([data.x, data.y]) == pytest.approx(placed[layer, [7, 2]], abs=1e-6)
    moved = {figure.data[number].name for number in figure.frames[0].traces}
    assert not [name for name in moved if name.startswith("way")], "the lines stand still"


def test_a_film_of_many_points_shows_the_same_sample_each_time():
    assert played(PLAYED_POINTS).all()
    shown = played(PLAYED_POINTS + 500)
    assert shown.sum() == PLAYED_POINTS and (shown == played(PLAYED_POINTS + 500)).all()
    many = an_embedding(2, PLAYED_POINTS + 500)
    figure = film(many, by_scale(place_scale(many, 0), LIGHT, flat=True), LIGHT, followed=(int(np.argmin(shown)),))
    drawn = next(trace for trace in figure.data if trace.mode == "markers").customdata
    assert sorted(drawn) == list(np.flatnonzero(shown))
    assert list(figure.data[-1].customdata) == [int(np.argmin(shown))], "a followed point is drawn in any case"


def test_what_explains_the_colours_stands_below_a_pair():
    embedding = an_embedding(6, 12)
    bar = pair(
        embedding, (0, 5), by_scale(place_scale(embedding, 0), LIGHT, flat=True), LIGHT
    ).layout.coloraxis.colorbar
    assert bar.orientation == "h" and bar.title.text == "rank, left to right, in layer 0"
    assert pair(an_embedding(1), (0,), painted(an_embedding(1)), LIGHT).layout.annotations[0].text == "layer 0"
    assert axis_ranges(embedding, 0)[0] == pytest.approx(
        tuple(pair(embedding, (0, 5), painted(embedding), LIGHT).layout.xaxis.range)
    )
