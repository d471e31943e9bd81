"""What a plan saves, as figures and as words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from mka.figures import words
from mka.objects.model_summary import ModelSummary
from mka.objects.plan import MergePlan
from mka.objects.savings import Savings
from mka.planning.savings import savings
from mka.studio.jobs.memory import count_text
from mka.studio.parts.widgets import figures


@dataclass(frozen=True)
class Quantity:
    """One figure of Savings: its name, how its values are said, and where they stand."""

    name: str
    said: Callable[[float], str]
    of: Callable[[Savings], tuple[int, int]]


QUANTITIES: Sequence[Quantity] = (
    Quantity("Layers", count_text, lambda saved: saved.layers),
    Quantity("Parameters", count_text, lambda saved: saved.parameters),
    Quantity("Weights", words.size, lambda saved: saved.bytes),
    Quantity("FLOPs per token", count_text, lambda saved: saved.flops_per_token),
    Quantity("Cache per token", words.size, lambda saved: saved.cache_bytes_per_token),
)


def savings_view(summary: ModelSummary, plan: MergePlan) -> None:
    """Every quantity after the plan, each with its change."""
    saved = savings(summary, plan)
    figures([(one.name, one.said(one.of(saved)[1]), _beneath(one, *one.of(saved))) for one in QUANTITIES])
    st.caption(
        "FLOPs: two for each weight of the layers and of the output head, of experts for all; attention over the "
        "context comes on top and grows with the text."
    )


def saved_words(summary: ModelSummary, before: MergePlan, after: MergePlan) -> str:
    """What `after` saves that `before` did not."""
    first, second = savings(summary, before), savings(summary, after)
    layers = first.layers[1] - second.layers[1]
    parameters = first.parameters[1] - second.parameters[1]
    size = first.bytes[1] - second.bytes[1]
    stay = f"{after.layers_after} of {after.depth} stay"
    if layers < 0:
        return f"{_layers(-layers)} more than now: {stay}, {before.layers_after} with the plan so far."
    if layers == 0:
        return f"As many layers as now: {stay}."
    beyond = " beyond the plan so far" if before.groups else ""
    return f"Saves {_layers(layers)}, {count_text(parameters)} parameters and {words.size(size)}{beyond}."


def size_words(summary: ModelSummary, plan: MergePlan) -> str:
    """The model after the plan in one line."""
    saved = savings(summary, plan)
    change = _change(*saved.parameters)
    return f"{plan.depth} → {_layers(plan.layers_after)}, {count_text(saved.parameters[1])} parameters ({change})"


def _beneath(quantity: Quantity, before: int, after: int) -> str:
    return f"{_change(before, after)} from {quantity.said(before)}" if after != before else "as before"


def _layers(count: int) -> str:
    return "1 layer" if count == 1 else f"{count} layers"


def _change(before: int, after: int) -> str:
    return words.change((after - before) / before if before else 0.0)
