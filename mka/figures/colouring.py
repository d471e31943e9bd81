"""What the colours of a map's dots tell: the subject, the token, or a figure such as the loss; and which are dimmed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from mka.figures.theme import OKABE_ITO, Theme, escape, subject_marks
from mka.objects.activations import Point
from mka.objects.embedding import Embedding

SIZE, SIZE_3D = 8, 4
CLEAR, DIMMED = 0.88, 0.15
SYMBOLS_3D = ("circle", "square", "diamond", "cross", "x", "circle-open", "square-open", "diamond-open")
"""All that plotly draws in three dimensions."""
AXIS = "coloraxis"
"""The one colour axis that every dot of a figure shares."""
TICKS = 5
SMALLEST = 0.01
"""What is less, but not nothing, is said to be less."""
NAMED_TOKENS = 7
"""So many of the most frequent tokens have a colour of their own."""
LONGEST_TOKEN = 16


@dataclass(frozen=True)
class Dots:
    """Dots of one look.

    chosen:  int (m,), which points
    name:    for the legend, "" where it needs none
    marker:  plotly's description, but for the colours of single dots
    values:  float64 (m,), what the colour axis makes colours of; None where all dots have the marker's colour
    opacity: in [0, 1]
    """

    chosen: np.ndarray
    name: str
    marker: Mapping[str, Any]
    values: np.ndarray | None = None
    opacity: float = CLEAR

    def among(self, kept: np.ndarray) -> Dots:
        """Only the dots that are True in `kept`, bool (n,)."""
        inside = kept[self.chosen]
        values = None if self.values is None else self.values[inside]
        return replace(self, chosen=self.chosen[inside], values=values)

    @property
    def drawn(self) -> dict[str, Any]:
        """The whole marker, as plotly reads it."""
        return dict(self.marker) if self.values is None else {**self.marker, "color": self.values, "coloraxis": AXIS}


@dataclass(frozen=True)
class Scale:
    """A figure per point that a colour bar explains.

    values: float64 (n,), what the colours tell, NaN where not known
    title:  over the colour bar, with its unit
    ranked: float64 (k,), increasing, the known figures of which the values are ranks from 0: the bar's ticks say
            these; None where they say the values
    """

    values: np.ndarray
    title: str
    ranked: np.ndarray | None = None

    @property
    def limits(self) -> tuple[float, float]:
        """Where the colours begin and end."""
        known = self.values[np.isfinite(self.values)]
        if not known.size:
            return 0.0, 1.0
        low, high = float(known.min()), float(known.max())
        return (low, high) if high > low else (low, low + 1.0)

    def axis(self, theme: Theme) -> dict[str, Any]:
        """plotly's colour axis."""
        ticks = np.linspace(*self.limits, TICKS)
        font = {"color": theme.text, "size": 12}
        return {
            "colorscale": "Viridis",
            "cmin": ticks[0],
            "cmax": ticks[-1],
            "colorbar": {
                "title": {"text": self.title, "font": font},
                "tickvals": ticks,
                "ticktext": self._said(ticks),
                "tickfont": {"color": theme.muted},
                "thickness": 10,
                "outlinewidth": 0,
                "len": 0.75,
            },
        }

    def _said(self, ticks: np.ndarray) -> list[str]:
        """The ticks in words."""
        if self.ranked is not None:
            figures = np.interp(ticks, np.arange(self.ranked.size), self.ranked)
            return [f"< {SMALLEST}" if 0 < figure < SMALLEST else f"{figure:.2f}" for figure in figures]
        digits = 0 if ticks[-1] - ticks[0] > 4 * TICKS else 1
        return [f"{tick:.{digits}f}" for tick in ticks]


@dataclass(frozen=True)
class Paint:
    """How all dots of a map look.

    looks: in the order of drawing; together they hold each point once
    scale: what the colour bar explains, None where the legend explains the colours
    """

    looks: tuple[Dots, ...]
    scale: Scale | None = field(default=None)

    def dimmed(self, clear: np.ndarray) -> Paint:
        """Dots that are False in `clear`, bool (n,), fade to the background, but all of them stay."""
        if clear.all():
            return self
        faded, kept = [], []
        for look in self.looks:
            front = look.among(clear)
            name = "" if front.chosen.size else look.name  # each name once in the legend
            faded.append(replace(look.among(~clear), name=name, opacity=DIMMED))
            kept.append(front)
        return replace(self, looks=tuple(look for look in (*faded, *kept) if look.chosen.size))

    def among(self, shown: np.ndarray) -> Paint:
        """Only the dots that are True in `shown`, bool (n,)."""
        return replace(self, looks=tuple(look.among(shown) for look in self.looks))

    def sized(self, size: int) -> Paint:
        """All dots of this size, in pixels."""
        return replace(self, looks=tuple(replace(look, marker={**look.marker, "size": size}) for look in self.looks))


def place_scale(embedding: Embedding, layer: int) -> Scale:
    """Each point's rank from left to right in `layer`, so that a dot can be followed by eye."""
    order = np.argsort(embedding.coordinates[layer, :, 0], kind="stable")
    return Scale(np.argsort(order, kind="stable").astype(float), f"rank, left to right,<br>in layer {layer}")


def loss_scale(points: Sequence[Point]) -> Scale | None:
    """How badly the model foresaw the text there, by rank; None where no point knows.

    Most texts are foreseen well and a few badly: a colour per nat would leave all but those in one colour.
    """
    losses = np.array([np.nan if point.loss is None else point.loss for point in points], dtype=float)
    known = np.isfinite(losses)
    if not known.any():
        return None
    ranks = np.full(losses.shape, np.nan)
    _, place, counts = np.unique(losses[known], return_inverse=True, return_counts=True)
    ranks[known] = (np.cumsum(counts) - (counts + 1) / 2)[place]  # equal losses share the mean of their ranks
    return Scale(ranks, "loss (nats),<br>coloured by rank", np.sort(losses[known]))


def position_scale(points: Sequence[Point]) -> Scale | None:
    """Each point's place in its text; None where the points are means and have none."""
    places = np.array([np.nan if point.position < 0 else point.position for point in points], dtype=float)
    return Scale(places, "token's place<br>in the text") if np.isfinite(places).any() else None


def by_scale(scale: Scale, theme: Theme, *, flat: bool) -> Paint:
    """Colours of the figure's colour axis; points without a value are grey rings, below the others."""
    size = SIZE if flat else SIZE_3D
    known = np.isfinite(scale.values)
    without = {"color": theme.muted, "symbol": "circle-open", "size": size}
    looks = [Dots(np.flatnonzero(~known), "not known", without)] if not known.all() else []
    with_value: dict[str, Any] = {"size": size}
    if flat:
        with_value["line"] = {"width": 0.5, "color": theme.muted}  # Viridis begins nearly black
    return Paint((*looks, Dots(np.flatnonzero(known), "", with_value, scale.values[known])), scale)


def by_subject(points: Sequence[Point], theme: Theme, *, flat: bool) -> Paint:
    """Colour and symbol tell the subject."""
    subjects = [point.subject for point in points]
    names = {subject: subject.replace("_", " ") or "without a subject" for subject in subjects}
    return Paint(_named_looks(subjects, names, theme, flat=flat))


def by_token(points: Sequence[Point], theme: Theme, *, flat: bool) -> Paint:
    """Colour and symbol tell the token, of the NAMED_TOKENS most frequent ones; the others are grey, below them."""
    tokens = np.array([point.token for point in points], dtype=object)
    counts = sorted(Counter(tokens).items(), key=lambda token: (-token[1], token[0]))
    frequent = [token for token, _ in counts[:NAMED_TOKENS]]
    rare = np.array([token not in frequent for token in tokens])
    marker = {"color": theme.muted, "symbol": "circle", "size": SIZE if flat else SIZE_3D}
    others = (Dots(np.flatnonzero(rare), "other tokens", marker),) if rare.any() else ()
    names = {token: token_words(token) for token in frequent}
    return Paint((*others, *_named_looks(list(tokens), names, theme, flat=flat)))


def tokens_of(points: Sequence[Point]) -> tuple[str, ...]:
    """The different tokens on which the points stand, sorted; empty where they stand on none, as means."""
    return tuple(sorted({point.token for point in points} - {""}))


def token_words(token: str) -> str:
    """A token as a legend shows it: its spaces and line ends can be seen, and a long one is cut."""
    seen = token.replace(" ", "␣").replace("\n", "↵").replace("\t", "⇥")
    return f"“{seen}”" if len(seen) <= LONGEST_TOKEN else f"“{seen[: LONGEST_TOKEN - 1]}…”"


def _named_looks(labels: Sequence[str], names: Mapping[str, str], theme: Theme, *, flat: bool) -> tuple[Dots, ...]:
    """A look per label in `names`, which says how the legend calls it; labels (n,), one per point."""
    each = np.array(labels, dtype=object)
    looks = []
    for place, (label, (colour, symbol)) in enumerate(subject_marks(list(names)).items()):
        drawn = symbol if flat else SYMBOLS_3D[(place + place // len(OKABE_ITO)) % len(SYMBOLS_3D)]
        marker: dict[str, Any] = {"color": colour, "symbol": drawn, "size": SIZE if flat else SIZE_3D}
        if flat:
            marker["line"] = {"width": 0.5, "color": theme.page}
        looks.append(Dots(np.flatnonzero(each == label), escape(names[label]), marker))
    return tuple(looks)
