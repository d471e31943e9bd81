"""Colours and layout that every figure shares, in a light and a dark version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.colors import sample_colorscale

OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#7F7F7F")
"""Okabe and Ito's palette for colour-blind readers; its black is replaced by a grey that both themes show."""

VERMILION = "#D55E00"
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star", "hexagon", "triangle-down", "pentagon", "x")
FONT = '"Source Sans", "Source Sans Pro", "Segoe UI", sans-serif'


@dataclass(frozen=True)
class Theme:
    """What differs between the light and the dark page."""

    name: str
    text: str
    muted: str
    grid: str
    page: str
    neutral: str
    """Fill of what has no value (masked diagonal, NaN) and of layers in no group."""
    accent: str


LIGHT = Theme(
    "light", text="#1F2A37", muted="#566270", grid="#E3E7EC", page="#FFFFFF", neutral="#D5DAE1", accent="#0B6E99"
)
DARK = Theme(
    "dark", text="#E6EAF0", muted="#A3AEBC", grid="#2C3541", page="#12171F", neutral="#3A4452", accent="#5FB6DB"
)


def diverging(theme: Theme) -> list[list[object]]:
    """Orange below zero, blue above, the page's own brightness at zero: a scale that colour-blind readers see too."""
    if theme is DARK:
        colours = ("#FFB000", "#A8700C", "#1B222C", "#2C7FB0", "#7CCBFF")
    else:
        colours = ("#B35900", "#F1A340", "#F7F8FA", "#6FB1DC", "#00558C")
    return [[place / 4, colour] for place, colour in enumerate(colours)]


def sampled(scale: str, share: float) -> str:
    """The colour at `share` in [0, 1] of a named plotly scale, as #RRGGBB."""
    red, green, blue = sample_colorscale(scale, [share], colortype="tuple")[0]
    return "#" + "".join(f"{round(255 * channel):02X}" for channel in (red, green, blue))


def theme_named(name: str | None) -> Theme:
    """The theme called `name`; anything but "dark" is light."""
    return DARK if name == "dark" else LIGHT


def group_colours(count: int) -> tuple[str, ...]:
    """One colour per merged group, the same in every picture, repeating after the palette's end. Blue comes last: it
    is the colour of what is in no group."""
    palette = (VERMILION, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#0072B2")
    return tuple(palette[i % len(palette)] for i in range(count))


def subject_marks(subjects: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Subject -> (colour, symbol), no pair twice for up to 40 subjects; same subjects, same marks."""
    names = sorted(set(subjects))
    return {
        name: (OKABE_ITO[i % len(OKABE_ITO)], SYMBOLS[(i + i // len(SYMBOLS)) % len(SYMBOLS)])
        for i, name in enumerate(names)
    }


def contrasting(fill: str) -> str:
    """Black or white, whichever reads better on `fill` (#RRGGBB), by WCAG relative luminance."""
    channels = [int(fill[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "#FFFFFF"


def translucent(fill: str, opacity: float) -> str:
    """The colour #RRGGBB with this opacity in [0, 1]."""
    red, green, blue = (int(fill[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


def escape(text: str) -> str:
    """Text as plotly shows it literally: its labels read a little HTML, and names come from files."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def styled(figure: go.Figure, theme: Theme, *, height: int) -> go.Figure:
    """Give `figure` the page's fonts, a transparent background and quiet grids; returns it."""
    figure.update_layout(
        height=height,
        font={"family": FONT, "size": 13, "color": theme.text},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 56, "r": 16, "t": 12, "b": 48},
        hoverlabel={"bgcolor": theme.page, "bordercolor": theme.grid, "font": {"family": FONT, "color": theme.text}},
        legend={"font": {"color": theme.text}, "bgcolor": "rgba(0,0,0,0)"},
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": theme.muted, "activecolor": theme.text},
    )
    axis = {
        "gridcolor": theme.grid,
        "linecolor": theme.grid,
        "zerolinecolor": theme.grid,
        "tickfont": {"color": theme.muted},
    }
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    return figure
