"""Which plans the open model allows, in words: what can be averaged, what can be deleted, how far strategies reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from mka.figures.layer_strip import type_name
from mka.objects.model_summary import ModelSummary
from mka.planning.allowed import TYPE, Allowed, Obstacle, Reach, allowed
from mka.studio.selection.naming import listed, named, sentence

YES, PARTLY, NO, UNKNOWN = (
    ":green[:material/check_circle:]",
    ":orange[:material/rule:]",
    ":red[:material/block:]",
    ":grey[:material/help:]",
)
OLD = "This description comes from an earlier version: open the model to find out."
RUNS_NAMED = 6


@dataclass(frozen=True)
class Answer:
    """mark: YES, PARTLY, NO or UNKNOWN; why: sentences, the answer first."""

    mark: str
    why: tuple[str, ...]


def plans_allowed(summary: ModelSummary) -> None:
    """Draw the three answers beside one another."""
    found = allowed(summary)
    st.subheader("Which plans it allows", anchor=False)
    columns = st.columns(3, gap="medium")
    answers = (averaging(summary, found), deleting(summary, found), strategies(found))
    for column, title, answer in zip(columns, ("Average", "Delete", "Strategies"), answers, strict=True):
        with column.container(border=True, height="stretch"):
            st.markdown(f"{answer.mark} **{title}**")
            for said in answer.why:
                st.text(said)


def averaging(summary: ModelSummary, found: Allowed) -> Answer:
    """Which layers can become one by averaging, and why not all."""
    if found.depth == 1:
        return Answer(NO, ("A model of one layer has nothing to average.",))
    why = [_runs_words(found)]
    if found.obstacle is not None:
        why.append(_obstacle_words(found.obstacle))
    if not found.runs and found.alike:
        why.append(f"Layers of one kind that stand apart can, such as {named(found.alike[0][:2])}.")
    if found.experts:
        why.append(_experts_words(found))
    if found.fixed:
        why.append(_fixed_words(found))
    if not found.known:
        why.append(f"Whether layers hold experts is not told. {OLD}")
    free = sum(found.averages(layer) for layer in range(found.depth - 1))
    return Answer(YES if free == found.depth - 1 else PARTLY if found.alike else NO, tuple(why))


def _runs_words(found: Allowed) -> str:
    if found.runs == ((0, found.depth - 1),):
        return f"All {found.depth} layers are of one type and shape, so any of them can be averaged."
    if not found.runs:
        return "No two neighbours can be averaged: each differs from the next in type or shape."
    return f"Neighbours can be averaged within layers {_some(found.runs)}."


def _some(runs: Sequence[tuple[int, int]]) -> str:
    said = listed([tuple(range(first, last + 1)) for first, last in runs[:RUNS_NAMED]])
    return said if len(runs) <= RUNS_NAMED else f"{said} and {len(runs) - RUNS_NAMED} more runs"


def _obstacle_words(obstacle: Obstacle) -> str:
    first, second = obstacle.layers
    one, other = obstacle.sides
    said = f"Layers {first} and {second} cannot: "
    if obstacle.differs == TYPE:
        return said + f"layer {first} is {type_name(one)}, layer {second} is {type_name(other)}."
    if not obstacle.differs:
        return said + "they hold tensors of other names or shapes."
    return said + f"{obstacle.differs} is {one} in layer {first} and {other} in layer {second}."


def _experts_words(found: Allowed) -> str:
    return (
        f"{_layers_words(found.experts)} hold experts, which are numbered anew in each layer: averaging them is "
        'refused unless the plan file says "experts": "by-index".'
    )


def _fixed_words(found: Allowed) -> str:
    if found.only_last:
        return "Averaging takes out all layers of a group but one, so here it must end with the last layer."
    return f"Averaging takes out all layers of a group but its first; {_layers_words(found.fixed).lower()} must stay."


def deleting(summary: ModelSummary, found: Allowed) -> Answer:
    """Which layers can be dropped, and what the config says to that."""
    if found.depth == 1:
        return Answer(NO, ("A model of one layer must keep it.",))
    if not found.known:
        return Answer(UNKNOWN, (OLD,))
    if not found.fixed:
        fields = ", ".join(summary.per_layer_fields)
        follows = f"The config follows: {fields}." if fields else "No field of its config hangs on a layer's place."
        return Answer(YES, ("Any layer can be deleted, of whatever type.", follows))
    which = "Only the last layers" if found.only_last else f"All but {_layers_words(found.fixed).lower()}"
    reasons = tuple(sentence(refusal.why) for refusal in summary.refusals)
    return Answer(NO if len(found.fixed) == found.depth else PARTLY, (f"{which} can be deleted.", *reasons))


def strategies(found: Allowed) -> Answer:
    """How many layers each strategy can remove at most."""
    reached = [reach.most for reach in found.reaches if reach.most]
    all_sure = all(reach.sure and reach.most for reach in found.reaches)
    return Answer(YES if all_sure else PARTLY if reached else NO, tuple(map(_reach_words, found.reaches)))


def _reach_words(reach: Reach) -> str:
    if not reach.most:
        return f"{reach.strategy}: none. {_none_words(reach.strategy)}"
    count = "1 layer" if reach.most == 1 else f"{reach.most} layers"
    chance = "" if reach.sure else "; a plan is refused where it picks others"
    return f"{reach.strategy}: at most {count}{chance}."


def _none_words(strategy: str) -> str:
    """Why a strategy can remove nothing: none of what it merges or deletes can be."""
    return {
        "mka": "After the first layer, it finds no neighbours that can be averaged.",
        "mka-code": "The last two layers cannot be averaged.",
        "truncate": "The last layer cannot go.",
        "shortgpt": "No layer after the first can go.",
        "angular": "No layer after the first can go.",
    }[strategy]


def _layers_words(layers: Sequence[int]) -> str:
    runs: list[list[int]] = []
    for layer in layers:
        if runs and runs[-1][-1] == layer - 1:
            runs[-1].append(layer)
        else:
            runs.append([layer])
    return f"{'Layer' if len(layers) == 1 else 'Layers'} {listed(runs)}"
