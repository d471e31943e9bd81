"""Finding points by their texts and following them, without a screen."""

from __future__ import annotations

from dataclasses import replace

from mka.figures.trajectory import MOST
from mka.studio.explore.point_search import EXCERPT, NOBODY, clear, excerpt, matches, toggled
from tests.studio.builders import an_embedding


def test_a_text_is_found_whatever_its_case():
    points = an_embedding(6, 12).points  # "text 0 <img ...", ..., "text 11 <img ..."
    assert matches(points, "TEXT 1") == (1, 10, 11)
    assert matches(points, "Text 11") == (11,)
    assert matches(points, "<IMG") == tuple(range(12)) and matches(points, "nothing like it") == ()
    assert matches(points, "   ") == () and matches((), "text") == ()


def test_a_text_is_found_across_its_line_ends_and_shown_around_what_was_sought():
    point = replace(an_embedding().points[0], text=f"{'before ' * 40}the\n\tRuler of all{' after' * 40}")
    assert matches([point], "the ruler OF") == (0,)
    shown = excerpt(point.text, "the ruler")
    assert "the Ruler of all" in shown and shown.startswith("…before") and shown.endswith("…")
    assert len(shown) <= EXCERPT + 2
    assert excerpt(point.text, "").startswith("before before") and excerpt("short <b>", "b") == "short <b>"
    assert excerpt("x" * 200 + "needle", "needle").endswith("needle"), "a text without a space"


def test_what_is_found_stays_clear_and_so_does_all_where_nothing_is_sought():
    embedding = an_embedding(6, 12)
    assert clear(embedding, ()).all()
    assert list(clear(embedding, (3, 4)).nonzero()[0]) == [3, 4]
    assert list(clear(embedding, (), "animals").nonzero()[0]) == [0, 3, 6, 9]
    assert list(clear(embedding, (3, 4), "animals").nonzero()[0]) == [3]


def test_a_point_keeps_its_place_when_another_is_let_go():
    two = toggled(toggled(NOBODY, 8), 2)
    assert two[:2] == (8, 2) and len(two) == MOST
    one = toggled(two, 8)
    assert one[:2] == (None, 2)
    assert toggled(one, 5)[:2] == (5, 2), "the next one takes the free place"


def test_no_more_than_there_are_places():
    full = NOBODY
    for point in range(MOST):
        full = toggled(full, point)
    assert full == tuple(range(MOST)) and toggled(full, 99) == full
