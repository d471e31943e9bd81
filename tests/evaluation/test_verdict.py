import math
from dataclasses import replace

import pytest

from mka.evaluation.verdict import headline, kind_of_loss, verdict
from mka.objects.report import Choices, Cost, Divergence, Perplexity, Result


def result(
    perplexity: float, accuracy: float, *, layers: int = 12, stderr: float = 0.05, name: str = "merged"
) -> Result:
    return Result(
        name=name,
        cost=Cost(layers=layers, parameters=1, bytes=4, tokens_per_second=math.nan),
        perplexity=Perplexity(perplexity, stderr, tokens=1000, texts=50),
        choices=Choices(accuracy, (accuracy - 0.02, accuracy + 0.02), accuracy, (0.0, 1.0), 400, 0, {}),
    )


BASELINE = result(2.5, 0.95)


def test_cost_in_figures():
    said = verdict(result(3.0, 0.90, layers=10), BASELINE, {})
    assert said == (
        "With 2 of 12 layers removed, perplexity goes from 2.500 to 3.000 (1.20 times), accuracy from 95.0 % to 90.0 % "
        "(\N{MINUS SIGN}5.0 points; 95 % interval 88.0 to 92.0)."
    )


def answered(lost: int, won: int, both: int = 9) -> tuple[Result, Result]:
    """A model and its baseline by which questions only one of them got right."""
    ours, theirs = "0" * lost + "1" * won + "1" * both, "1" * lost + "0" * won + "1" * both
    return tuple(
        replace(
            one, perplexity=None, choices=replace(one.choices, marks=marks, n=len(marks), accuracy=share, ci95=(0, 1))
        )
        for marks in (ours, theirs)
        for share in [marks.count("1") / len(marks)]
        for one in [result(3.0, share)]
        if one.choices is not None
    )  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("lost", "won", "both", "said"),
    [
        (1, 0, 19, "\N{MINUS SIGN}5.0 points: 1 question lost, 0 won; that can be chance, p = 1.0)"),
        # One head or none in ten throws, either way round: 2 (1 + 10) / 1024 = .0215.
        (9, 1, 10, "\N{MINUS SIGN}40.0 points: 9 questions lost, 1 won; that is more than chance, p = 0.021)"),
        # All five: 2 / 32.
        (0, 5, 5, "+50.0 points: 0 questions lost, 5 won; that can be chance, p = 0.062)"),
        (20, 0, 20, "50.0 points: 20 questions lost, 0 won; that is more than chance, p < 0.0001)"),
        (2, 2, 6, "+0.0 points: 2 questions lost, 2 won)"),
    ],
)
def test_a_change_of_accuracy_is_judged_by_the_questions_that_differ(lost: int, won: int, both: int, said: str):
    assert said in verdict(*answered(lost, won, both), {})


def test_ranking_outlives_the_language():
    assert "It still ranks the answers, but no longer speaks the language." in verdict(
        result(31010, 0.92), BASELINE, {}
    )
    assert "It no longer speaks the language and answers hardly better than guessing." in verdict(
        result(31010, 0.30), BASELINE, {}
    )
    assert "language" not in verdict(result(24.9, 0.92), BASELINE, {})


def test_the_language_outlives_the_ranking():
    # .95 is .70 above chance; .38 leaves .13 of it, less than a fifth; .40 leaves .15, more.
    lost = "It still speaks the language, but answers hardly better than guessing."
    assert kind_of_loss(result(5.0, 0.38), BASELINE) == lost and lost in verdict(result(5.0, 0.38), BASELINE, {})
    assert kind_of_loss(result(5.0, 0.40), BASELINE) == ""
    assert kind_of_loss(result(5.0, 0.38), None) == ""


def test_lost_answers_lead_whatever_the_language():
    # The interval of .26 begins at .24, below the .25 of guessing; that of .38 at .36.
    assert [kind_of_loss(result(value, 0.26), BASELINE) for value in (5.0, 5.1, 14.3, 24.9, 25.0, math.inf)] == [
        "It still speaks the language, but answers no better than guessing.",
        *["It answers no better than guessing."] * 3,
        *["It no longer speaks the language and answers no better than guessing."] * 2,
    ]
    assert kind_of_loss(result(14.3, 0.38), BASELINE) == "It answers hardly better than guessing."
    assert headline(result(14.3, 0.26), BASELINE, {"truncate": result(3.0, 0.9)}) == (
        "It answers no better than guessing. It is worse than deleting as many layers."
    )


def test_the_headline_is_the_verdict_without_its_figures():
    controls = {"truncate": result(3.6, 0.9), "drop-keep-last": result(3.1, 0.9)}
    assert [headline(result(value, 0.9), BASELINE, controls) for value in (3.05, 2.6, 3.5, math.nan)] == [
        "It adds nothing over deleting as many layers.",
        "It beats deleting as many layers.",
        "It is worse than deleting as many layers.",
        "Whether it beats deleting as many layers cannot be told.",
    ]
    assert headline(result(31010, 0.92), BASELINE, controls) == (
        "It still ranks the answers, but no longer speaks the language. It is worse than deleting as many layers."
    )
    assert headline(result(3.0, 0.9), BASELINE, {}) == verdict(result(3.0, 0.9), BASELINE, {})
    assert headline(Result("m", BASELINE.cost), None, {}) == ""


def test_an_infinite_perplexity_is_a_lost_language():
    said = verdict(result(math.inf, 0.92, stderr=math.inf), BASELINE, {"truncate": result(3, 0.9)})
    assert (
        "no longer speaks the language" in said
        and "It is worse than deleting as many layers (perplexity beyond any number against 3.000 by truncate)" in said
    )


def test_against_the_best_control():
    controls = {"truncate": result(3.6, 0.9), "drop-keep-last": result(3.1, 0.9)}
    even, better, worse = (verdict(result(value, 0.9), BASELINE, controls) for value in (3.05, 2.6, 3.5))
    assert "It adds nothing over deleting as many layers (perplexity 3.050 against 3.100 by drop-keep-last" in even
    assert "It beats deleting as many layers (perplexity 2.600 against 3.100 by drop-keep-last)." in better
    assert "It is worse than deleting as many layers (perplexity 3.500 against 3.100 by drop-keep-last)." in worse


def test_two_standard_errors_decide():
    # log(2.0) - log(1.9) = .051; each error is .02 of its value, together .028: twice that is .057.
    near = verdict(result(1.9, 0.9, stderr=0.038), None, {"truncate": result(2.0, 0.9, stderr=0.04)})
    far = verdict(result(1.8, 0.9, stderr=0.036), None, {"truncate": result(2.0, 0.9, stderr=0.04)})
    assert "adds nothing" in near and "It beats" in far


def test_a_destroyed_model_is_said_to_be_one():
    said = verdict(result(math.nan, math.nan, stderr=math.nan), BASELINE, {"truncate": result(3, 0.9)})
    assert "Perplexity has no value" in said and "accuracy has no value" in said and "cannot be told" in said


def test_accuracy_decides_where_no_perplexity_was_measured():
    def only_choices(accuracy: float) -> Result:
        one = result(1, accuracy)
        return Result(one.name, one.cost, choices=one.choices)

    assert "It beats deleting as many layers (accuracy 90.0 % against 50.0 % by truncate)" in verdict(
        only_choices(0.9), None, {"truncate": only_choices(0.5)}
    )


def test_without_anything_measured_there_is_nothing_to_say():
    assert verdict(Result("m", BASELINE.cost), None, {}) == ""


def test_divergence_decides_where_nothing_else_was_measured():
    def moved(kl: float, error: float = 0.01) -> Result:
        return Result("m", BASELINE.cost, divergence=Divergence(kl, error, 0.875, 1000))

    said = verdict(moved(0.5), Result("b", BASELINE.cost), {"truncate": moved(0.9), "drop-keep-last": moved(0.7)})
    assert said == (
        "The next-token distribution is 0.500 nats (KL) from the baseline's and picks the same token 87.5 % "
        "of the time. "
        "It beats deleting as many layers (KL 0.500 against 0.700 nats by drop-keep-last)."
    )
    # .70 - .68 = .02 is within twice the joint error .0141.
    assert "It adds nothing" in verdict(moved(0.7), None, {"truncate": moved(0.68)})
    assert "has no value" in verdict(moved(math.nan), None, {})
