"""A plotly figure on the page that is drawn in place and tells what was clicked, dragged over or chosen by key.

Streamlit's own chart gives no event for the cells of a heatmap and begins anew with each change of its figure: the
picture would flash and lose the keyboard's focus at every click. This one draws with the plotly.js that plotly.py
brings, and asks Streamlit for nothing but its component of the second kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import plotly
import plotly.graph_objects as go
import streamlit as st
from streamlit.components.v1 import declare_component

from mka.studio.parts import gestures

Mark = Mapping[str, Any]
"""A clicked mark: its x, y, customdata and the index of its trace, "curve"."""
FRONT = Path(__file__).parents[1] / "front"
LIBRARY = "plotly.min.js"
PAGE = MappingProxyType({"displaylogo": False, "plotlyServerURL": "", "modeBarButtonsToRemove": ["sendChartToCloud"]})
"""A saved page offers to send its chart to nobody."""


def front(name: str) -> str:
    """A file of ours for the browser."""
    return (FRONT / name).read_text(encoding="utf-8")


@cache
def _component() -> Any:
    return st.components.v2.component(
        "mka_chart",
        html='<div class="mka-wide"><div class="mka-chart"></div></div>',
        css=front("chart.css"),
        js=front("chart.js"),
        isolate_styles=False,
    )


@cache
def _buttons() -> Any:
    pictures = "".join(
        f'<button type="button" data-format="{form}" title="The picture as {form.upper()}">{form.upper()}</button>'
        for form in ("svg", "png")
    )
    return st.components.v2.component(
        "mka_save",
        html=f'<div class="mka-save">{pictures}</div>',
        css=front("save.css"),
        js=front("save.js"),
        isolate_styles=False,
    )


@cache
def library() -> str:
    """Where this server serves plotly.js: the file inside the installed plotly, with its version against old copies."""
    served = declare_component("plotly", path=Path(plotly.__file__).parent / "package_data")
    base = str(st.get_option("server.baseUrlPath")).strip("/")
    return "/".join(["", *([base] if base else []), "component", served.name, f"{LIBRARY}?v={plotly.__version__}"])


def draw(
    figure: go.Figure,
    key: str,
    alt: str,
    on_click: Callable[[Mark], None] | None = None,
    on_range: Callable[[Mark, Mark], None] | None = None,
) -> None:
    """Draw `figure` under the name `key`. Gestures are events, not a state: each is told once, in their order.

    on_click: is told of a clicked mark
    on_range: is told of the first and the last column of a drag over a figure with blocks

    A figure whose `layout.meta["block"]` is "square" (rows and columns are layers) or "columns" has blocks: anything
    on its axes is clicked, x and y are the pointer's own, not rounded, and customdata is None.
    """
    figure.update_layout(clickmode="event", uirevision=key, meta={**(figure.layout.meta or {}), "key": key})

    def told() -> None:
        for gesture in gestures.unheard(key):
            marks = gesture["marks"]
            if len(marks) == 1 and on_click is not None:
                on_click(marks[0])
            elif len(marks) == 2 and on_range is not None:
                on_range(marks[0], marks[1])

    _component()(
        key=key,
        data={
            "figure": figure.to_json(),
            "page": figure.layout.hoverlabel.bgcolor,
            "height": figure.layout.height,
            "library": library(),
            "alt": alt,
            "listens": on_click is not None,
            "drags": on_range is not None,
            "heard": gestures.last_heard(key),
        },
        on_gestures_change=told,
        on_repaint_change=lambda: None,
    )


def save_buttons(figure: go.Figure, name: str) -> None:
    """Buttons that save a figure, which `draw` has drawn on this page, as NAME.svg and NAME.png."""
    key = figure.layout.meta["key"]
    _buttons()(key=f"save-{key}", data={"chart": key, "name": name}, width="content")


def page_of(figure: go.Figure) -> str:
    """A figure as a page of its own, plotly.js included: it opens without a network and calls nobody."""
    return str(figure.to_html(include_plotlyjs=True, auto_play=False, config=dict(PAGE)))
