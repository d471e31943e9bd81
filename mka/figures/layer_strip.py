"""The model at a glance: one block per decoder layer, coloured by its type."""

from __future__ import annotations

import plotly.graph_objects as go

from mka.figures.plan_ruler import contrasting
from mka.figures.theme import OKABE_ITO, Theme, escape, styled
from mka.objects.model_summary import ModelSummary


def type_name(raw: str) -> str:
    """A layer type as a reader says it: "full_attention" becomes "full attention"."""
    return raw.replace("_", " ")


def layer_strip(summary: ModelSummary, theme: Theme) -> go.Figure:
    """Draw embedding, layers 0..L-1 and head from left to right; one colour per layer type."""
    kinds = list(dict.fromkeys(summary.layer_types))
    colours = {kind: OKABE_ITO[i % len(OKABE_ITO)] for i, kind in enumerate(kinds)}
    figure = go.Figure()
    for kind in kinds:
        layers = [layer for layer in summary.per_layer if layer.type == kind]
        figure.add_trace(
            go.Bar(
                x=[layer.index for layer in layers],
                y=[1] * len(layers),
                name=escape(type_name(kind)),
                marker={"color": colours[kind], "cornerradius": 3},
                text=[str(layer.index) for layer in layers] if summary.layers <= 48 else None,
                textposition="inside",
                insidetextanchor="middle",
                textangle=0,
                textfont={"color": contrasting(colours[kind]), "size": 11},
                customdata=[[escape(type_name(layer.type)), f"{layer.parameters:,}"] for layer in layers],
                hovertemplate="layer %{x}: %{customdata[0]}<br>%{customdata[1]} parameters<extra></extra>",
            )
        )
    for place, label in ((-1.2, "embedding"), (summary.layers + 0.2, "head")):
        figure.add_trace(
            go.Bar(
                x=[place],
                y=[1],
                width=1.0,
                marker={"color": theme.neutral, "cornerradius": 3},
                showlegend=False,
                text=[label],
                textangle=-90,
                textposition="inside",
                insidetextanchor="middle",
                textfont={"color": theme.text, "size": 11},
                hovertemplate=f"{label}<extra></extra>",
            )
        )
    styled(figure, theme, height=130)
    figure.update_xaxes(visible=False, fixedrange=True, range=[-1.9, summary.layers + 0.9])
    figure.update_yaxes(visible=False, fixedrange=True, range=[0, 1])
    figure.update_layout(
        barmode="overlay",
        bargap=0.12,
        dragmode=False,
        margin={"l": 0, "r": 0, "t": 4, "b": 28},
        showlegend=True,
        legend={"orientation": "h", "y": -0.05, "yanchor": "top", "x": 0},
    )
    return figure
