"""The layers as a table, the keyboard's way to every choice: what each one is, how alike the next, where the plan
puts it. Space selects a layer, Shift and arrows a block, Enter proposes and adds, Delete takes a group out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from types import MappingProxyType
from typing import Any

import streamlit as st

from mka.figures.adjacent import adjacent_errors
from mka.figures.layer_strip import type_name
from mka.figures.theme import group_colours
from mka.figures.words import measure_title
from mka.objects.model_summary import ModelSummary
from mka.objects.plan import Provenance
from mka.objects.similarity import Similarity
from mka.studio.jobs.memory import count_text
from mka.studio.parts import gestures, widgets
from mka.studio.parts.chart import front
from mka.studio.selection.state import Message, StudioState
from mka.studio.visits import session
from mka.studio.visits.desk import Desk

HINT = (
    "Arrow keys move, Space selects a layer, Shift + arrows a block. Enter proposes from here and adds what is "
    "proposed, Delete takes the row's group out of the plan, Escape drops the selection. Click and Shift + click do "
    "the same."
)


@dataclass(frozen=True)
class Row:
    """One layer. value: by the measure, to the next layer, NaN where there is none; error: its standard error, NaN
    where it is not known; selected: in the present selection; group: its number in the plan, from 1, None where the
    layer stays; place: what becomes of it, in words."""

    layer: int
    type: str
    parameters: int
    value: float
    error: float
    selected: bool
    group: int | None
    place: str

    @property
    def likeness(self) -> str:
        """The value with its standard error where that is known."""
        if math.isnan(self.value):
            return "–"
        return f"{self.value:.3f}" + ("" if math.isnan(self.error) else f" ± {self.error:.3f}")


def rows(summary: ModelSummary, similarity: Similarity, state: StudioState) -> list[Row]:
    """One row per layer, in order."""
    values, errors = similarity.adjacent, adjacent_errors(similarity)
    numbers = {layer: index + 1 for index, group in enumerate(state.plan.groups) for layer in group.layers}
    selected = set(state.selected)
    return [
        Row(
            one.index,
            type_name(one.type),
            one.parameters,
            float(values[place]) if place < len(values) else math.nan,
            float(errors[place]) if errors is not None and place < len(values) else math.nan,
            one.index in selected,
            numbers.get(one.index),
            _place(state, one.index, one.index in selected, numbers.get(one.index)),
        )
        for place, one in enumerate(summary.per_layer)
    ]


def _place(state: StudioState, layer: int, selected: bool, number: int | None) -> str:
    said = []
    if selected:
        said.append("proposed" if state.candidate else "selected")
    if number is not None:
        group = state.plan.groups[number - 1]
        said.append(f"in group {number}")
        if group.method == "drop":
            said.append("dropped")
        elif group.method == "keep":
            said.append("kept" if layer == group.layer else "removed")
    return ", ".join(said) or "stays"


def as_csv(table: list[Row], measure: str) -> str:
    """The table with its numbers in full."""
    header = ["layer", "type", "parameters", f"{measure} to the next layer", "standard error", "place"]
    return widgets.csv_text(
        header,
        (
            [
                one.layer,
                one.type,
                one.parameters,
                *("" if math.isnan(x) else x for x in (one.value, one.error)),
                one.place,
            ]
            for one in table
        ),
    )


@dataclass(frozen=True)
class Gesture:
    """What a person did on a row: kind is one of DEEDS; begun: where a range began, else the row itself."""

    kind: str
    layer: int
    begun: int

    @classmethod
    def read(cls, raw: object) -> Gesture | None:
        """A gesture as the browser tells it, None for anything that is none."""
        known = raw if isinstance(raw, Mapping) else {}
        kind, layer, begun = str(known.get("kind")), _whole(known.get("layer")), _whole(known.get("from"))
        return None if kind not in DEEDS or layer is None or begun is None else cls(kind, layer, begun)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def transition(state: StudioState, gesture: Gesture, seen: Provenance) -> StudioState:
    """What a gesture does."""
    return DEEDS[gesture.kind](state, gesture, seen)


def _range(state: StudioState, gesture: Gesture, seen: Provenance) -> StudioState:
    if gesture.layer != gesture.begun:
        return state.drag_range(gesture.begun, gesture.layer, seen)
    # Back where the range began: that one layer is left.
    return state if state.picked is not None else state.pick_layer(gesture.layer, seen)


def _enter(state: StudioState, gesture: Gesture, seen: Provenance) -> StudioState:
    return state.add_candidate() if state.candidate else state.pick_layer(gesture.layer, seen)


def _remove(state: StudioState, gesture: Gesture, seen: Provenance) -> StudioState:
    for index, group in enumerate(state.plan.groups):
        if gesture.layer in group.layers:
            return state.remove_group(index)
    return replace(state, message=Message(f"Layer {gesture.layer} is in no group of the plan.", refused=True))


DEEDS: Mapping[str, Callable[[StudioState, Gesture, Provenance], StudioState]] = MappingProxyType(
    {
        "toggle": lambda state, gesture, seen: state.toggle_layer(gesture.layer, seen),
        "range": _range,
        "enter": _enter,
        "remove": _remove,
        "drop": lambda state, gesture, seen: state.drop_candidate(),
    }
)


@cache
def _component() -> Any:
    return st.components.v2.component(
        "mka_layer_list",
        html='<div class="mka-layers"></div>',
        css=front("layer_list.css"),
        js=front("layer_list.js"),
        isolate_styles=False,
    )


def layer_list(desk: Desk, similarity: Similarity, seen: Provenance, key: str) -> None:
    """Draw the table and its CSV. `seen`: what the person has before their eyes while they choose."""
    table = rows(desk.summary, similarity, session.state())

    def told() -> None:
        for gesture in map(Gesture.read, gestures.unheard(key)):
            if gesture is not None:
                session.act(partial(transition, gesture=gesture, seen=seen))

    title = measure_title(similarity.measure)
    colours = group_colours(len(session.state().plan.groups))
    cells = [(str(r.layer), r.place, r.likeness, r.type, count_text(r.parameters)) for r in table]
    _component()(
        key=key,
        data={
            "label": f"The {len(table)} layers",
            "hint": HINT,
            "headers": ["Layer", "In the plan", f"{title} to the next", "Type", "Parameters"],
            "rows": [
                {"cells": texts, "selected": one.selected, "colour": colours[one.group - 1] if one.group else None}
                for one, texts in zip(table, cells, strict=True)
            ],
            "heard": gestures.last_heard(key),
        },
        on_gestures_change=told,
    )
    widgets.download("Layers (CSV)", lambda: as_csv(table, similarity.measure), f"layers-{similarity.measure}.csv")
