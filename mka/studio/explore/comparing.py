"""The Explore page's other side: another measure, or the same measure on another calibration text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from mka.figures import words
from mka.figures.difference import Difference, plain_difference, rank_difference
from mka.objects.similarity import Similarity
from mka.studio.parts.widgets import csv_text
from mka.studio.visits.desk import Desk, reading_key, reading_words

if TYPE_CHECKING:
    from mka.objects.comparison import Comparison

NOTHING = "nothing"
MEASURE, TEXTS = "measure", "texts"
Choice = tuple[str, ...]
"""(NOTHING,), (MEASURE, name) or (TEXTS, *reading key)."""


@dataclass(frozen=True)
class Side:
    """What the shown similarity is compared with.

    similarity: the other one, of the same layers
    names:      what a screen calls the shown one and this one in a sentence
    titles:     what it calls them over a picture
    difference, comparison: the two subtracted, and how far they rank the pairs alike
    """

    similarity: Similarity
    names: tuple[str, str]
    titles: tuple[str, str]
    difference: Difference
    comparison: Comparison

    @property
    def same_measure(self) -> bool:
        """Whether the two have one unit, so that values can be laid over each other."""
        return self.difference.pairs == 0


def choices(desk: Desk, measure: str) -> Mapping[Choice, str]:
    """What the similarity by `measure` can be compared with, and what a screen calls it."""
    offered: dict[Choice, str] = {(NOTHING,): "nothing"}
    offered |= {(MEASURE, name): words.measure_title(name) for name in desk.similarities if name != measure}
    for other in desk.others:
        if measure in other.similarities:
            label = f"other texts: {reading_words(other)}"
            if label in offered.values():
                label += f" [{other.calibration_key[:6]}]"
            offered[(TEXTS, *reading_key(other))] = label
    return offered


def ask(desk: Desk, measure: str) -> Choice:
    """The select box."""
    offered = choices(desk, measure)
    chosen = st.selectbox(
        "Compare with",
        list(offered),
        format_func=lambda choice: offered[choice],
        key="compare-with",
        persist_state="session",
        width=360,
        help="Another measure of the same texts, or this measure on other texts: analyze the model on those on the "
        "Model page, and the analysis that is open now is kept for this list.",
    )
    return chosen or (NOTHING,)


def other_side(desk: Desk, shown: Similarity, choice: Choice) -> Side | None:
    """What was chosen, computed; None for nothing."""
    kind, *rest = choice
    if kind == NOTHING or desk.analysis is None:
        return None
    from mka.analysis.comparison import compare  # scipy's statistics: only a comparison waits for them

    if kind == MEASURE:
        other = desk.similarities[rest[0]]
        comparison = compare(shown, other)
        names = (words.measure_title(shown.measure), words.measure_title(other.measure))
        return Side(other, names, names, rank_difference(comparison.all_pairs, shown.layers, names), comparison)
    analysis = desk.other(tuple(rest))
    assert analysis is not None, "only kept analyses are offered"
    other = analysis.similarities[shown.measure]
    names = ("these texts", "the other texts")
    titles = (reading_words(desk.analysis), reading_words(analysis))
    return Side(other, names, titles, plain_difference(shown, other, names), compare(shown, other))


def as_csv(side: Side) -> str:
    """One row per pair of layers: both sides and their difference."""
    both = side.difference
    kind = "rank" if both.pairs else "value"
    header = ["layer", "other layer", f"{kind}: {side.names[0]}", f"{kind}: {side.names[1]}", "more alike by the first"]
    pairs = ((row, column) for row in range(len(both.values)) for column in range(row + 1, len(both.values)))
    return csv_text(
        header,
        ([row, column, *(float(matrix[row, column]) for matrix in (both.first, both.second, both.values))]
         for row, column in pairs),
    )  # fmt: skip


def turn_round(desk: Desk, choice: Choice) -> Desk:
    """The desk with the other texts' analysis in front."""
    return desk.turned_to(choice[1:])
