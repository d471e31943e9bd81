"""A report as tables: the figures of every model, for the eye and as CSV; subjects; divergence by position."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest

from mka.figures import words
from mka.figures.evaluation import (
    UNMERGED,
    accuracy_change,
    perplexity_change,
    report_series,
    within_one_error,
)
from mka.objects.report import Report, Result
from mka.studio.jobs.memory import count_text
from mka.studio.parts import widgets

FIGURE = "Figure"
HEADER = (
    "model", "layers", "parameters", "bytes", "perplexity", "stderr", "low", "high", "accuracy", "ci95 low",
    "ci95 high", "by letter", "kl", "kl stderr", "same next token",
)  # fmt: skip


def figures_table(report: Report) -> Mapping[str, list[str]]:
    """A row per figure and a column per model, so that it fits a narrow screen; rows that nobody has are left out."""
    columns = {
        name: _figures(result, report.baseline if name != UNMERGED else None) for name, result in report_series(report)
    }
    titles = [title for title in next(iter(columns.values())) if any(column[title] for column in columns.values())]
    return {FIGURE: titles} | {name: [column[title] for title in titles] for name, column in columns.items()}


def _figures(result: Result, base: Result | None) -> Mapping[str, str]:
    """Every figure of a model as words, "" where it was not measured; with the difference from `base` where there is
    one."""
    perplexity, choices, divergence = result.perplexity, result.choices, result.divergence
    before, asked = (base.perplexity, base.choices) if base else (None, None)
    return {
        "Layers": str(result.cost.layers),
        "Parameters": count_text(result.cost.parameters),
        "Perplexity ± s.e.": f"{words.number(perplexity.value)} ± {words.number(perplexity.stderr, 2)}"
        if perplexity
        else "",
        "Perplexity against unmerged": perplexity_change(perplexity, before) if perplexity and before else "",
        "Accuracy": words.percent(choices.accuracy) if choices else "",
        f"95{words.TIED}% interval": " to ".join(map(words.percent, choices.ci95)) if choices else "",
        "Accuracy against unmerged": accuracy_change(choices, asked) if choices and asked else "",
        "Accuracy by letter": words.percent(choices.letter) if choices else "",
        "KL in nats ± s.e.": f"{words.number(divergence.kl, 3)} ± {words.number(divergence.kl_stderr, 2)}"
        if divergence
        else "",
        "Same next token": words.percent(divergence.top1) if divergence else "",
    }


def figures_csv(report: Report) -> str:
    """One row per model, numbers as they were measured; low and high are perplexity within one standard error."""
    return widgets.csv_text(HEADER, (_numbers(name, result) for name, result in report_series(report)))


def _numbers(name: str, result: Result) -> tuple[object, ...]:
    perplexity, choices, divergence = result.perplexity, result.choices, result.divergence
    return (
        name,
        result.cost.layers,
        result.cost.parameters,
        result.cost.bytes,
        *((perplexity.value, perplexity.stderr, *within_one_error(perplexity)) if perplexity else ("",) * 4),
        *((choices.accuracy, *choices.ci95, choices.letter) if choices else ("",) * 4),
        *((divergence.kl, divergence.kl_stderr, divergence.top1) if divergence else ("",) * 3),
    )


def subjects_csv(report: Report) -> str:
    """One row per model and subject."""
    rows = (
        (name, subject, one.accuracy, one.letter, one.n)
        for name, result in report_series(report)
        if result.choices
        for subject, one in result.choices.subjects.items()
    )
    return widgets.csv_text(("model", "subject", "accuracy", "by letter", "questions"), rows)


def positions_csv(report: Report) -> str:
    """One row per model and token position; no stderr in what an earlier version wrote."""
    rows = (
        (name, at, kl, stderr)
        for name, result in report_series(report)
        if result.divergence
        for at, (kl, stderr) in enumerate(
            zip_longest(result.divergence.by_position, result.divergence.position_stderr, fillvalue="")
        )
    )
    return widgets.csv_text(("model", "position", "kl in nats", "stderr"), rows)


def measured_on(report: Report) -> str:
    """How many texts and questions the figures rest on."""
    parts = []
    if report.result.perplexity:
        parts.append(f"{report.result.perplexity.texts} texts of {report.text_source}")
    if report.result.choices:
        shots = f" with {report.result.choices.shots} solved before each" if report.result.choices.shots else ""
        parts.append(f"{report.result.choices.n} questions of {report.question_source}{shots}")
    how = ", ".join([*([f"{report.dtype} weights"] if report.dtype else []), f"seed {report.seed}"])
    return f"Measured on {' and '.join(parts)}, {how}." if parts else f"{how[0].upper()}{how[1:]}."
