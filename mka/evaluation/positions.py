"""A quantity of tokens along their texts: its mean at each position, and its change within a text."""

from __future__ import annotations

import numpy as np

from mka.objects.report import Halves


class AlongTexts:
    """What the first `positions` tokens of each of `texts` texts measure, collected piece by piece."""

    def __init__(self, texts: int, positions: int) -> None:
        self._values = np.zeros((texts, positions))
        self._seen = np.zeros((texts, positions), dtype=bool)

    def add(self, text: int, position: int, values: np.ndarray) -> None:
        """values: float64 (tokens,), of the tokens of `text` from `position` on."""
        early = values[: max(0, self._values.shape[1] - position)]
        self._values[text, position : position + len(early)] = early
        self._seen[text, position : position + len(early)] = True

    def by_position(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean over texts at each position and its standard error, up to the last position of any text; NaN for the
        mean of no text and for the error of fewer than two."""
        counts = self._seen.sum(axis=0)
        longest = int(np.flatnonzero(counts)[-1]) + 1 if counts.any() else 0
        with np.errstate(invalid="ignore", divide="ignore"):
            means = self._values.sum(axis=0) / counts
            squares = (np.where(self._seen, self._values - means, 0.0) ** 2).sum(axis=0)
            errors = np.sqrt(squares / (counts - 1) / counts)
        return tuple(means[:longest].tolist()), tuple(np.where(counts > 1, errors, np.nan)[:longest].tolist())

    def halves(self) -> Halves | None:
        """Each text of two tokens or more against itself, so that it does not matter that fewer texts reach the late
        positions; the token in the middle of an odd number is in neither half. None where no text has two."""
        pairs = []
        for values, seen in zip(self._values, self._seen, strict=True):
            read = values[seen]
            half = len(read) // 2
            if half:
                pairs.append((read[:half].mean(), read[-half:].mean()))
        if not pairs:
            return None
        early, late = np.array(pairs).T
        with np.errstate(invalid="ignore"):
            error = float(np.std(late - early, ddof=1)) / len(pairs) ** 0.5 if len(pairs) > 1 else float("nan")
        return Halves(float(early.mean()), float(late.mean()), error, len(pairs))
