"""Two similarities side by side: correlations of ranks by hand, direction, ties, pairs without a value."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

from mka.analysis.comparison import compare
from mka.errors import BadInput
from mka.objects.similarity import Similarity


def of_pairs(layers: int, values: list[float], *, higher_is_alike: bool = True, measure: str = "cosine") -> Similarity:
    """A symmetric matrix whose pairs (0, 1), (0, 2), ..., (1, 2), ... have these values."""
    matrix = np.eye(layers) if higher_is_alike else np.zeros((layers, layers))
    matrix[np.triu_indices(layers, 1)] = values
    return Similarity(np.triu(matrix) + np.triu(matrix, 1).T, measure, (None, None), higher_is_alike)


def test_correlations_by_hand() -> None:
    # Pairs 01, 02, 03, 12, 13, 23; ranks 1 2 3 4 5 6 and 2 1 4 3 6 5.
    first = of_pairs(4, [0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    second = of_pairs(4, [80.0, 90.0, 60.0, 70.0, 40.0, 50.0], measure="npib")
    made = compare(first, second)
    assert made.measures == ("cosine", "npib")
    # Spearman: 1 - 6 sum d^2 / (n (n^2 - 1)) = 1 - 36 / 210; Kendall: 3 of 15 pairs of pairs stand the other way.
    assert made.all_pairs.spearman == pytest.approx(1 - 36 / 210)
    assert made.all_pairs.kendall == pytest.approx((12 - 3) / 15)
    assert made.all_pairs.ranks.tolist() == [[1, 2], [2, 1], [3, 4], [4, 3], [5, 6], [6, 5]]
    # Neighbours 01, 12, 23: ranks 1 2 3 and 1 2 3.
    assert made.adjacent.pairs == ((0, 1), (1, 2), (2, 3))
    assert (made.adjacent.spearman, made.adjacent.kendall) == (pytest.approx(1), pytest.approx(1))
    assert made.adjacent.moved(5) == ()


def test_a_distance_is_turned_round() -> None:
    alike = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]
    distance = of_pairs(4, [1 - value for value in alike], higher_is_alike=False, measure="angular")
    made = compare(of_pairs(4, alike), distance)
    assert made.all_pairs.spearman == pytest.approx(1) and made.adjacent.kendall == pytest.approx(1)
    assert made.all_pairs.ranks[0].tolist() == [1, 1]


def test_what_moves_most_comes_first() -> None:
    made = compare(of_pairs(3, [3.0, 2.0, 1.0]), of_pairs(3, [2.0, 1.0, 3.0])).all_pairs
    assert made.ranks.tolist() == [[1, 2], [2, 3], [3, 1]]
    assert [made.pairs[place] for place in made.moved(2)] == [(1, 2), (0, 1)]


def test_equal_values_share_their_mean_rank() -> None:
    made = compare(of_pairs(3, [1.0, 1.0, 0.0]), of_pairs(3, [3.0, 2.0, 1.0])).all_pairs
    assert made.ranks[:, 0].tolist() == [1.5, 1.5, 3]
    # Pearson's coefficient of 1.5 1.5 3 and 1 2 3; Kendall's tau-b: two agree, one tie on one side.
    assert made.spearman == pytest.approx(1.5 / math.sqrt(1.5 * 2))
    assert made.kendall == pytest.approx(2 / math.sqrt(2 * 3))


def test_pairs_without_a_value_are_left_out() -> None:
    made = compare(of_pairs(3, [3.0, math.nan, 1.0]), of_pairs(3, [1.0, 9.0, 2.0])).all_pairs
    assert made.pairs == ((0, 1), (1, 2))
    assert made.spearman == pytest.approx(-1) and made.kendall == pytest.approx(-1)


@pytest.mark.parametrize(("layers", "values"), [(1, []), (2, [0.5]), (3, [0.5, 0.5, 0.5]), (3, [math.nan] * 3)])
def test_where_nothing_is_ranked_there_is_no_correlation(layers: int, values: list[float]) -> None:
    made = compare(of_pairs(layers, values), of_pairs(layers, list(range(len(values)))))
    assert math.isnan(made.all_pairs.spearman) and math.isnan(made.all_pairs.kendall)


def test_other_depths_are_refused() -> None:
    with pytest.raises(BadInput, match="of 3 layers and the other of 4"):
        compare(of_pairs(3, [1.0] * 3), of_pairs(4, [1.0] * 6))


def test_comparing_needs_no_torch() -> None:
    code = "import sys; import mka.analysis.comparison; print({'torch', 'transformers', 'sklearn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
