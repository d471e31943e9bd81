"""What the figures say, in plain sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from mka.evaluation.paired import paired
from mka.objects.numbers import significant
from mka.objects.report import Choices, Divergence, Perplexity, Result

SPEECH_LOST = 10.0
"""At this many times the baseline's perplexity a model no longer speaks the language."""
ANSWERS_KEPT = 0.8
"""It still ranks the answers while this share of the baseline's accuracy above chance is left."""
ANSWERS_LOST = 0.2
"""It has lost the answers where no more than this share is left."""
SPEECH_KEPT = 2.0
"""It still speaks the language up to this many times the baseline's perplexity."""
CHANCE = 0.25
UNLIKELY = 0.05
"""A change of accuracy is called more than chance below this p of the paired test."""
SMALLEST_P = 0.0001
STANDARD_ERRORS = 2.0
"""A difference of perplexities counts when it exceeds this many standard errors of the difference."""


def verdict(result: Result, baseline: Result | None, controls: Mapping[str, Result]) -> str:
    """One to three sentences: what the model costs against `baseline`, what kind of loss that is, and
    whether it beats the `controls`, which remove as many layers and merge nothing."""
    best = _against(result, controls)
    sentences = (_cost(result, baseline), kind_of_loss(result, baseline), best.sentence if best else "")
    return " ".join(filter(None, sentences))


def headline(result: Result, baseline: Result | None, controls: Mapping[str, Result]) -> str:
    """The verdict without its figures: what kind of loss, and whether it beats the `controls`; what the model costs
    where neither can be said, and "" where nothing was measured."""
    best = _against(result, controls)
    sentences = (kind_of_loss(result, baseline), f"{best.judgement}." if best else "")
    return " ".join(filter(None, sentences)) or _cost(result, baseline)


def _cost(result: Result, baseline: Result | None) -> str:
    parts = []
    if result.perplexity is not None:
        parts.append(_perplexity_change(result.perplexity, baseline.perplexity if baseline else None))
    if result.choices is not None:
        parts.append(_accuracy_change(result.choices, baseline.choices if baseline else None))
    if result.divergence is not None and not parts:
        parts.append(_distance(result.divergence))
    if not parts:
        return ""
    removed = baseline.cost.layers - result.cost.layers if baseline else 0
    lead = f"With {removed} of {baseline.cost.layers} layers removed, " if baseline and removed else ""
    text = lead + ", ".join(parts) + "."
    return text[0].upper() + text[1:]


def _perplexity_change(now: Perplexity, before: Perplexity | None) -> str:
    if math.isnan(now.value):
        return "perplexity has no value, because the model puts out NaN"
    if before is None:
        return f"perplexity is {_figure(now.value)}"
    ratio = _ratio(now, before)
    times = f" ({significant(ratio, 3)} times)" if math.isfinite(ratio) else ""
    return f"perplexity goes from {_figure(before.value)} to {_figure(now.value)}{times}"


def _accuracy_change(now: Choices, before: Choices | None) -> str:
    if math.isnan(now.accuracy):
        return "accuracy has no value, because the model puts out NaN"
    low, high = (100 * bound for bound in now.ci95)
    interval = f"95 % interval {low:.1f} to {high:.1f}"
    if before is None or math.isnan(before.accuracy):
        return f"accuracy is {100 * now.accuracy:.1f} % ({interval})"
    points = f"{_signed(100 * (now.accuracy - before.accuracy))} points"
    change = f"accuracy from {100 * before.accuracy:.1f} % to {100 * now.accuracy:.1f} %"
    return f"{change} ({points}{_questions_changed(now, before) or f'; {interval}'})"


def _questions_changed(now: Choices, before: Choices) -> str:
    """Which answers stand behind a change of accuracy and whether chance does that; "" where they are not known, since
    two overlapping intervals decide nothing about answers to the same questions."""
    differing = paired(now, before)
    if differing is None:
        return ""
    lost = f"{differing.lost} question{'' if differing.lost == 1 else 's'} lost, {differing.won} won"
    if differing.lost == differing.won:
        return f": {lost}"
    p = f"p = {significant(differing.p, 2)}" if differing.p >= SMALLEST_P else f"p < {SMALLEST_P}"
    sure = "that is more than chance" if differing.p < UNLIKELY else "that can be chance"
    return f": {lost}; {sure}, {p}"


def _distance(moved: Divergence) -> str:
    if math.isnan(moved.kl):
        return "the divergence has no value, because the model puts out NaN"
    return (
        f"the next-token distribution is {significant(moved.kl, 3)} nats (KL) from the baseline's "
        f"and picks the same token {100 * moved.top1:.1f} % of the time"
    )


def kind_of_loss(result: Result, baseline: Result | None) -> str:
    """A sentence where the answers, the language or both are gone, and which of them is still there; "" where the loss
    is a small one, or perplexity and accuracy are not both known."""
    if baseline is None or not (result.perplexity and baseline.perplexity and result.choices and baseline.choices):
        return ""
    ratio = _ratio(result.perplexity, baseline.perplexity)
    kept = _answers_kept(result.choices, baseline.choices)
    if math.isnan(ratio) or math.isnan(kept):
        return ""
    if kept <= ANSWERS_LOST:
        return _answers_lost(ratio, result.choices)
    if ratio < SPEECH_LOST:
        return ""
    if kept >= ANSWERS_KEPT:
        return "It still ranks the answers, but no longer speaks the language."
    return "It no longer speaks the language."


def _answers_lost(ratio: float, asked: Choices) -> str:
    """ratio: of the perplexities, which says what has become of the language."""
    guesses = f"answers {'no' if asked.ci95[0] <= CHANCE else 'hardly'} better than guessing"
    if ratio <= SPEECH_KEPT:
        return f"It still speaks the language, but {guesses}."
    if ratio < SPEECH_LOST:
        return f"It {guesses}."
    return f"It no longer speaks the language and {guesses}."


def _ratio(now: Perplexity, before: Perplexity) -> float:
    return now.value / before.value if math.isfinite(before.value) else math.nan


def _answers_kept(now: Choices, before: Choices) -> float:
    """Share of the accuracy above chance that is left; NaN where the baseline had none."""
    above = before.accuracy - CHANCE
    return (now.accuracy - CHANCE) / above if above > 0 else math.nan


@dataclass(frozen=True)
class _Comparison:
    """With the best control. gap: positive where the control is better; it and its standard error are in the units
    of what was compared, NaN where unknown. figures: both sides, in words."""

    gap: float
    error: float
    figures: str

    @property
    def judgement(self) -> str:
        """What the comparison comes to, without a figure and a full stop."""
        if math.isnan(self.gap) or math.isnan(self.error):
            return "Whether it beats deleting as many layers cannot be told"
        if self.within:
            return "It adds nothing over deleting as many layers"
        return f"It {'is worse than' if self.gap > 0 else 'beats'} deleting as many layers"

    @property
    def within(self) -> bool:
        return abs(self.gap) <= STANDARD_ERRORS * self.error

    @property
    def sentence(self) -> str:
        why = f": the difference is within {STANDARD_ERRORS:g} standard errors" if self.within else ""
        return f"{self.judgement} ({self.figures}{why})."


def _against(result: Result, controls: Mapping[str, Result]) -> _Comparison | None:
    """Compare with the best control: by perplexity, else by accuracy, else by divergence, as far as measured."""
    if result.perplexity is not None:
        measured = {name: one.perplexity for name, one in controls.items() if one.perplexity is not None}
        if not measured:
            return None
        name = min(measured, key=lambda key: _worst_last(measured[key].value))
        return _perplexity_against(result.perplexity, name, measured[name])
    asked = {name: one.choices for name, one in controls.items() if one.choices is not None}
    if result.choices is not None and asked:
        name = max(asked, key=lambda key: -_worst_last(-asked[key].accuracy))
        return _accuracy_against(result.choices, name, asked[name])
    moved = {name: one.divergence for name, one in controls.items() if one.divergence is not None}
    if result.divergence is None or not moved:
        return None
    name = min(moved, key=lambda key: _worst_last(moved[key].kl))
    return _divergence_against(result.divergence, name, moved[name])


def _perplexity_against(ours: Perplexity, name: str, best: Perplexity) -> _Comparison:
    gap, error = _log_gap(ours, best)
    return _Comparison(gap, error, f"perplexity {_figure(ours.value)} against {_figure(best.value)} by {name}")


def _accuracy_against(ours: Choices, name: str, best: Choices) -> _Comparison:
    error = math.hypot(*(math.sqrt(one.accuracy * (1 - one.accuracy) / one.n) for one in (ours, best)))
    figures = f"accuracy {100 * ours.accuracy:.1f} % against {100 * best.accuracy:.1f} % by {name}"
    return _Comparison(best.accuracy - ours.accuracy, error, figures)


def _divergence_against(ours: Divergence, name: str, best: Divergence) -> _Comparison:
    error = math.hypot(ours.kl_stderr, best.kl_stderr)
    both = " against ".join(significant(one.kl, 3) for one in (ours, best))
    return _Comparison(ours.kl - best.kl, error, f"KL {both} nats by {name}")


def _log_gap(ours: Perplexity, best: Perplexity) -> tuple[float, float]:
    """Difference of the mean negative log-likelihoods and its standard error, both in nats per token.

    On the log scale, because there the errors are those of means, also when a perplexity explodes.
    The two are treated as independent; read on the same texts they vary together, so this is cautious.
    """
    if math.isinf(ours.value) or math.isinf(best.value):
        return (0.0 if ours.value == best.value else math.copysign(math.inf, ours.value - best.value)), 0.0
    error = math.hypot(ours.stderr / ours.value, best.stderr / best.value)
    return math.log(ours.value) - math.log(best.value), error


def _worst_last(value: float) -> float:
    return math.inf if math.isnan(value) else value


def _signed(value: float) -> str:
    """With a true minus sign, as the pictures write it."""
    return f"{value:+.1f}".replace("-", "\N{MINUS SIGN}")


def _figure(value: float) -> str:
    return "beyond any number" if math.isinf(value) else significant(value)
