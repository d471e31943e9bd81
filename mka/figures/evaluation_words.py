"""One plain sentence, or a few, per picture of an evaluation: the text under it and its `alt`."""

from __future__ import annotations

import math

from mka.figures import words
from mka.figures.evaluation import accuracy_change, perplexity_change
from mka.figures.subjects import by_loss
from mka.figures.token_divergence import by_position
from mka.objects.report import Report, Result

FEW = 30
"""Below so many questions a 95 % interval is up to 34 points wide and more."""
STEADY = 1.25
"""Two halves of a text whose divergences are within this factor count as the same."""


def of_overview(report: Report) -> str:
    """Perplexity and accuracy in one breath, never one without the other, and the same of the controls."""
    result, base = report.result, report.baseline
    parts = []
    if result.perplexity:
        now = words.number(result.perplexity.value)
        if base and base.perplexity:
            change = perplexity_change(result.perplexity, base.perplexity)
            now = f"{words.number(base.perplexity.value)} to {now} ({change})"
        parts.append(f"perplexity {now}")
    if result.choices:
        now = words.percent(result.choices.accuracy)
        if base and base.choices:
            change = accuracy_change(result.choices, base.choices)
            now = f"{words.percent(base.choices.accuracy)} to {now} ({change})"
        parts.append(f"accuracy {now}")
    if not parts:
        return "Neither perplexity nor accuracy was measured."
    beside = [f"{name} {_both(one)}" for name, one in report.controls.items() if one.perplexity or one.choices]
    said = f"Unmerged to merged: {', '.join(parts)}." if base else f"Merged: {', '.join(parts)}."
    return f"{said} Deleting as many layers: {'; '.join(beside)}." if beside else said


def _both(result: Result) -> str:
    parts = [f"perplexity {words.number(result.perplexity.value)}"] if result.perplexity else []
    parts += [f"accuracy {words.percent(result.choices.accuracy)}"] if result.choices else []
    return ", ".join(parts)


def of_subjects(report: Report) -> str:
    """Which subject lost most and which least or won, and whether there are questions enough to tell."""
    rows, asked = by_loss(report), report.result.choices
    if asked is None or not rows:
        return "No question was asked."
    known = [(name, won) for name, won in rows if not math.isnan(won)]
    said = "Without a baseline no loss is known; the lowest accuracy stands on top."
    if known:
        ends = [f"{words.signed(100 * won)} points ({name.replace('_', ' ')})" for name, won in (known[0], known[-1])]
        said = f"The merge moves accuracy by {f'between {ends[0]} and {ends[1]}' if len(known) > 1 else ends[0]}."
    few = [one.n for one in asked.subjects.values() if one.n < FEW]
    if not few:
        return said
    which = "Every subject has" if len(few) == len(rows) else f"{len(few)} of {len(rows)} subjects have"
    return (
        f"{said} {which} fewer than {FEW} questions (as few as {min(few)}), so the intervals are wide: "
        "take the order of the subjects for a hint, not for a finding."
    )


def of_positions(report: Report) -> str:
    """Whether the distance from the unmerged model grows along the text."""
    curves = dict(by_position(report))
    values = [value for value in next(iter(curves.values()), ()) if math.isfinite(value)]
    if not values:
        return "The divergence by position is not known."
    half = len(values) // 2
    if not half:
        return f"Only one position could be read: {words.number(values[0], 3)} nats there."
    early, late = sum(values[:half]) / half, sum(values[half:]) / (len(values) - half)
    if early <= STEADY * late and late <= STEADY * early:
        way = "about the same along the text"
    else:
        way = "growing along the text" if late > early else "shrinking along the text"
    return (
        f"The merged model's next token is {words.number(early, 3)} nats from the unmerged model's over the first half "
        f"of the positions and {words.number(late, 3)} over the second: {way}."
    )
