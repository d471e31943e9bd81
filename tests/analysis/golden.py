"""The official code's own figures, see tests/golden/README.md."""

from __future__ import annotations

from pathlib import Path

import numpy as np

FILE = Path(__file__).parent.parent / "golden" / "official_code.npz"


def golden() -> dict[str, np.ndarray]:
    with np.load(FILE) as arrays:
        return dict(arrays)
