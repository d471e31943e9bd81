"""What the colours of a map's dots tell: the subject, or a figure such as the loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mka.figures.theme import OKABE_ITO, Theme, escape, subject_marks
from mka.objects.activations import Point
from mka.objects.embedding import Embedding

SIZE, SIZE_3D = 8, 4
DIMMED = 0.12
SYMBOLS_3D = ("circle", "square", "diamond", "cross", "x", "circle-open", "square-open", "diamond-open")
"""All that plotly draws in three dimensions."""
AXIS = "coloraxis"
"""The one colour axis that every dot of a figure shares."""
TICKS = 5


@dataclass(frozen=True)
class Dots:
    """Dots of one look.

    chosen:  int (m,), which points
    name:    for the legend, "" where it needs none
    marker:  plotly's description
    opacity: in [0, 1]
    """

    chosen: np.ndarray
    name: str
    marker: Mapping[str, Any]
    opacity: float = 0.9


@dataclass(frozen=True)
class Scale:
    """A figure per point that a colour bar explains.

    values: float64 (n,), NaN where not known
    title:  over the colour bar, with its unit
    share:  the colours end at this quantile of the values: below 1 where a few outliers would hide the rest
    """

    values: np.ndarray
    title: str
    share: float = 1.0

    @property
    def limits(self) -> tuple[float, float]:
        """Where the colours begin and end."""
        known = self.values[np.isfinite(self.values)]
        if not known.size:
            return 0.0, 1.0
        low, high = float(known.min()), float(np.quantile(known, self.share))
        return (low, high) if high > low else (low, low + 1.0)

    def axis(self, theme: Theme) -> dict[str, Any]:
        """plotly's colour axis; the last tick says so where values lie beyond it."""
        low, high = self.limits
        ticks = np.linspace(low, high, TICKS)
        digits = 0 if high - low > 4 * TICKS else 1
        words = [f"{tick:.{digits}f}" for tick in ticks]
        known = self.values[np.isfinite(self.values)]
        if known.size and known.max() > high:
            words[-1] = f"≥ {words[-1]}"
        font = {"color": theme.text, "size": 12}
        return {
            "colorscale": "Viridis",
            "cmin": low,
            "cmax": high,
            "colorbar": {
                "title": {"text": self.title, "font": font},
                "tickvals": ticks,
                "ticktext": words,
                "tickfont": {"color": theme.muted},
                "thickness": 10,
                "outlinewidth": 0,
                "len": 0.75,
            },
        }


def place_scale(embedding: Embedding, layer: int) -> Scale:
    """Each point's rank from left to right in `layer`, so that a dot can be followed by eye."""
    order = np.argsort(embedding.coordinates[layer, :, 0], kind="stable")
    return Scale(np.argsort(order, kind="stable").astype(float), f"rank, left to right,<br>in layer {layer}")


def loss_scale(points: Sequence[Point]) -> Scale | None:
    """How badly the model foresaw the text there; None where no point knows."""
    losses = np.array([np.nan if point.loss is None else point.loss for point in points], dtype=float)
    return Scale(losses, "loss (nats)", share=0.98) if np.isfinite(losses).any() else None


def position_scale(points: Sequence[Point]) -> Scale | None:
    """Each point's place in its text; None where the points are means and have none."""
    places = np.array([np.nan if point.position < 0 else point.position for point in points], dtype=float)
    return Scale(places, "token's place<br>in the text") if np.isfinite(places).any() else None


def subject_dots(points: Sequence[Point], theme: Theme, *, highlight: str | None, flat: bool) -> tuple[Dots, ...]:
    """Colour and symbol tell the subject. Points of other subjects than `highlight` are dimmed, never hidden."""
    subjects = np.array([point.subject for point in points])
    marks = subject_marks(list(subjects))
    size = SIZE if flat else SIZE_3D
    looks = []
    for place, (subject, (colour, symbol)) in enumerate(marks.items()):
        drawn = symbol if flat else SYMBOLS_3D[(place + place // len(OKABE_ITO)) % len(SYMBOLS_3D)]
        marker = {"color": colour, "symbol": drawn, "size": size}
        if flat:
            marker["line"] = {"width": 0.5, "color": theme.page}
        name = escape(subject.replace("_", " ") or "without a subject")
        opacity = 0.85 if highlight in (None, subject) else DIMMED
        looks.append(Dots(np.flatnonzero(subjects == subject), name, marker, opacity))
    return tuple(looks)


def scale_dots(scale: Scale, theme: Theme, *, flat: bool) -> tuple[Dots, ...]:
    """Colours of the figure's colour axis; points without a value as grey rings, below the others."""
    size = SIZE if flat else SIZE_3D
    known = np.isfinite(scale.values)
    without = {"color": theme.muted, "symbol": "circle-open", "size": size}
    looks = [Dots(np.flatnonzero(~known), "not known", without)] if not known.all() else []
    with_value = {"color": scale.values[known], "coloraxis": AXIS, "size": size}
    if flat:
        with_value["line"] = {"width": 0.5, "color": theme.muted}  # Viridis begins nearly black
    return (*looks, Dots(np.flatnonzero(known), "", with_value))
