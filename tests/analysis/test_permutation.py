"""What shuffled points score by npib's plain ratio."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import normalized_mutual_info_score

from mka.analysis.permutation import permutation_null


@pytest.mark.parametrize(("n", "bins", "known"), [(57, 4, 0.54), (256, 4, 0.20), (256, None, 0.20)])
def test_the_bias_of_independent_points(n: int, bins: int | None, known: float) -> None:
    # The figures of the adjusted measure's rationale, for 4 x 4 cells.
    found = permutation_null(np.random.default_rng(0).normal(size=(6, n, 2)), bins=bins)
    assert found.mean == pytest.approx(known, abs=0.015)
    assert found.lowest < found.mean < found.highest


def test_agrees_with_shuffled_labels_in_scikit_learn() -> None:
    generator = np.random.default_rng(1)
    labels = np.repeat(np.arange(16), 16)
    plain = [
        normalized_mutual_info_score(generator.permutation(labels), labels, average_method="geometric")
        for _ in range(200)
    ]
    cells = np.stack(np.divmod(labels, 4), axis=1) + generator.random((256, 2)) / 2
    found = permutation_null(np.stack([cells, cells]), permutations=200)
    assert found.mean == pytest.approx(np.mean(plain), abs=4 * np.std(plain) / np.sqrt(100))


def test_dependence_is_shuffled_away_and_the_seed_decides() -> None:
    layer = np.random.default_rng(2).normal(size=(100, 2))
    same = permutation_null(np.stack([layer, layer]), seed=3)
    assert same.highest < 0.5
    assert same == permutation_null(np.stack([layer, layer]), seed=3) != permutation_null(np.stack([layer, layer]))
    assert same == permutation_null(layer[None], seed=3)


def test_layers_that_coincide_score_nothing() -> None:
    assert permutation_null(np.zeros((2, 20, 2))).highest == 0


def test_its_sentence() -> None:
    found = permutation_null(np.random.default_rng(0).normal(size=(3, 57, 2)))
    assert found.sentence.startswith(f"shuffled points score {found.mean:.2f} on average ({found.lowest:.2f} to ")
