"""What calibration left behind in each decoder layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Point:
    """One calibration point: whose activation a row is.

    `position` counts the text's tokens from 0 (special tokens included); for masked means it is -1
    and `token` is empty. `loss`, in nats, is how badly the model foresaw the text there: for a single token, the
    token after it; for a last token, that token itself; for a mean, the mean over the text. None where not known.
    """

    text: str
    subject: str
    token: str
    position: int
    loss: float | None = None


@dataclass(frozen=True)
class Activations:
    """Decoder-layer outputs, one vector per calibration point.

    values:         float32 (L, n, d), output of layer l for point i
    entry:          float32 (n, d), what layer 0 was given at the same points
    token_cosine:   float64 (L,), mean over all real tokens of cos(layer input, layer output);
                    block influence is 1 minus it
    points:         n points, in the order of the rows
    kind:           "last", "mean" or "tokens"
    tokens:         number of real tokens read
    cut:            how many texts were longer than the model's context and lost their end
    model:          fingerprint of the model
    calibration_key / text_hashes: which texts were read (see `TextSet`)
    """

    values: np.ndarray
    entry: np.ndarray
    token_cosine: np.ndarray
    points: tuple[Point, ...]
    kind: str
    tokens: int
    model: str
    calibration_key: str
    text_hashes: tuple[str, ...]
    cut: int = 0

    @property
    def layers(self) -> int:
        return int(self.values.shape[0])

    @property
    def n_points(self) -> int:
        return int(self.values.shape[1])
