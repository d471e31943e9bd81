"""What calibration left behind in each decoder layer."""

from __future__ import annotations

import hashlib
import json
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

    values:         float32 (L, n, d), output of layer l for point i; may be mapped from a file without a name
    entry:          float32 (n, d), what layer 0 was given at the same points
    token_cosine:   float64 (L,), mean over all real tokens of cos(layer input, layer output);
                    block influence is 1 minus it
    points:         n points, in the order of the rows
    kind:           "last", "mean" or "tokens"
    tokens:         number of real tokens read
    cut:            how many texts were longer than the model's context, or than `longest`, and lost their end
    duplicates:     how many texts of the source were left out because an earlier one says the same
    model:          fingerprint of the model
    calibration_key / text_hashes: which texts were read (see `TextSet`)
    longest:        most tokens of a text that were read; None for as many as the model's context holds
    per_text:       most points of one text; 1 but for "tokens"
    seed:           that drew the points, if they are "tokens"
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
    duplicates: int = 0
    longest: int | None = None
    per_text: int = 1
    seed: int = 0

    @property
    def layers(self) -> int:
        return int(self.values.shape[0])

    @property
    def n_points(self) -> int:
        return int(self.values.shape[1])

    @property
    def key(self) -> str:
        """Content key, 16 hex digits: model, texts to the character, their order and subjects, and how they were read.

        Knows neither the dtype that the model was loaded in nor the versions of the libraries.
        """
        how = [self.model, self.kind, self.per_text, self.longest, self.seed]
        what = [[point.text, point.subject, point.position] for point in self.points]
        return hashlib.sha256(json.dumps([how, what]).encode()).hexdigest()[:16]
