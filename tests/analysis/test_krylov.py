"""Block Lanczos on matrices whose eigenvectors are known."""

from __future__ import annotations

import numpy as np
import pytest

from mka.analysis.krylov import BLOCK, leading_axes


def turned(eigenvalues: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    vectors = np.linalg.qr(np.random.default_rng(0).normal(size=(len(eigenvalues),) * 2))[0]
    return (vectors * eigenvalues) @ vectors.T, vectors


def start(n: int) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(n, BLOCK))


def test_finds_the_leading_eigenvectors() -> None:
    eigenvalues = 0.9 ** np.arange(300)
    matrix, vectors = turned(eigenvalues)
    found = leading_axes(lambda block: matrix @ block, start(300), kept=3, count=9)
    assert found is not None
    np.testing.assert_allclose(found.eigenvalues, eigenvalues[:9], atol=1e-8)
    np.testing.assert_allclose(np.abs((found.vectors[:, :3] * vectors[:, :3]).sum(axis=0)), 1, atol=1e-8)
    np.testing.assert_allclose(found.vectors.T @ found.vectors, np.eye(9), atol=1e-10)


@pytest.mark.parametrize("equal", [(0, 1), (2, 3)])
def test_leaves_equal_eigenvalues_to_a_dense_solver(equal: tuple[int, int]) -> None:
    eigenvalues = 0.9 ** np.arange(300)
    eigenvalues[equal[1]] = eigenvalues[equal[0]]
    matrix, _ = turned(eigenvalues)
    assert leading_axes(lambda block: matrix @ block, start(300), kept=3, count=9) is None


def test_equal_eigenvalues_behind_the_kept_axes_do_no_harm() -> None:
    eigenvalues = 0.9 ** np.arange(300)
    eigenvalues[4] = eigenvalues[5]
    matrix, _ = turned(eigenvalues)
    assert leading_axes(lambda block: matrix @ block, start(300), kept=3, count=9) is not None


def test_gives_up_where_nothing_is_left_to_reach_or_the_end_is_far() -> None:
    few, _ = turned(np.concatenate([[1, 0.9, 0.8], np.zeros(297)]))
    assert leading_axes(lambda block: few @ block, start(300), kept=2, count=9) is None
    flat, _ = turned(1 - np.arange(300) * 1e-6)
    assert leading_axes(lambda block: flat @ block, start(300), kept=2, count=9) is None
