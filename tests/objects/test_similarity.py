"""What a similarity says of its neighbours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mka.objects.similarity import Similarity
from tests.studio.builders import a_similarity


def of_neighbours(*values: float, higher_is_alike: bool) -> Similarity:
    """Only the pairs (l, l + 1) have values."""
    return Similarity(np.diag(values, 1) + np.diag(values, -1), "npib", (0.0, 1.0), higher_is_alike)


@pytest.mark.parametrize(
    ("values", "higher_is_alike", "pair"),
    [((0.2, 0.9, 0.4), True, (1, 2)), ((0.2, 0.9, 0.4), False, (0, 1)), ((np.nan, 0.5, 0.5), True, (1, 2))],
)
def test_the_neighbours_most_alike(values: tuple[float, ...], higher_is_alike: bool, pair: tuple[int, int]):
    assert of_neighbours(*values, higher_is_alike=higher_is_alike).most_alike == pair


@pytest.mark.parametrize("layers", [1, 3])
def test_without_a_value_no_neighbours_are_most_alike(layers: int):
    unknown = replace(a_similarity(layers), values=np.full((layers, layers), np.nan))
    assert unknown.most_alike is None
