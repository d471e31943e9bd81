"""What may be a seed."""

from __future__ import annotations

from numbers import Integral

from mka.errors import BadInput

LARGEST_SEED = 2**32 - 1
"""What numpy's generators take, and so scikit-learn and umap-learn."""


def check_seed(seed: object) -> int:
    """`seed` as an int from 0 to LARGEST_SEED, else BadInput."""
    if isinstance(seed, bool) or not isinstance(seed, Integral) or not 0 <= int(seed) <= LARGEST_SEED:
        raise BadInput(f"seed must be a whole number from 0 to {LARGEST_SEED}, got {seed!r}")
    return int(seed)
