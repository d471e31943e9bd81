"""How much memory the machine has to give, and sizes as words."""

from __future__ import annotations

import os
from pathlib import Path


def free_bytes() -> int:
    """Memory that can be used now without swapping; 0 where the system does not say."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return 0


def count_text(count: float) -> str:
    """2470000 as 2.47 M."""
    for unit in ("", " K", " M", " B"):
        if abs(count) < 1000:
            return f"{count:.3g}{unit}"
        count /= 1000
    return f"{count:.3g} T"
