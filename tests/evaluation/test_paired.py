"""Paired answers against the test's definition, and against another implementation of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scipy.stats import binomtest

from mka.evaluation.paired import Paired, paired
from mka.objects.report import Choices

ASKED = Choices(0.5, (0.0, 1.0), 0.5, (0.0, 1.0), 6, 0, {})


def marked(marks: str) -> Choices:
    return replace(ASKED, marks=marks)


def test_lost_and_won_are_counted_question_by_question():
    # Right to wrong is lost, wrong to right won; of ties the one between fewer options earns more.
    assert paired(marked("0113-11"), marked("10121-3")) == Paired(lost=2, won=2)


def test_answers_that_are_not_known_are_not_compared():
    assert paired(ASKED, marked("1")) is None and paired(marked("1"), ASKED) is None
    assert paired(marked("1"), marked("11")) is None
    assert paired(marked("?1"), marked("11")) == Paired(0, 0), "a mark that is none"


def test_p_in_small_cases_is_that_of_coins():
    assert Paired(0, 0).p == Paired(1, 0).p == Paired(3, 3).p == 1.0
    assert Paired(5, 0).p == 2 / 32 and Paired(1, 9).p == 2 * (1 + 10) / 1024


@pytest.mark.parametrize(("lost", "won"), [(7, 2), (2, 7), (30, 18), (900, 700), (9000, 100)])
def test_p_is_that_of_the_binomial_test(lost: int, won: int):
    assert Paired(lost, won).p == pytest.approx(binomtest(lost, lost + won, 0.5).pvalue, rel=1e-9, abs=1e-300)
