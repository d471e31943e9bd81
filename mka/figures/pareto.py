"""What is left of quality against what was removed: every evaluated plan, the unmerged model and the free controls."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import plotly.graph_objects as go

from mka.figures import words
from mka.figures.evaluation import MERGED, OTHER, UNMERGED, looks
from mka.figures.theme import Theme, escape, styled
from mka.objects.report import Report, Result
from mka.objects.run import Run

SIZE, CHOSEN_SIZE = 11, 20


@dataclass(frozen=True)
class Axis:
    """One axis of the picture.

    title:     what it is called, on the picture and in the list to choose from
    value:     of a result against its baseline; NaN where it was not measured
    unmerged:  the value of the unmerged model itself
    lower:     whether less is better
    log:       whether it is drawn on a logarithmic scale
    say:       a value in words
    """

    title: str
    value: Callable[[Result, Result], float]
    unmerged: float
    lower: bool
    log: bool
    say: Callable[[float], str]


def _times(value: float) -> str:
    return f"{words.number(value, 3)} times"


SIZES: Mapping[str, Axis] = MappingProxyType(
    {
        "layers": Axis(
            "compression ratio (layers removed)",
            lambda result, base: 1 - result.cost.layers / base.cost.layers,
            0.0, lower=False, log=False, say=words.percent,
        ),
        "parameters": Axis(
            "parameters removed",
            lambda result, base: 1 - result.cost.parameters / base.cost.parameters,
            0.0, lower=False, log=False, say=words.percent,
        ),
    }
)  # fmt: skip
QUALITIES: Mapping[str, Axis] = MappingProxyType(
    {
        "perplexity": Axis(
            "perplexity ratio (merged / unmerged)",
            lambda result, base: (
                result.perplexity.value / base.perplexity.value if result.perplexity and base.perplexity else math.nan
            ),
            1.0, lower=True, log=True, say=_times,
        ),
        "accuracy": Axis(
            "accuracy kept (merged / unmerged)",
            lambda result, base: (
                result.choices.accuracy / base.choices.accuracy
                if result.choices and base.choices and base.choices.accuracy > 0
                else math.nan
            ),
            1.0, lower=False, log=False, say=words.percent,
        ),
        "divergence": Axis(
            "divergence from the unmerged model (KL, nats)",
            lambda result, base: result.divergence.kl if result.divergence else math.nan,
            0.0, lower=True, log=False, say=lambda value: f"{words.number(value, 3)} nats",
        ),
    }
)  # fmt: skip


@dataclass(frozen=True)
class Spot:
    """One mark. x: share removed, in [0, 1]; y: by the axis; kind: MERGED, UNMERGED or a control's name;
    name: what it is, in words; key: of the run, "" for a mark that is no run."""

    x: float
    y: float
    kind: str
    name: str
    key: str = ""


@dataclass(frozen=True)
class Cloud:
    """Every mark of one picture, and the axes they stand by; missing: runs without a value there."""

    spots: tuple[Spot, ...]
    size: Axis
    quality: Axis
    missing: int = 0

    @property
    def front(self) -> tuple[Spot, ...]:
        """The marks that no other one beats: nothing removes as much and is better, or is as good and removes more.
        From the least removed to the most; of marks in one place, the first."""
        kept: list[Spot] = []
        better = min if self.quality.lower else max
        for spot in sorted(self.spots, key=lambda one: (-one.x, one.y if self.quality.lower else -one.y)):
            if not kept or (spot.y != kept[-1].y and better(spot.y, kept[-1].y) == spot.y):
                kept.append(spot)
        return tuple(reversed(kept))


def cloud(runs: Iterable[Run], names: Mapping[str, str], size: Axis, quality: Axis) -> Cloud:
    """The marks of `runs`; names: what each run's key is called. What several runs measured alike of the unmerged
    model and of the controls is one mark."""
    merged: list[Spot] = []
    free: dict[tuple[float, float, str], Spot] = {}
    missing = 0
    for run in runs:
        mine, others = _spots_of(run.report, run.key, names[run.key], size, quality)
        missing += mine is None
        merged += [mine] if mine is not None else []
        for spot in others:
            free.setdefault((round(spot.x, 9), round(spot.y, 9), spot.kind), spot)
    return Cloud((*merged, *free.values()), size, quality, missing)


def _spots_of(report: Report, key: str, name: str, size: Axis, quality: Axis) -> tuple[Spot | None, list[Spot]]:
    """The run's own mark, None where it has no value, and those of what was measured beside it."""
    base = report.baseline
    if base is None:
        return None, []
    controls = [
        Spot(size.value(one, base), quality.value(one, base), kind, f"{kind}: {one.cost.layers} layers left")
        for kind, one in report.controls.items()
    ]
    mine = Spot(size.value(report.result, base), quality.value(report.result, base), MERGED, name, key)
    spots = [Spot(size.unmerged, quality.unmerged, UNMERGED, f"unmerged: {base.cost.layers} layers"), *controls]
    return (mine if math.isfinite(mine.y) else None), [spot for spot in spots if math.isfinite(spot.y)]


def pareto(points: Cloud, theme: Theme, *, chosen: str = "", pinned: Collection[str] = ()) -> go.Figure:
    """The marks and their front. A run's mark holds its key as customdata, any other mark ""."""
    figure = go.Figure()
    figure.add_trace(_front(points, theme))
    for kind in dict.fromkeys(spot.kind for spot in reversed(points.spots)):
        figure.add_trace(_marks(kind, [spot for spot in points.spots if spot.kind == kind], points, theme))
    rings = [spot for spot in points.spots if spot.key and spot.key == chosen]
    stars = [spot for spot in points.spots if spot.key in pinned]
    if stars:
        figure.add_trace(_around("pinned", stars, "star-open", theme))
    if rings:
        figure.add_trace(_around("selected", rings, "circle-open", theme))
    styled(figure, theme, height=430)
    most = max((spot.x for spot in points.spots), default=0.0)
    figure.update_xaxes(
        title=points.size.title, tickformat=".0%", range=[-0.02, max(0.1, 1.08 * most)], zeroline=False, fixedrange=True
    )
    figure.update_yaxes(
        title=points.quality.title,
        type="log" if points.quality.log else "linear",
        tickformat=".0%" if points.quality is QUALITIES["accuracy"] else ".3~g",
        zeroline=False,
        fixedrange=True,
        automargin=True,
    )
    figure.update_layout(
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "traceorder": "reversed"},
        margin={"t": 48},
        dragmode=False,
    )
    return figure


def _front(points: Cloud, theme: Theme) -> go.Scatter:
    """The best that is to be had when at least so much is removed: up to the next mark, that mark's own value."""
    front = points.front
    return go.Scatter(
        x=[spot.x for spot in front],
        y=[spot.y for spot in front],
        mode="lines",
        line={"shape": "vh", "color": theme.muted, "width": 1.5, "dash": "dot"},
        name="front",
        hoverinfo="skip",
    )


def _marks(kind: str, spots: Sequence[Spot], points: Cloud, theme: Theme) -> go.Scatter:
    colour, symbol = looks(theme).get(kind, OTHER)
    edge = colour if symbol.endswith("-open") else theme.page  # marks that lie on each other stay countable
    return go.Scatter(
        x=[spot.x for spot in spots],
        y=[spot.y for spot in spots],
        mode="markers",
        name=escape(kind),
        marker={"color": colour, "symbol": symbol, "size": SIZE, "line": {"width": 1.5, "color": edge}},
        customdata=[spot.key for spot in spots],
        text=[
            f"{escape(spot.name)}<br>removed: {points.size.say(spot.x)}<br>"
            f"{_short(points.quality)}: {points.quality.say(spot.y)}"
            for spot in spots
        ],
        hovertemplate="%{text}<extra></extra>",
    )


def _around(name: str, spots: Sequence[Spot], symbol: str, theme: Theme) -> go.Scatter:
    """A larger outline around marks, which take the clicks themselves."""
    return go.Scatter(
        x=[spot.x for spot in spots],
        y=[spot.y for spot in spots],
        mode="markers",
        name=name,
        marker={"symbol": symbol, "size": CHOSEN_SIZE, "color": theme.text, "line": {"width": 2, "color": theme.text}},
        hoverinfo="skip",
    )


def _short(axis: Axis) -> str:
    """An axis's title without what stands in brackets."""
    return axis.title.partition(" (")[0]


def of_cloud(points: Cloud) -> str:
    """How many runs lie on the front, and whether deleting layers does."""
    runs = [spot for spot in points.spots if spot.kind == MERGED]
    if not runs:
        return "No run has a value here yet."
    front = points.front
    mine = [spot for spot in front if spot.kind == MERGED]
    better = f"at a {'lower' if points.quality.lower else 'higher'} {_short(points.quality)}"
    said = f"{_share(len(mine), len(runs))} on the front: "
    said += f"{'nothing that was measured' if mine else 'something else'} removes as much {better}."
    if mine:
        most = mine[-1]
        said += f" The furthest of them removes {points.size.say(most.x)} at {points.quality.say(most.y)}."
    free = [spot for spot in front if spot.kind not in (MERGED, UNMERGED)]
    if free:
        shares = " and ".join(dict.fromkeys(points.size.say(spot.x) for spot in free))
        said += f" Deleting layers without merging them is on the front at {shares}: no run beats it there."
    if points.missing:
        said += f" {points.missing} of the runs have no such value and stand in the table alone."
    return said


def _share(some: int, of: int) -> str:
    """How many of the runs lie there."""
    if of == 1:
        return "The only run lies" if some else "The only run does not lie"
    if some == of:
        return f"{'Both' if of == 2 else f'All {of}'} runs lie"  # a pair has a word of its own
    return f"{some or 'None'} of {of} runs {'lies' if some < 2 else 'lie'}"  # one has its own form


def as_rows(points: Cloud) -> list[tuple[str, str, float, float, bool]]:
    """One row per mark: kind, name, x, y, whether it is on the front."""
    front = points.front
    return [(spot.kind, spot.name, spot.x, spot.y, spot in front) for spot in points.spots]
