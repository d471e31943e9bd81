"""Where two similarities of the same layers differ, drawn on a blue-orange scale around zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import plotly.graph_objects as go

from mka.figures.square import cell_texts, layer_square
from mka.figures.theme import Theme, diverging, escape
from mka.objects.comparison import Agreement
from mka.objects.plan import MergeGroup
from mka.objects.similarity import Similarity


@dataclass(frozen=True)
class Difference:
    """Two similarities of L layers, put on a common footing and subtracted.

    values:         float64 (L, L), positive where the first finds two layers more alike than the second does; NaN on
                    the diagonal and where either has no value
    first, second:  float64 (L, L), what was subtracted: ranks from 1, the pair most alike, or values
    names:          what a screen calls the two
    pairs:          how many pairs were ranked; 0 where the values themselves were subtracted
    """

    values: np.ndarray
    first: np.ndarray
    second: np.ndarray
    names: tuple[str, str]
    pairs: int

    @property
    def largest(self) -> tuple[int, int] | None:
        """The pair of layers (l, m), l < m, on which the two differ most; None where they differ on none."""
        size = np.triu(np.nan_to_num(np.abs(self.values)), 1)
        if not size.any():
            return None
        row, column = np.unravel_index(np.argmax(size), size.shape)
        return int(row), int(column)


def rank_difference(agreement: Agreement, depth: int, names: tuple[str, str]) -> Difference:
    """How many places apart two measures rank each pair; for measures whose values have no common unit."""
    first, second = (np.full((depth, depth), np.nan) for _ in names)
    for (row, column), (one, other) in zip(agreement.pairs, agreement.ranks, strict=True):
        first[row, column] = first[column, row] = one
        second[row, column] = second[column, row] = other
    return Difference(second - first, first, second, names, len(agreement.pairs))


def plain_difference(first: Similarity, second: Similarity, names: tuple[str, str]) -> Difference:
    """The values of one measure on two calibration texts, subtracted so that positive is more alike on the first."""
    sign = 1.0 if first.higher_is_alike else -1.0
    values = np.where(np.eye(first.layers, dtype=bool), np.nan, sign * (first.values - second.values))
    return Difference(values, first.values, second.values, names, 0)


def colour_limit(difference: Difference, *, full: bool = False) -> float:
    """Where the colours end on both sides of zero: the 98 % quantile of the sizes, or the largest if `full`."""
    sizes = np.abs(difference.values[np.isfinite(difference.values)])
    if not sizes.any():
        return 1.0
    return float(sizes.max() if full else np.quantile(sizes, 0.98)) or float(sizes.max())


def difference_map(
    difference: Difference,
    theme: Theme,
    *,
    groups: Sequence[MergeGroup] = (),
    candidates: Sequence[tuple[int, ...]] = (),
    full_range: bool = False,
) -> go.Figure:
    """Draw the L x L differences: blue where the first finds the pair more alike, orange where the second does."""
    limit = colour_limit(difference, full=full_range)
    cells = go.Heatmap(z=difference.values, zmin=-limit, zmax=limit, colorscale=diverging(theme))
    one, other = map(escape, difference.names)
    unit = f", in places of {difference.pairs}" if difference.pairs else ""
    texts = cell_texts(len(difference.values), partial(_cell_text, difference), groups, candidates)
    title = f"{one} − {other}{unit}"
    # The scale is pale in its middle and orange at one end: white would vanish on the first, a bare group on the other.
    return layer_square(cells, texts, theme, title=title, groups=groups, candidates=candidates, halo=theme.text)


def _cell_text(difference: Difference, row: int, column: int) -> str:
    sides = [
        f"{escape(name)}: {_side(matrix[row, column], difference.pairs)}"
        for name, matrix in zip(difference.names, (difference.first, difference.second), strict=True)
    ]
    return "<br>".join([f"layers {row} and {column}", *sides])


def _side(value: float, pairs: int) -> str:
    if not np.isfinite(value):
        return "no value"
    return f"place {value:g} of {pairs}" if pairs else f"{value:.3f}"
