"""The pictures of an evaluation on reports made by hand: what stands where, which differences, and in which words."""

import math
from dataclasses import replace

import pytest

from mka.figures import evaluation_words
from mka.figures.evaluation import accuracy_change, perplexity_change, wilson, within_one_error
from mka.figures.overview import log_ticks, overview_dots
from mka.figures.subjects import by_loss, subject_dots
from mka.figures.theme import DARK, LIGHT
from mka.figures.token_divergence import by_position, divergence_curves
from mka.objects.report import Choices, Divergence, Halves, Perplexity, Report, SubjectAccuracy
from tests.studio.builders import a_report

NAMES = ["merged", "unmerged", "truncate", "drop-keep-last"]


def perplexity(value: float, stderr: float = 0.1) -> Perplexity:
    return Perplexity(value, stderr, 900, 30)


def choices(**subjects: tuple[float, int]) -> Choices:
    """Answers right and questions asked, by subject."""
    each = {name: SubjectAccuracy(share, 0.25, n) for name, (share, n) in subjects.items()}
    n = sum(one.n for one in each.values())
    share = sum(one.accuracy * one.n for one in each.values()) / n
    return Choices(share, (0.0, 1.0), 0.25, (0.2, 0.3), n, 0, each)


def with_result(report: Report, **changed: object) -> Report:
    return replace(report, result=replace(report.result, **changed))  # type: ignore[arg-type]


def with_subjects(before: Choices, after: Choices) -> Report:
    report = with_result(a_report(), choices=after)
    assert report.baseline is not None
    return replace(report, baseline=replace(report.baseline, choices=before), controls={})


def moved(*by_position: float) -> Divergence:
    return Divergence(0.2, 0.01, 0.8, 900, by_position)


def dots(figure) -> dict[tuple[str, str], object]:
    """The dots of the overview, by panel's axis and model; lines left out."""
    return {(trace.xaxis, trace.name): trace for trace in figure.data if trace.mode != "lines"}


def test_wilson_solves_its_own_equation():
    """The bounds p solve (share - p)^2 = z^2 p (1 - p) / n: the definition of the interval."""
    for share, n in ((0.9, 50), (0.25, 8), (0.0, 10), (1.0, 10)):
        for bound in wilson(share, n):
            assert (share - bound) ** 2 == pytest.approx(1.959963984540054**2 * bound * (1 - bound) / n, abs=1e-12)
    assert wilson(0.3, 0) == (0.0, 1.0)


def test_one_standard_error_is_one_of_the_mean_log_likelihood():
    """By the delta method the error of log(value) is stderr / value."""
    low, high = within_one_error(perplexity(4.0, 2.0))
    assert (math.log(low), math.log(high)) == pytest.approx((math.log(4) - 0.5, math.log(4) + 0.5))
    assert within_one_error(perplexity(1.0, 1e9))[0] > 0
    assert all(map(math.isnan, within_one_error(perplexity(math.inf, math.inf))))


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [
        (3.0, 2.4, "+25.0\xa0%"),
        (2.4, 3.0, "−20.0\xa0%"),
        (19.98, 2.0, "+899.0\xa0%"),
        (20.0, 2.0, "×10.0"),
        (62020.0, 2.0, "×31,010"),
        (math.nan, 2.0, "no value"),
        (math.inf, 2.0, "∞"),
        (math.inf, math.inf, "no value"),
    ],
)
def test_a_perplexity_differs_by_percent_and_from_ten_times_on_by_times(now: float, before: float, said: str):
    assert perplexity_change(perplexity(now), perplexity(before)) == said


def test_accuracies_differ_by_points():
    assert accuracy_change(choices(s=(0.5, 8)), choices(s=(0.625, 8))) == "−12.5 points"
    assert accuracy_change(choices(s=(0.75, 8)), choices(s=(0.5, 8))) == "+25.0 points"
    assert accuracy_change(choices(s=(math.nan, 8)), choices(s=(0.5, 8))) == "no value"


def test_the_overview_puts_perplexity_beside_accuracy_on_the_same_rows():
    figure = overview_dots(a_report(), LIGHT)
    assert (figure.layout.xaxis.type, figure.layout.xaxis2.type) == ("log", "linear")
    assert list(figure.layout.yaxis.ticktext) == NAMES and figure.layout.yaxis2.matches == "y"
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1], "the merged model on top"
    found = dots(figure)
    assert [found["x", name].x[0] for name in NAMES] == [3.0, 2.6, 4.0, 3.5]
    assert [found["x2", name].x[0] for name in NAMES] == [0.9, 0.97, 0.7, 0.75]
    assert [found["x", name].y[0] for name in NAMES] == [found["x2", name].y[0] for name in NAMES] == [0, 1, 2, 3]
    assert len({(found["x", name].marker.color, found["x", name].marker.symbol) for name in NAMES}) == 4
    assert len({found["x", name].marker.symbol for name in NAMES}) == 4, "told apart without colour too"


def test_the_overview_writes_signed_differences_at_the_dots_and_draws_intervals():
    found = dots(overview_dots(a_report(), DARK))
    # 3.0 / 2.6 = 1.1538, 4.0 / 2.6 = 1.5385, 3.5 / 2.6 = 1.3462
    assert [found["x", name].text[0] for name in NAMES] == [
        "<b>+15.4\xa0%</b>", "<b>2.600</b>", "<b>+53.8\xa0%</b>", "<b>+34.6\xa0%</b>",
    ]  # fmt: skip
    assert [found["x2", name].text[0] for name in NAMES] == [
        "<b>−7.0</b>",
        "<b>97.0\xa0%</b>",
        "<b>−27.0</b>",
        "<b>−22.0</b>",
    ]
    bars = found["x", "merged"].error_x
    assert 3.0 + bars.array[0] == pytest.approx(3 * math.exp(0.1 / 3))
    assert 3.0 - bars.arrayminus[0] == pytest.approx(3 / math.exp(0.1 / 3))
    bars = found["x2", "merged"].error_x
    assert (bars.array[0], bars.arrayminus[0]) == pytest.approx((0.1, 0.1))


def test_differences_are_written_to_the_inner_side():
    found = dots(overview_dots(a_report(), LIGHT))
    assert found["x", "unmerged"].textposition == "top right" and found["x", "truncate"].textposition == "top left"


def test_a_line_continues_the_unmerged_models_value():
    lines = [trace for trace in overview_dots(a_report(), LIGHT).data if trace.mode == "lines"]
    assert [(trace.xaxis, *trace.x) for trace in lines] == [("x", 2.6, 2.6), ("x2", 0.97, 0.97), ("x2", 0.25, 0.25)]


@pytest.mark.parametrize(("value", "said"), [(math.inf, "<b>∞</b>"), (math.nan, "<b>no value</b>")])
def test_what_has_no_dot_says_why(value: float, said: str):
    figure = overview_dots(with_result(a_report(), perplexity=perplexity(value, math.nan)), LIGHT)
    mark = dots(figure)["x", "merged"]
    assert mark.mode == "text" and mark.text[0] == said and mark.error_x.visible is False
    low, high = figure.layout.xaxis.range
    assert low == pytest.approx(math.log10(mark.x[0])) and math.isfinite(high)
    assert low < math.log10(2.6) < math.log10(4.0) < high, "the others are drawn as ever"


def test_a_panel_of_what_was_not_measured_is_left_out():
    report = with_result(a_report(), choices=None)
    bare = replace(report, baseline=replace(report.baseline, choices=None), controls={})  # type: ignore[type-var]
    figure = overview_dots(bare, LIGHT)
    assert {trace.xaxis for trace in figure.data} == {"x"} and len(dots(figure)) == 2
    assert not overview_dots(with_result(replace(bare, baseline=None), perplexity=None), LIGHT).data


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (2.4, 4.4, [2.5, 3.0, 3.5, 4.0]),
        (2.0, 25.0, [2, 5, 10, 20]),
        (2.0, 40_000.0, [10, 100, 1000, 10_000]),
        (1.0, 1e7, [1, 100, 10_000, 1_000_000]),
    ],
)
def test_ticks_are_round_and_few(low: float, high: float, ticks: list[float]):
    assert log_ticks(low, high) == pytest.approx(ticks)


def test_ticks_of_a_narrow_range_are_fine():
    found = log_ticks(2.6, 2.62)
    assert 1 <= len(found) <= 4 and all(2.6 <= tick <= 2.62 for tick in found)


def test_the_sentence_never_gives_accuracy_alone():
    assert evaluation_words.of_overview(a_report()) == (
        "Unmerged to merged: perplexity 2.600 to 3.000 (+15.4\xa0%), accuracy 97.0\xa0% to 90.0\xa0% (−7.0 points). "
        "Deleting as many layers: truncate perplexity 4.000, accuracy 70.0\xa0%; "
        "drop-keep-last perplexity 3.500, accuracy 75.0\xa0%."
    )
    alone = replace(a_report(), baseline=None, controls={})
    assert evaluation_words.of_overview(alone) == "Merged: perplexity 3.000, accuracy 90.0\xa0%."
    nothing = with_result(alone, perplexity=None, choices=None)
    assert evaluation_words.of_overview(nothing) == "Neither perplexity nor accuracy was measured."


SUBJECTS = with_subjects(
    choices(even=(0.5, 40), lost=(1.0, 40), won_a_lot_of_history=(0.25, 40)),
    choices(even=(0.5, 40), lost=(0.5, 40), won_a_lot_of_history=(0.5, 40)),
)


def test_subjects_are_sorted_by_loss():
    assert by_loss(SUBJECTS) == (("lost", -0.5), ("even", 0.0), ("won_a_lot_of_history", 0.25))
    alone = replace(with_result(SUBJECTS, choices=choices(a=(0.9, 40), b=(0.3, 40))), baseline=None)
    assert [name for name, _ in by_loss(alone)] == ["b", "a"]
    assert by_loss(with_result(SUBJECTS, choices=None)) == ()


def test_subject_dots_show_every_model_with_intervals():
    figure = subject_dots(a_report(), LIGHT)
    assert [trace.name for trace in figure.data] == NAMES
    merged = figure.data[0]
    assert list(merged.x) == [0.9, 0.9]
    low, high = wilson(0.9, 50)
    assert math.isclose(merged.error_x.array[0], high - 0.9) and math.isclose(merged.error_x.arrayminus[0], 0.9 - low)
    assert len({trace.marker.symbol for trace in figure.data}) == 4


def test_the_largest_loss_is_on_top_with_its_points_beside_it():
    figure = subject_dots(SUBJECTS, LIGHT)
    assert list(figure.layout.yaxis.ticktext) == [
        "lost<br><b>−50.0</b>", "even<br><b>+0.0</b>", "won a lot of history<br><b>+25.0</b>",
    ]  # fmt: skip
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1], "the first row on top"
    assert list(figure.data[0].x) == [0.5, 0.5, 0.5] and list(figure.data[1].x) == [1.0, 0.5, 0.25]
    assert figure.data[0].y[0] < 0 < figure.data[1].y[0], "within a row the merged model on top"


def test_a_subjects_name_is_text_and_broken_where_it_is_long():
    nasty = choices(**{"<b>x</b>": (0.5, 40), "high_school_european_history": (0.5, 40)})
    first, second = subject_dots(with_subjects(nasty, nasty), LIGHT).layout.yaxis.ticktext
    assert first.startswith("&lt;b&gt;x&lt;/b&gt;") and second.startswith("high school european<br>history<br>")


def test_subjects_in_words():
    assert evaluation_words.of_subjects(SUBJECTS) == (
        "The merge moves accuracy by between −50.0 points (lost) and +25.0 points (won a lot of history)."
    )
    one = with_subjects(choices(sums=(1.0, 30)), choices(sums=(0.5, 30)))
    assert evaluation_words.of_subjects(one) == "The merge moves accuracy by −50.0 points (sums)."
    even, all_lost = choices(a=(0.5, 40), b=(0.25, 40)), choices(a=(0.25, 40), b=(0.0, 40))
    assert evaluation_words.of_subjects(with_subjects(even, even)) == "The merge moves accuracy in no subject."
    assert (
        evaluation_words.of_subjects(with_subjects(even, all_lost))
        == "The merge moves accuracy by −25.0 points in every subject."
    )
    assert evaluation_words.of_subjects(replace(one, baseline=None)).startswith("Without a baseline")
    assert evaluation_words.of_subjects(with_result(one, choices=None)) == "No question was asked."


def test_few_questions_are_said_to_be_few():
    some = with_subjects(choices(a=(1.0, 29), b=(1.0, 30)), choices(a=(0.5, 29), b=(0.5, 30)))
    assert "1 of 2 subjects have fewer than 30 questions (as few as 29), so the intervals are wide" in (
        evaluation_words.of_subjects(some)
    )
    all_few = with_subjects(choices(a=(1.0, 3), b=(1.0, 9)), choices(a=(0.5, 3), b=(0.5, 9)))
    assert "Every subject has fewer than 30 questions (as few as 3)" in evaluation_words.of_subjects(all_few)


POSITIONS = with_result(a_report(), divergence=moved(0.1, math.nan, 0.3, 0.5, 0.7))


def test_divergence_has_a_line_per_model_and_a_gap_where_nothing_is_known():
    report = replace(POSITIONS, controls={"truncate": replace(POSITIONS.result, divergence=moved(1.0, 2.0))})
    assert [name for name, _ in by_position(report)] == ["merged", "truncate"]
    merged, control = divergence_curves(report, DARK).data
    assert list(merged.x) == [0, 1, 2, 3, 4] and list(merged.y) == [0.1, None, 0.3, 0.5, 0.7]
    assert list(control.y) == [1.0, 2.0] and merged.marker.symbol != control.marker.symbol


def test_the_lines_are_told_apart_without_colour_and_marked_seldom():
    controls = {
        name: replace(POSITIONS.result, divergence=moved(1.0, 2.0)) for name in ("truncate", "drop-keep-last", "x")
    }
    lines = divergence_curves(replace(POSITIONS, controls=controls), LIGHT).data
    assert len({line.line.dash for line in lines}) == len({line.marker.symbol for line in lines}) == 4
    assert all(line.marker.maxdisplayed <= 10 for line in lines)


def test_one_standard_error_lies_behind_the_merged_model_and_never_below_zero():
    known = replace(moved(0.1, math.nan, 0.3), position_stderr=(0.2, 0.1, 0.1))
    band, line = divergence_curves(with_result(POSITIONS, divergence=known), LIGHT).data
    assert line.name == "merged" and band.fill == "toself" and band.hoverinfo == "skip" and not band.showlegend
    assert list(band.x) == [0, 2, 2, 0] and list(band.y) == pytest.approx([0.3, 0.4, 0.2, 0.0])
    unsure = replace(moved(0.1), position_stderr=(math.nan,))
    assert len(divergence_curves(with_result(POSITIONS, divergence=unsure), LIGHT).data) == 1


@pytest.mark.parametrize(
    ("halves", "said"),
    [
        ((0.2, 0.6, 0.1, 30), "On average over 30 texts the merged model's next token is 0.200 nats from the unmerged "
         "model's in the first half and 0.600 in the second: it grows along the text by 0.40 ± 0.10."),
        ((0.6, 0.2, 0.1, 30), ": it shrinks along the text by 0.40 ± 0.10."),
        ((0.25, 0.5, 0.125, 30), ": they differ by 0.25 ± 0.12, which can be chance."),  # two errors and no more
        ((0.0, 0.0, 0.0, 30), ": the same along the text."),
        ((0.2, 0.6, math.nan, 1), "In the one text the merged model's next token is 0.200 nats from the unmerged "
         "model's in the first half and 0.600 in the second: too little is known to tell whether it grows along the "
         "text."),
        ((math.nan, math.nan, math.nan, 9), "too little is known to tell whether it grows along the text."),
    ],
)  # fmt: skip
def test_positions_in_words(halves: tuple[float, float, float, int], said: str):
    report = with_result(POSITIONS, divergence=replace(moved(0.1), halves=Halves(*halves)))
    assert evaluation_words.of_positions(report).endswith(said)


def test_what_an_earlier_version_measured_claims_no_growth():
    said = "How the divergence changes from the first half of each text to its second was not measured."
    assert evaluation_words.of_positions(POSITIONS) == said
    assert evaluation_words.of_positions(with_result(POSITIONS, divergence=None)) == said
