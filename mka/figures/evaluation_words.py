"""One plain sentence, or a few, per picture of an evaluation: the text under it and its `alt`."""

from __future__ import annotations

import math

from mka.figures import words
from mka.figures.evaluation import accuracy_change, perplexity_change
from mka.figures.subjects import by_loss
from mka.objects.report import Halves, Report, Result

FEW = 30
"""Below so many questions a 95 % interval is up to 34 points wide and more."""
SURE = 2.0
"""The halves of the texts are said to differ from so many standard errors of their difference on."""


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


def _moved(most: tuple[str, float], least: tuple[str, float]) -> str:
    """By how many points: of the subject that lost most, and of the one that lost least or won; each is its name and
    what was won of 1."""
    lost, won = (f"{words.signed(100 * share)} points" for _, share in (most, least))
    first, last = (name.replace("_", " ") for name, _ in (most, least))
    if most == least:
        return f"by {lost} ({first})"
    if most[1] == least[1]:
        return f"by {lost} in every subject" if most[1] else "in no subject"
    return f"by between {lost} ({first}) and {won} ({last})"


def of_subjects(report: Report) -> str:
    """Which subject lost most and which least or won, and whether there are questions enough to tell."""
    rows, asked = by_loss(report), report.result.choices
    if asked is None or not rows:
        return "No question was asked."
    known = [(name, won) for name, won in rows if not math.isnan(won)]
    said = "Without a baseline no loss is known; the lowest accuracy stands on top."
    if known:
        said = f"The merge moves accuracy {_moved(known[0], known[-1])}."
    few = [one.n for one in asked.subjects.values() if one.n < FEW]
    if not few:
        return said
    which = "Every subject has" if len(few) == len(rows) else f"{len(few)} of {len(rows)} subjects have"
    return (
        f"{said} {which} fewer than {FEW} questions (as few as {min(few)}), so the intervals are wide: "
        "take the order of the subjects for a hint, not for a finding."
    )


def of_positions(report: Report) -> str:
    """Whether the distance from the unmerged model grows along the text, as far as texts agree on it."""
    halves = report.result.divergence.halves if report.result.divergence else None
    if halves is None:
        return "How the divergence changes from the first half of each text to its second was not measured."
    texts = "In the one text" if halves.texts == 1 else f"On average over {halves.texts} texts"
    return (
        f"{texts} the merged model's next token is {words.number(halves.early, 3)} nats from the unmerged model's in "
        f"the first half and {words.number(halves.late, 3)} in the second: {_along(halves)}."
    )


def _along(halves: Halves) -> str:
    """What the difference of the halves comes to, beside its standard error."""
    difference = halves.late - halves.early
    if difference == 0:
        return "the same along the text"
    if math.isnan(difference) or math.isnan(halves.stderr):
        return "too little is known to tell whether it grows along the text"
    by = f"by {words.number(abs(difference), 2)} ± {words.number(halves.stderr, 2)}"
    if abs(difference) <= SURE * halves.stderr:
        return f"they differ {by}, which can be chance"
    return f"it {'grows' if difference > 0 else 'shrinks'} along the text {by}"
