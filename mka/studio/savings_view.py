"""What a plan saves, as figures and as words."""

from __future__ import annotations

from collections.abc import Callable

from mka.figures import words
from mka.objects.model_summary import ModelSummary
from mka.objects.plan import MergePlan
from mka.objects.sizes import bytes_text
from mka.planning.savings import savings
from mka.studio.memory import count_text
from mka.studio.widgets import figures


def savings_view(summary: ModelSummary, plan: MergePlan) -> None:
    """Layers, parameters, weights and cache after the plan, each with its change."""
    saved = savings(summary, plan)
    rows: tuple[tuple[str, Callable[[int], str], tuple[int, int]], ...] = (
        ("Layers", str, saved.layers),
        ("Parameters", count_text, saved.parameters),
        ("Weights", bytes_text, saved.bytes),
        ("Cache per token", bytes_text, saved.cache_bytes_per_token),
    )
    figures(
        [
            (label, said(after), f"{_change(before, after)} of {said(before)}" if after != before else "as before")
            for label, said, (before, after) in rows
        ]
    )


def saved_words(summary: ModelSummary, before: MergePlan, after: MergePlan) -> str:
    """What `after` saves that `before` did not."""
    first, second = savings(summary, before), savings(summary, after)
    layers = first.layers[1] - second.layers[1]
    parameters = first.parameters[1] - second.parameters[1]
    size = first.bytes[1] - second.bytes[1]
    if layers <= 0:
        return f"No layer fewer than now: {after.layers_after} of {after.depth} stay."
    beyond = " beyond the plan so far" if before.groups else ""
    return f"Saves {_layers(layers)}, {count_text(parameters)} parameters and {bytes_text(size)}{beyond}."


def size_words(summary: ModelSummary, plan: MergePlan) -> str:
    """The model after the plan in one line."""
    saved = savings(summary, plan)
    change = _change(*saved.parameters)
    return f"{plan.depth} → {_layers(plan.layers_after)}, {count_text(saved.parameters[1])} parameters ({change})"


def _layers(count: int) -> str:
    return "1 layer" if count == 1 else f"{count} layers"


def _change(before: int, after: int) -> str:
    return words.change((after - before) / before if before else 0.0)
