"""How much memory the machine has to give, what a model would take of it, and counts as words."""

from __future__ import annotations

import html
import os
from dataclasses import dataclass
from pathlib import Path

from mka.figures import words
from mka.figures.theme import VERMILION, Theme
from mka.objects.sizes import scaled

CGROUP = Path("/sys/fs/cgroup")
"""Where a container finds its own limit."""
WORTH_SAYING = 0.05
"""Of what is free: what is released is named from there on."""


@dataclass(frozen=True)
class Fit:
    """A model beside the memory that is there: bytes.

    need:     of its weights; texts at work take some more
    free:     now; 0 where the system does not say
    released: what the model that is loaded now gives back first
    """

    need: int
    free: int
    released: int = 0

    @property
    def room(self) -> int:
        return self.free + self.released

    @property
    def fits(self) -> bool:
        """Also where the system does not say how much there is."""
        return self.free == 0 or self.need <= self.room

    @property
    def sentence(self) -> str:
        """What it needs and whether it fits, in words."""
        needs = f"Its weights need about {words.size(self.need)} of memory"
        if self.free == 0:
            return f"{needs}; how much is free, this system does not say."
        there = f"{words.size(self.free)} are free"
        if self.released > WORTH_SAYING * self.free:
            there += f", and {words.size(self.released)} more once the model loaded now is released"
        return f"{needs}; {there}: it {'fits' if self.fits else 'does not fit'}."


def fit_bar(fit: Fit, theme: Theme) -> str:
    """HTML of a bar as wide as the room, filled as far as the model takes it; what does not fit fills it in red."""
    share = min(1.0, fit.need / fit.room) if fit.room else 0.0
    colour = theme.accent if fit.fits else VERMILION
    track = f"background:{theme.neutral};border-radius:4px;height:8px;overflow:hidden"
    return (
        f'<div role="meter" aria-label="{html.escape(fit.sentence)}" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{100 * share:.0f}" style="{track}">'
        f'<div style="background:{colour};height:100%;width:{100 * share:.1f}%;min-width:3px"></div></div>'
    )


def free_bytes() -> int:
    """Memory that can be used now without swapping, in a container no more than its limit leaves; 0 where the system
    does not say."""
    free = _of_the_machine()
    left = left_in_group(CGROUP)
    return free if left is None else min(free, left)


def left_in_group(folder: Path) -> int | None:
    """What the limit in a control group's folder leaves, its file cache counted as free; None where there is none."""
    try:
        limit, used = ((folder / f"memory.{name}").read_text().strip() for name in ("max", "current"))
        stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        cached = int(stat.get("inactive_file", 0))
        return None if limit == "max" else max(0, int(limit) - int(used) + cached)
    except (OSError, ValueError):
        return None


def _of_the_machine() -> int:
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
    """2470000 as 2.47 M, which stays together."""
    return scaled(count, ("", " K", " M", " B", " T")).replace(" ", words.TIED)
