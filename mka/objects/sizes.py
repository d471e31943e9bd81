"""Sizes as words."""

from __future__ import annotations


def bytes_text(count: float) -> str:
    """1536 as 1.54 KB; decimal units, as disks are sold."""
    for unit in ("B", "KB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
