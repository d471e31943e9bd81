"""The similarity heatmap: how alike every two layers are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import plotly.graph_objects as go

from mka.figures import words
from mka.figures.square import cell_texts, layer_square
from mka.figures.theme import Theme
from mka.objects.plan import MergeGroup
from mka.objects.similarity import Similarity


def colour_range(*similarities: Similarity, full: bool = False) -> tuple[float, float]:
    """Where a colour scale that these share starts and ends, read from their finite off-diagonal values.

    The default range is the 2 % quantile to the largest value, so that one outlier does not wash
    out the rest; `full` starts at the smallest. (0, 1) where there is no value at all.
    """
    values = np.concatenate([one.values[~np.eye(one.layers, dtype=bool)] for one in similarities])
    values = values[np.isfinite(values)]
    if values.size == 0:
        return 0.0, 1.0
    low = float(values.min()) if full else float(np.quantile(values, 0.02))
    high = float(values.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def heatmap(
    similarity: Similarity,
    theme: Theme,
    *,
    groups: Sequence[MergeGroup] = (),
    candidates: Sequence[tuple[int, ...]] = (),
    limits: tuple[float, float] | None = None,
    title: str = "",
    side: int | None = None,
) -> go.Figure:
    """Draw the L x L matrix. `limits`: of the colours, by default `colour_range`; `title`: by default the measure."""
    low, high = colour_range(similarity) if limits is None else limits
    cells = go.Heatmap(
        z=np.where(np.eye(similarity.layers, dtype=bool), np.nan, similarity.values),
        zmin=low,
        zmax=high,
        colorscale="Viridis",
        reversescale=not similarity.higher_is_alike,
    )
    name = title or words.measure_title(similarity.measure)
    title = name if similarity.higher_is_alike else f"{name} (low is alike)"
    return layer_square(
        cells,
        cell_texts(similarity.layers, partial(_cell_text, similarity), groups, candidates),
        theme,
        title=title,
        groups=groups,
        candidates=candidates,
        side=side,
    )


def _cell_text(similarity: Similarity, row: int, column: int) -> str:
    value = similarity.values[row, column]
    figure = f"{value:.3f}" if np.isfinite(value) else "no value"
    known = similarity.uncertainty
    if known is not None and np.isfinite(value) and np.isfinite(known.stderr[row, column]):
        figure += f" ± {known.stderr[row, column]:.3f}"
    return f"layers {row} and {column}: {figure}"
