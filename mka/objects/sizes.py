"""Sizes as words."""

from __future__ import annotations

from collections.abc import Sequence

from mka.objects.numbers import significant

ROUNDS_UP = 999.5
"""From here on three digits are a thousand."""


def bytes_text(count: float) -> str:
    """1536 as 1.54 KB; decimal units, as disks are sold."""
    return scaled(count, (" B", " KB", " MB", " GB", " TB"))


def scaled(count: float, units: Sequence[str]) -> str:
    """`count` in whole numbers of the first of `units`, or by three digits in the first of the others that keeps it
    below a thousand, else in the last; each unit is a thousand of the one before."""
    if abs(count) < ROUNDS_UP:
        return f"{count:.0f}{units[0]}"
    for unit in units[1:-1]:
        count /= 1000
        if abs(count) < ROUNDS_UP:
            return significant(count, 3) + unit
    return significant(count / 1000, 3) + units[-1]
