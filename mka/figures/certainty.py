"""How sure a picture of similarity is, in words: whether other texts would rank the neighbours the same."""

from __future__ import annotations

import math

import numpy as np

from mka.objects.comparison import Comparison
from mka.objects.measures import MEASURES, WEIGHTS
from mka.objects.similarity import Similarity, Uncertainty

NAMED = 4
"""So many pairs are named one by one; more are counted."""


def of_ranking(similarity: Similarity) -> str:
    """How stable the ranking of neighbouring layers is, and which pairs cannot be told apart from the best one."""
    known = similarity.uncertainty
    if MEASURES[similarity.measure].needs == WEIGHTS:
        return "Weights are read whole: no calibration text stands behind these figures, so they have no error."
    if known is None:
        return (
            "How far these figures would move on other texts was not estimated, so do not read small differences: "
            "analyze with subsamples on the Model page to see error bars here."
        )
    how = f"{known.subsamples} subsamples of {known.size} points each"
    bars = "Whiskers: one standard error to either side."
    if math.isnan(known.tau):
        return f"{bars} Too few pairs have a value to rank them ({how})."
    return f"{bars} {_stability(known)} ({how}: Kendall's tau {known.tau:.2f}). {_ties(similarity, known)}".strip()


def _stability(known: Uncertainty) -> str:
    for least, words in (
        (0.8, "The ranking of neighbours is steady"),
        (0.5, "The ranking of neighbours holds in the main"),
        (0.2, "The ranking of neighbours is shaky"),
    ):
        if known.tau >= least:
            return words
    return "The ranking of neighbours is hardly more than noise"


def _ties(similarity: Similarity, known: Uncertainty) -> str:
    """Which pairs share a rank with the pair most alike, by their rank intervals."""
    alike = similarity.adjacent if similarity.higher_is_alike else -similarity.adjacent
    if np.isfinite(alike).sum() < 2:
        return ""
    best = int(np.nanargmax(alike))
    worst_place = known.ranks[best, 1]
    others = [
        pair
        for pair in range(len(alike))
        if pair != best and np.isfinite(alike[pair]) and known.ranks[pair, 0] <= worst_place
    ]
    name = f"{best}·{best + 1}"
    if not others:
        return f"The pair most alike, {name}, stands apart from all others."
    if len(others) <= NAMED:
        named = ", ".join(f"{pair}·{pair + 1}" for pair in others)
        return f"The pair most alike, {name}, cannot be told apart from {named}."
    return f"The pair most alike, {name}, cannot be told apart from {len(others)} of the {len(alike) - 1} others."


def of_comparison(comparison: Comparison) -> str:
    """How far two similarities order the pairs of layers the same, in words and as a correlation of ranks."""
    near, whole = comparison.adjacent, comparison.all_pairs
    if math.isnan(near.spearman):
        neighbours = "Whether the two order the neighbours alike cannot be said: too few pairs differ"
    else:
        neighbours = f"{_agreement(near.spearman)}: Spearman {near.spearman:.2f}"
    everywhere = "" if math.isnan(whole.spearman) else f"; over all {len(whole.pairs)} pairs: {whole.spearman:.2f}"
    return f"{neighbours}{everywhere}."


def _agreement(correlation: float) -> str:
    for least, words in (
        (0.95, "The two order the neighbours almost the same"),
        (0.7, "The two order the neighbours alike"),
        (0.4, "The two order the neighbours roughly alike"),
        (0.1, "The two order the neighbours hardly alike"),
        (-0.1, "The two orders of the neighbours have nothing in common"),
    ):
        if correlation >= least:
            return words
    return "The two order the neighbours against each other"
