"""The strip of neighbouring layers: how alike each layer is to the next one, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go

from mka.figures.square import click_words
from mka.figures.theme import OKABE_ITO, Theme, escape, group_colours, styled
from mka.objects.plan import MergeGroup
from mka.objects.similarity import Similarity

NAMED_PAIRS = 16
"""So many names fit under the bars side by side; of a deeper model, some stay unnamed."""


def adjacent_strip(
    similarity: Similarity,
    theme: Theme,
    *,
    groups: Sequence[MergeGroup] = (),
    candidates: Sequence[tuple[int, ...]] = (),
    beside: tuple[str, Similarity] | None = None,
) -> go.Figure:
    """One bar per pair (l, l+1); pairs inside a planned group have its colour, those inside a candidate hatched.

    Whiskers are one standard error to either side, where it is known.
    beside: a name and another similarity by the same measure, drawn as diamonds over the bars
    """
    values = similarity.adjacent
    planned = _colours_of_pairs(groups)
    proposed = {(a, b) for layers in candidates for a, b in pairwise(layers) if b == a + 1}
    pairs = [(layer, layer + 1) for layer in range(len(values))]
    names = [f"{a}·{b}" for a, b in pairs]
    errors = adjacent_errors(similarity)
    figure = go.Figure(
        go.Bar(
            x=names,
            y=values,
            marker={
                "color": [planned.get(pair, theme.accent) for pair in pairs],
                "pattern": {
                    "shape": ["/" if pair in proposed else "" for pair in pairs],
                    "fgcolor": theme.page,
                },
            },
            text=_texts(similarity, names, groups, candidates),
            textposition="none",
            hovertemplate="%{text}<extra></extra>",
            error_y=None
            if errors is None
            else {"type": "data", "array": errors, "color": theme.text, "thickness": 1.5, "width": 4},
        )
    )
    shown = [values + (0 if errors is None else errors), values]
    if beside is not None:
        figure.add_trace(_diamonds(names, *beside, theme))
        shown.append(beside[1].adjacent)
    styled(figure, theme, height=210 if beside is None else 240)
    named = list(range(0, len(pairs), 1 + len(pairs) // NAMED_PAIRS))
    figure.update_xaxes(
        type="category",
        title={"text": "layer · next layer", "standoff": 8},
        tickvals=named,
        tickangle=0,
        fixedrange=True,
        showgrid=False,
    )
    figure.update_yaxes(title=None, range=_range(np.concatenate(shown)), fixedrange=True)
    figure.update_layout(
        bargap=0.25, meta={"block": "columns"}, dragmode=False, showlegend=False, margin={"l": 44, "t": 8}
    )
    return figure


def _colours_of_pairs(groups: Sequence[MergeGroup]) -> dict[tuple[int, int], str]:
    """The colour of each pair of neighbours that lies inside a group."""
    return {
        (a, b): colour
        for group, colour in zip(groups, group_colours(len(groups)), strict=True)
        for a, b in pairwise(group.layers)
        if b == a + 1
    }


def adjacent_errors(similarity: Similarity) -> np.ndarray | None:
    """float64 (L-1,): the standard error of each pair (l, l+1); None where it is not known."""
    known = similarity.uncertainty
    return None if known is None else np.diagonal(known.stderr, offset=1).copy()


def _texts(
    similarity: Similarity,
    names: Sequence[str],
    groups: Sequence[MergeGroup],
    candidates: Sequence[tuple[int, ...]],
) -> list[str]:
    """What each bar says: value, standard error, between which ranks the pair lies, and what a click does."""
    errors, known = adjacent_errors(similarity), similarity.uncertainty
    said = []
    for place, (name, value) in enumerate(zip(names, similarity.adjacent, strict=True)):
        text = f"layers {name}: " + (f"{value:.3f}" if np.isfinite(value) else "no value")
        if errors is not None and known is not None and np.isfinite(errors[place]):
            low, high = known.ranks[place]
            text += f" ± {errors[place]:.3f} standard error<br>"
            text += f"between rank {low:.0f} and {high:.0f} of {len(names)} (1 is the pair most alike)"
        said.append(f"{text}<br>{click_words(place, place + 1, groups, candidates)}")
    return said


def _diamonds(names: Sequence[str], title: str, similarity: Similarity, theme: Theme) -> go.Scatter:
    """The same pairs by another calibration text; a click goes through to the pair all the same."""
    look = {"symbol": "diamond", "size": 10, "color": OKABE_ITO[1], "line": {"width": 1.5, "color": theme.page}}
    return go.Scatter(
        x=list(names),
        y=similarity.adjacent,
        mode="markers",
        marker=look,
        text=[f"layers {name} on {escape(title)}" for name in names],
        hovertemplate="%{text}: %{y:.3f}<extra></extra>",
    )


def _range(values: np.ndarray) -> list[float]:
    """Bars start at 0, whatever their size; a little air above."""
    finite = values[np.isfinite(values)]
    high = float(finite.max(initial=0.0))
    low = float(finite.min(initial=0.0))
    return [min(0.0, low * 1.1), high * 1.1 if high > 0 else 1.0]
