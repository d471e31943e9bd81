"""The model at a glance: one block per decoder layer, coloured by its type."""

from __future__ import annotations

import plotly.graph_objects as go

from mka.figures.theme import OKABE_ITO, Theme, contrasting, escape, styled
from mka.objects.model_summary import LayerSummary, ModelSummary

NUMBERED_UP_TO = 48
"""A deeper model's blocks are too narrow for a number each."""


def type_name(raw: str) -> str:
    """A layer type as a reader says it: "full_attention" becomes "full attention"."""
    return raw.replace("_", " ")


def layer_strip(summary: ModelSummary, theme: Theme) -> go.Figure:
    """Draw embedding, layers 0..L-1 and head from left to right; one colour per layer type."""
    kinds = list(dict.fromkeys(summary.layer_types))
    figure = go.Figure()
    for index, kind in enumerate(kinds):
        layers = [layer for layer in summary.per_layer if layer.type == kind]
        numbered = summary.layers <= NUMBERED_UP_TO
        figure.add_trace(_blocks(layers, kind, OKABE_ITO[index % len(OKABE_ITO)], numbered=numbered))
    end = 0.05 * summary.layers + 0.6
    for place, label in ((-end, "embedding"), (summary.layers - 1 + end, "head")):
        figure.add_trace(_end(place, 0.09 * summary.layers, label, theme))
    styled(figure, theme, height=90 if len(kinds) == 1 else 118)
    edge = 0.1 * summary.layers + 0.65
    figure.update_xaxes(visible=False, fixedrange=True, range=[-edge, summary.layers - 1 + edge])
    figure.update_yaxes(visible=False, fixedrange=True, range=[0, 1])
    figure.update_layout(
        barmode="overlay",
        bargap=0.12,
        dragmode=False,
        margin={"l": 0, "r": 0, "t": 4, "b": 4 if len(kinds) == 1 else 32},
        showlegend=len(kinds) > 1,
        legend={"orientation": "h", "y": -0.05, "yanchor": "top", "x": 0},
    )
    return figure


def _blocks(layers: list[LayerSummary], kind: str, colour: str, *, numbered: bool) -> go.Bar:
    """The layers of one type."""
    return go.Bar(
        x=[layer.index for layer in layers],
        y=[1] * len(layers),
        name=escape(type_name(kind)),
        marker={"color": colour, "cornerradius": 3},
        text=[str(layer.index) for layer in layers] if numbered else None,
        textposition="inside",
        insidetextanchor="middle",
        textangle=0,
        textfont={"color": contrasting(colour), "size": 12},
        customdata=[[escape(type_name(layer.type)), f"{layer.parameters:,}"] for layer in layers],
        hovertemplate="layer %{x}: %{customdata[0]}<br>%{customdata[1]} parameters<extra></extra>",
    )


def _end(place: float, width: float, label: str, theme: Theme) -> go.Bar:
    """What stands before or behind the layers."""
    return go.Bar(
        x=[place],
        y=[1],
        width=width,
        marker={"color": theme.neutral, "cornerradius": 3},
        showlegend=False,
        text=[label],
        textangle=0,
        textposition="inside",
        insidetextanchor="middle",
        textfont={"color": theme.text, "size": 12},
        hovertemplate=f"{label}<extra></extra>",
    )
