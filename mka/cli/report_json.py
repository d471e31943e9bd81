"""An evaluation as JSON that other programs read."""

from __future__ import annotations

import math
from typing import Any

from mka.evaluation.paired import paired
from mka.objects.report import Choices, Perplexity, Report, Result


def report_json(report: Report) -> dict[str, Any]:
    """Tasks with the baseline's figure inside each, the controls alike without one, and where it all comes from.

    A task that was not run is left out. Units and ranges are those of `mka.objects.report`.
    """
    result, baseline = report.result, report.baseline
    return {
        "tasks": _tasks(result, baseline),
        "controls": {name: _control(one) for name, one in report.controls.items()},
        "refused_controls": report.refused_controls,
        "verdict": report.verdict,
        "model": {"name": result.name, "source": report.source, "dtype": report.dtype, **_size(result)},
        "baseline": {"name": baseline.name, **_size(baseline), **_figures(baseline)} if baseline else None,
        "plan_key": report.plan_key or None,
        "text_source": report.text_source or None,
        "question_source": report.question_source or None,
        "seed": report.seed,
        "versions": report.versions,
    }


def _tasks(result: Result, baseline: Result | None) -> dict[str, Any]:
    tasks = _figures(result)
    if "perplexity" in tasks:
        before = baseline.perplexity if baseline else None
        tasks["perplexity"]["baseline"] = before.value if before else None
    if "choices" in tasks:
        asked = baseline.choices if baseline else None
        tasks["choices"]["baseline"] = asked.accuracy if asked else None
        tasks["choices"]["paired"] = _paired(result.choices, asked)
        for name, subject in tasks["choices"]["subjects"].items():
            subject["baseline"] = asked.subjects[name].accuracy if asked else None
    if "speed" in tasks:
        tasks["speed"]["baseline"] = baseline.cost.tokens_per_second if baseline else None
    return tasks


def _paired(now: Choices | None, before: Choices | None) -> dict[str, Any] | None:
    """Questions lost and won against the baseline, and the paired test's p; None where the answers are not known."""
    differing = paired(now, before) if now and before else None
    return {"lost": differing.lost, "won": differing.won, "p": differing.p} if differing else None


def _control(result: Result) -> dict[str, Any]:
    return {**_size(result), **_figures(result)}


def _size(result: Result) -> dict[str, int]:
    return {"layers": result.cost.layers, "parameters": result.cost.parameters, "bytes": result.cost.bytes}


def _figures(result: Result) -> dict[str, Any]:
    """What was measured of one model, by task."""
    figures: dict[str, Any] = {}
    if result.perplexity is not None:
        figures["perplexity"] = _perplexity(result.perplexity)
    if result.choices is not None:
        figures["choices"] = _choices(result.choices)
    if result.divergence is not None:
        figures["divergence"] = result.divergence
    if result.generations:
        figures["generation"] = result.generations
    if not math.isnan(result.cost.tokens_per_second):  # NaN: not asked for
        figures["speed"] = {"tokens_per_second": result.cost.tokens_per_second}
    return figures


def _perplexity(measured: Perplexity) -> dict[str, Any]:
    return {
        "value": measured.value,
        "stderr": measured.stderr,
        "tokens": measured.tokens,
        "texts": measured.texts,
        "split": measured.split,
    }


def _choices(measured: Choices) -> dict[str, Any]:
    return {
        "accuracy": measured.accuracy,
        "ci95": measured.ci95,
        "letter": measured.letter,
        "letter_ci95": measured.letter_ci95,
        "n": measured.n,
        "shots": measured.shots,
        "cut": measured.cut,
        "subjects": {
            name: {"accuracy": one.accuracy, "n": one.n, "letter": one.letter}
            for name, one in measured.subjects.items()
        },
    }
