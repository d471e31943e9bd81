"""The plan ruler: the source's layers above, the merged model's below, and what becomes of each."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import plotly.graph_objects as go

from mka.figures.theme import Theme, group_colours, styled, translucent
from mka.objects.plan import MergeGroup, MergePlan

BLOCK, WIDTH = 0.6, 0.84
"""Height of a block and its width, where the rows stand 1 apart and layers too."""
NUMBER = 0.26
"""Height of the numbers above the upper row and below the lower one."""
RULER = 1 + BLOCK + 2 * NUMBER + 0.2
"""Height of all that."""
UPPER, LOWER = "before", "after"
NUMBERED = 17
"""So many numbers have room beside each other on a page of 400 pixels."""
STEPS = (1, 2, 5, 10, 20, 50, 100)


def plan_ruler(
    plan: MergePlan, theme: Theme, *, candidates: Sequence[tuple[int, ...]] = (), chosen: int | None = None
) -> go.Figure:
    """Draw one block per layer, before and after; each is filled as far as its weight goes.

    Layers of a group share its colour, dropped ones are crossed out, candidates are framed by dashes; chosen: the
    group that is edited, framed. Blocks carry `mark_id`s; `mark_at` names the block at a place of the figure.
    """
    figure = go.Figure()
    add_ruler(figure, plan, theme)
    for layers in candidates:
        _frame(figure, layers, 1, {"color": theme.text, "width": 2, "dash": "dash"})
    if chosen is not None:
        solid = {"color": theme.text, "width": 2}
        _frame(figure, plan.groups[chosen].layers, 1, solid)
        made = [new for new in range(plan.layers_after) if group_at(plan, new) == chosen]
        _frame(figure, [new + _shift(plan) for new in made], -NUMBER, solid)
    styled(figure, theme, height=230)
    arranged(figure, plan.depth, [(0.0, UPPER, LOWER)])
    # The whole height of a column is clicked, and drags go over columns.
    figure.update_layout(meta={"block": "columns"})
    return figure


def mark_id(row: str, index: int) -> str:
    """The name of a block: UPPER and a source layer, or LOWER and a layer of the merged model."""
    return f"{row}-{index}"


def mark_of(name: str) -> tuple[str, int]:
    """The (row, index) that `mark_id` named; ValueError for anything else."""
    row, index = name.split("-")
    return row, int(index)


def mark_at(plan: MergePlan, x: float, y: float) -> tuple[str, int] | None:
    """The (row, index) of the block at a place of `plan_ruler`; None beside the lower row's blocks."""
    if y > (1 + BLOCK) / 2:
        return UPPER, min(max(round(x), 0), plan.depth - 1)
    index = round(x - _shift(plan))
    return (LOWER, index) if 0 <= index < plan.layers_after else None


def group_at(plan: MergePlan, new: int) -> int | None:
    """The index of the group that layer `new` of the merged model is made of; None for a layer that stays."""
    return _owners(plan).get(plan.layer_map[new][0])


def shares(group: MergeGroup) -> tuple[float, ...]:
    """How much of each of the group's layers goes into what it becomes, in [0, 1]; 0 for all that are dropped.

    Differences added up have coefficients that are no shares: each counts by its size.
    """
    if group.merges:
        sizes = [abs(weight) for weight in group.weights_of(None)]
        return tuple(size / sum(sizes) for size in sizes)
    return tuple(float(layer == group.layer) for layer in group.layers)


def add_ruler(figure: go.Figure, plan: MergePlan, theme: Theme, *, lift: float = 0.0) -> None:
    """Both rows of `plan`, `lift` above zero, and the lines from each layer to what it becomes."""
    colours = group_colours(len(plan.groups))
    for colour, ends in _threads(plan, colours, theme).items():
        figure.add_trace(_lines(ends, colour, lift))
    figure.add_trace(_upper_row(plan, theme, colours, lift))
    if plan.groups:
        figure.add_trace(_fills(plan, colours, lift))
    figure.add_trace(_lower_row(plan, theme, colours, lift))


def arranged(figure: go.Figure, depth: int, rows: Sequence[tuple[float, str, str]]) -> None:
    """Axes of a figure with these rulers, each (lift, name of its upper row, name of its lower row)."""
    figure.update_xaxes(range=[-0.8, depth - 0.2], visible=False, fixedrange=True)
    ticks = {
        lift + at: name for lift, upper, lower in rows for at, name in ((1 + BLOCK / 2, upper), (BLOCK / 2, lower))
    }
    figure.update_yaxes(
        range=[-NUMBER - 0.1, max(lift for lift, _, _ in rows) + RULER - NUMBER - 0.1],
        tickvals=list(ticks),
        ticktext=list(ticks.values()),
        fixedrange=True,
        showgrid=False,
        showline=False,
        zeroline=False,
    )
    figure.update_layout(barmode="overlay", showlegend=False, dragmode=False, margin={"l": 56, "r": 8, "t": 4, "b": 4})


def _upper_row(plan: MergePlan, theme: Theme, colours: Sequence[str], lift: float) -> go.Bar:
    owners = _owners(plan)
    layers = range(plan.depth)
    groups = [owners.get(layer) for layer in layers]
    dropped = [group is not None and plan.groups[group].method == "drop" for group in groups]
    return go.Bar(
        x=list(layers),
        y=[BLOCK] * plan.depth,
        base=lift + 1,
        width=WIDTH,
        text=[_number(layer, plan.depth, struck=dropped[layer]) for layer in layers],
        customdata=[mark_id(UPPER, layer) for layer in layers],
        hovertext=[_fate(plan, layer, group) for layer, group in zip(layers, groups, strict=True)],
        marker={
            "color": [theme.neutral if group is None else translucent(colours[group], 0.18) for group in groups],
            "line": {"color": [theme.neutral if group is None else colours[group] for group in groups], "width": 1},
            "pattern": {
                "shape": ["x" if lost else "" for lost in dropped],
                "fgcolor": [theme.neutral if group is None else colours[group] for group in groups],
                "size": 6, "solidity": 0.35, "fillmode": "overlay",
            },
        },
        **_numbers(theme),
    )  # fmt: skip


def _fills(plan: MergePlan, colours: Sequence[str], lift: float) -> go.Bar:
    """Of each layer in a group, as much as goes into what it becomes."""
    members = [
        (layer, share, colour)
        for group, colour in zip(plan.groups, colours, strict=True)
        for layer, share in zip(group.layers, shares(group), strict=True)
    ]
    return go.Bar(
        x=[layer for layer, _, _ in members],
        y=[BLOCK * share for _, share, _ in members],
        base=lift + 1,
        width=WIDTH,
        hoverinfo="skip",
        marker={"color": [colour for _, _, colour in members], "line": {"width": 0}},
    )


def _lower_row(plan: MergePlan, theme: Theme, colours: Sequence[str], lift: float) -> go.Bar:
    """The merged model's layers, in the middle; drawn downwards, so that their numbers stand below."""
    places = range(plan.layers_after)
    groups = [group_at(plan, new) for new in places]
    fills = [theme.neutral if group is None else colours[group] for group in groups]
    shift = _shift(plan)
    return go.Bar(
        x=[new + shift for new in places],
        y=[-BLOCK] * plan.layers_after,
        base=lift + BLOCK,
        width=WIDTH,
        text=[_number(new, plan.depth) for new in places],
        customdata=[mark_id(LOWER, new) for new in places],
        hovertext=[f"new layer {new}: {_made_of(plan.layer_map[new])}" for new in places],
        marker={"color": fills, "line": {"color": fills, "width": 1}},
        **_numbers(theme),
    )


def _frame(figure: go.Figure, places: Sequence[float], low: float, line: dict[str, object]) -> None:
    """Around the blocks of a row at these places and their numbers, which begin at `low`."""
    for first, last in runs(places):
        figure.add_shape(
            type="rect", x0=first - 0.47, x1=last + 0.47, y0=low - 0.05, y1=low + BLOCK + NUMBER + 0.05, line=line
        )


def _numbers(theme: Theme) -> dict[str, object]:
    """Numbers stand outside the blocks, where they are read on any colour."""
    return {
        "textposition": "outside",
        "textangle": 0,
        "constraintext": "none",
        "cliponaxis": False,
        "textfont": {"color": theme.text, "size": 12},
        "hoverinfo": "text",
    }


def _number(index: int, depth: int, *, struck: bool = False) -> str:
    """Every layer's of a shallow model; of a deeper one, as many as find room."""
    every = next(step for step in STEPS if depth <= step * NUMBERED or step == STEPS[-1])
    if index % every:
        return ""
    return f"<s>{index}</s>" if struck else str(index)


def _fate(plan: MergePlan, layer: int, group: int | None) -> str:
    """What becomes of a source layer."""
    if group is None:
        return f"layer {layer} stays"
    of = plan.groups[group]
    name = f"group {group + 1}"
    if of.method == "drop":
        return f"layer {layer} is dropped ({name})"
    if of.method == "keep":
        return f"layer {layer} {'is kept' if layer == of.layer else f'leaves its place to layer {of.layer}'} ({name})"
    return f"layer {layer} is in {name} with weight {of.weights_of(None)[of.layers.index(layer)]:.3f}"


def _made_of(layers: Sequence[int]) -> str:
    word = "layer" if len(layers) == 1 else "layers"
    return f"made of {word} {', '.join(map(str, layers))}"


def _threads(plan: MergePlan, colours: Sequence[str], theme: Theme) -> dict[str, list[tuple[float, float]]]:
    """By colour, the places above and below of each line."""
    owners, shift = _owners(plan), _shift(plan)
    threads: dict[str, list[tuple[float, float]]] = {}
    for new, sources in enumerate(plan.layer_map):
        group = owners.get(sources[0])
        colour = theme.neutral if group is None else colours[group]
        threads.setdefault(colour, []).extend((layer, new + shift) for layer in sources)
    return threads


def _lines(ends: Sequence[tuple[float, float]], colour: str, lift: float) -> go.Scatter:
    return go.Scatter(
        x=[x for upper, lower in ends for x in (upper, lower, None)],
        y=[y for _ in ends for y in (lift + 1, lift + BLOCK, None)],
        mode="lines",
        line={"color": colour, "width": 2},
        hoverinfo="skip",
    )


def _owners(plan: MergePlan) -> dict[int, int]:
    """Layer -> the index of its group."""
    return {layer: index for index, group in enumerate(plan.groups) for layer in group.layers}


def _shift(plan: MergePlan) -> float:
    """How far the lower row begins to the right of the upper one, which is longer."""
    return plan.removed / 2


def runs(places: Sequence[float]) -> list[tuple[float, float]]:
    """(first, last) of each run of places that stand 1 apart."""
    runs = [list(run) for _, run in groupby(enumerate(places), key=lambda pair: pair[1] - pair[0])]
    return [(run[0][1], run[-1][1]) for run in runs]
