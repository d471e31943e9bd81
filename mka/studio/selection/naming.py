"""Layers, groups and plans as a screen names them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mka.objects.plan import MergeGroup, MergePlan
from mka.objects.repairs import NONE


def named(layers: Sequence[int]) -> str:
    """3–5 for a run, 3, 5 where the run has gaps."""
    run = len(layers) > 1 and len(layers) == layers[-1] - layers[0] + 1
    return f"{layers[0]}–{layers[-1]}" if run else ", ".join(map(str, layers))


def listed(blocks: Iterable[Sequence[int]]) -> str:
    """Several blocks of layers in a line."""
    return ", ".join(map(named, blocks))


def layer_words(layers: Sequence[int]) -> str:
    """Layer 3, or layers 3–5."""
    return f"layer {layers[0]}" if len(layers) == 1 else f"layers {named(layers)}"


def group_count(groups: Sequence[MergeGroup]) -> str:
    return "1 group" if len(groups) == 1 else f"{len(groups)} groups"


def one_line(plan: MergePlan) -> str:
    """A plan as the sidebar says it."""
    if not plan.groups:
        return f"empty, {plan.depth} layers stay"
    return f"{plan.depth} → {plan.layers_after} layers: {blocks(plan)}"


def blocks(plan: MergePlan) -> str:
    """The layers of a plan's groups in a line, and its repair where it asks for one."""
    repair = "" if plan.repair == NONE else f", repair {plan.repair}"
    return f"{listed(group.layers for group in plan.groups)}{repair}"


def sentence(text: str) -> str:
    """An error's words as a sentence."""
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
