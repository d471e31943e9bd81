"""How long work reports where it is, and how it is stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable

from mka.errors import Cancelled

Progress = Callable[[str, int, int], None]
"""Called as ``progress(stage, done, total)``: a short stage name, then whole units of work."""


def silent(stage: str, done: int, total: int) -> None:
    """The progress callback that says nothing."""


class Cancel:
    """A cancellation token that one thread sets and another checks between units of work."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def request(self) -> None:
        """Ask the work that holds this token to stop at its next check."""
        self._event.set()

    @property
    def requested(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        """Raise :class:`Cancelled` if a stop was asked for."""
        if self._event.is_set():
            raise Cancelled("cancelled: the run was stopped on request; nothing was written")
