"""How far a job is, with made-up times: the whole job counts, nothing goes back, and no time is guessed."""

from __future__ import annotations

import pytest

from mka.studio.jobs.course import Course, Position, Stage

COURSE = Course((Stage("load", 1), Stage("read", 4), Stage("error bars", 2), Stage("error bars", 3)))


def after(*reports: tuple[str, int, int, float], course: Course = COURSE) -> Position:
    """The position of a job that began at 100 s after reports (stage, done, total, seconds since then)."""
    position = Position(course, 100.0)
    for stage, done, total, seconds in reports:
        position = position.reported(stage, done, total, 100.0 + seconds)
    return position


def test_the_share_is_of_the_whole_job_by_the_weights():
    assert after().share == 0
    assert after(("load", 0, 0, 1)).share == 0
    assert after(("load", 1, 2, 1)).share == pytest.approx(0.5 / 10)
    assert after(("load", 2, 2, 1), ("read", 3, 4, 5)).share == pytest.approx((1 + 3) / 10)
    assert after(("error bars", 2, 2, 9)).share == pytest.approx(7 / 10), "what was left out is behind it"
    assert after(("error bars", 2, 2, 9), ("error bars", 3, 3, 12)).share == pytest.approx(7 / 10)


def test_a_count_that_begins_anew_is_the_next_stage_of_that_name():
    assert after(("error bars", 2, 2, 9), ("error bars", 0, 2, 9)).share == pytest.approx(7 / 10)
    assert after(("error bars", 2, 2, 9), ("error bars", 1, 2, 9)).share == pytest.approx(8.5 / 10)


def test_a_stage_may_add_a_remark_in_brackets_but_no_other_word():
    assert after(("read (2 texts cut)", 1, 4, 9)).share == pytest.approx(2 / 10)
    assert after(("reading", 1, 4, 9)).share == 0


def test_the_share_never_goes_back_and_never_passes_one():
    reports = [
        ("read", 2, 4), ("read", 1, 4), ("load", 0, 1), ("nobody knows", 1, 2), ("error bars", 9, 2),
        ("error bars", 0, 0), ("error bars", 1, 2), ("read", 0, 4), ("error bars", 2, 2),
    ]  # fmt: skip
    shares = [after(*((*one, 1.0) for one in reports[:count])).share for count in range(len(reports) + 1)]
    assert shares == sorted(shares) and shares[-1] == 1


def test_without_stages_there_is_neither_share_nor_time():
    alone = after(("anything", 1, 2, 50), course=Course())
    assert alone.share is None and alone.seconds_left(200) is None


def test_the_time_left_is_the_pace_of_the_counted_stages_carried_on():
    # 2 of weight 4 in 6 s, thus 3 s for each unit, of which 2 + 2 + 3 are left; the load took long but has no count.
    position = after(("load", 0, 0, 1), ("read", 0, 4, 50), ("read", 2, 4, 56))
    assert position.seconds_left(156) == pytest.approx(21)
    assert position.seconds_left(160) == pytest.approx(17), "it runs down between two reports"
    assert position.seconds_left(200) is None, "what should have ended long ago has no time left to tell"


def test_what_was_left_out_does_not_make_the_pace():
    # Reading came from the store: 1 of weight 2 took 4 s, and 1 + 3 are left.
    position = after(("error bars", 0, 2, 10), ("error bars", 1, 2, 14))
    assert position.seconds_left(114) == pytest.approx(16)


@pytest.mark.parametrize("reports", [
    [("load", 0, 0, 9)],
    [("read", 0, 4, 0), ("read", 4, 4, 1.9)],
    [("load", 0, 4, 0), ("load", 1, 4, 30)],
])  # fmt: skip
def test_no_time_is_told_before_there_is_a_pace(reports: list[tuple[str, int, int, float]]):
    assert after(*reports).seconds_left(130) is None


def test_uneven_steps_move_the_share_but_tell_no_pace():
    fetched = after(("load", 0, 4, 0), ("load", 1, 4, 90), course=Course((Stage("load", 4, even=False), Stage("read"))))
    assert fetched.share == pytest.approx(1 / 5)
    assert fetched.seconds_left(191) is None
