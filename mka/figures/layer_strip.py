"""The architecture at a glance: one block per decoder layer, as high as its parameters, between embedding and head."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from mka.figures.theme import OKABE_ITO, Theme, contrasting, escape, styled
from mka.objects.model_summary import EMBEDDING, NORMS, LayerSummary, ModelSummary

PER_ROW = 20
"""Blocks of a row at most: on a screen of 400 px each is still wide enough for its number and for a finger."""
ROW = 104
"""Pixels of a row."""
LEGEND, LEGEND_LINE = 8, 22
FILLED = 0.9
"""Of a row's height; the rest keeps rows apart."""
LOWEST = 0.12
"""Of a row's height: a layer of few parameters can still be clicked."""
BESIDE = 1.0
"""Width of a block beside the layers, in blocks."""
PATTERNS = ("", "/", ".", "x", "-", "\\", "|", "+")


@dataclass(frozen=True)
class Beside:
    """A block that is no layer."""

    name: str
    parameters: int
    tied: bool = False


def type_name(raw: str) -> str:
    """A layer type as a reader says it: "full_attention" becomes "full attention"."""
    return raw.replace("_", " ")


def kind_names(summary: ModelSummary) -> tuple[str, ...]:
    """What each layer is: its type and whether it holds experts; where these have several shapes, which of them.

    Layers of the same name can be averaged, as far as their tensors go.
    """
    plain = [type_name(layer.type) + (" with experts" if layer.experts else "") for layer in summary.per_layer]
    classes: dict[str, list[int]] = {}
    for name, layer in zip(plain, summary.per_layer, strict=True):
        known = classes.setdefault(name, [])
        if layer.shape_class not in known:
            known.append(layer.shape_class)
    return tuple(
        name if len(classes[name]) == 1 else f"{name}, shape {classes[name].index(layer.shape_class) + 1}"
        for name, layer in zip(plain, summary.per_layer, strict=True)
    )


def layer_block(layer: int) -> str:
    """What a layer's block is called."""
    return f"Layer {layer}"


def blocks_beside(summary: ModelSummary) -> tuple[Beside, ...]:
    """What stands before and behind the layers: "Embedding", "Final norm", "Head", as far as there are such."""
    norms = sum(tensor.parameters for tensor in summary.outside if tensor.part == NORMS)
    before = sum(tensor.parameters for tensor in summary.outside if tensor.part == EMBEDDING)
    embedding = Beside("Embedding", before or summary.embedding_parameters)
    norm = (Beside("Final norm", norms),) if norms else ()
    return (embedding, *norm, Beside("Head", summary.head_parameters, summary.tied_embeddings))


def layer_strip(summary: ModelSummary, theme: Theme, chosen: str = "") -> go.Figure:
    """Draw embedding, layers 0..L-1, norm and head, in rows of at most PER_ROW layers; one colour and pattern per kind.

    chosen: the block that is outlined. Each block carries its name as customdata.
    """
    names = kind_names(summary)
    kinds = list(dict.fromkeys(names))
    rows = math.ceil(summary.layers / PER_ROW)
    per_row = math.ceil(summary.layers / rows)
    figure = go.Figure()
    for number, kind in enumerate(kinds):
        layers = [layer for layer, name in zip(summary.per_layer, names, strict=True) if name == kind]
        figure.add_trace(_layers(layers, kind, number, per_row, _tallest(summary)))
    first, *behind = blocks_beside(summary)
    last = summary.layers - 1
    figure.add_trace(_beside([first], [-1.1], 0, theme))
    figure.add_trace(_beside(behind, [last % per_row + 1.1 + n for n in range(len(behind))], rows - 1, theme))
    _outline(figure, chosen, theme)
    legend = LEGEND + LEGEND_LINE * len(kinds) if len(kinds) > 1 else 0
    styled(figure, theme, height=ROW * rows + legend)
    end = max(per_row - 1, *figure.data[-1].x)
    figure.update_xaxes(visible=False, fixedrange=True, range=[-1.1 - BESIDE / 2, end + BESIDE / 2])
    figure.update_yaxes(visible=False, fixedrange=True, range=[-rows - 0.05, 0])
    figure.update_layout(
        barmode="overlay",
        dragmode=False,
        margin={"l": 0, "r": 0, "t": 2, "b": 2 + legend},
        showlegend=len(kinds) > 1,
        legend={"orientation": "v", "y": 0, "yanchor": "top", "x": 0, "itemclick": False, "itemdoubleclick": False},
    )
    return figure


def _tallest(summary: ModelSummary) -> int:
    return max(1, *(layer.parameters for layer in summary.per_layer))


def _layers(layers: Sequence[LayerSummary], kind: str, number: int, per_row: int, tallest: int) -> go.Bar:
    """The layers of one kind, from the foot of their row upwards."""
    colour = OKABE_ITO[number % len(OKABE_ITO)]
    blocks = [layer_block(layer.index) for layer in layers]
    return go.Bar(
        x=[layer.index % per_row for layer in layers],
        y=[FILLED * max(LOWEST, layer.parameters / tallest) for layer in layers],
        base=[-1.0 - layer.index // per_row for layer in layers],
        width=0.86,
        name=escape(kind),
        marker={
            "color": colour,
            "cornerradius": 3,
            "pattern": {
                "shape": PATTERNS[number % len(PATTERNS)],
                "fillmode": "overlay",
                "fgcolor": contrasting(colour),
                "fgopacity": 0.25,
                "size": 8,
                "solidity": 0.15,
            },
        },
        text=[str(layer.index) for layer in layers],
        textposition="inside",
        insidetextanchor="middle",
        textangle=0,
        textfont={"color": contrasting(colour), "size": 12},
        customdata=blocks,
        hovertext=[f"{escape(kind)}<br>{layer.parameters:,} parameters" for layer in layers],
        hovertemplate="%{customdata}: %{hovertext}<extra></extra>",
    )


def _beside(blocks: Sequence[Beside], places: Sequence[float], row: int, theme: Theme) -> go.Bar:
    """Blocks beside the layers, as high as their row, since an embedding may outweigh many layers."""
    names = [block.name for block in blocks]
    return go.Bar(
        x=list(places),
        y=[FILLED] * len(blocks),
        base=[-1.0 - row] * len(blocks),
        width=0.86 * BESIDE,
        marker={"color": theme.neutral, "cornerradius": 3},
        showlegend=False,
        text=names,
        textangle=-90,
        textposition="inside",
        insidetextanchor="middle",
        textfont={"color": theme.text, "size": 12},
        customdata=names,
        hovertext=[
            "the embedding's own weights" if block.tied else f"{block.parameters:,} parameters" for block in blocks
        ],
        hovertemplate="%{customdata}: %{hovertext}<extra></extra>",
    )


def _outline(figure: go.Figure, chosen: str, theme: Theme) -> None:
    """A frame around the block of this name, where there is one."""
    for trace in figure.data:
        for name, x, height, foot in zip(trace.customdata, trace.x, trace.y, trace.base, strict=True):
            if name == chosen:
                box = {"x0": x - 0.47, "x1": x + 0.47, "y0": foot - 0.03, "y1": foot + height + 0.03}
                figure.add_shape(type="rect", line={"color": theme.text, "width": 2}, **box)
