"""What a failed test leaves to look at: each visit's trace and a screenshot of where it stood."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Error

from tests.browser.visit import Visit


@dataclass
class Traces:
    """The visits of one test, and where their traces would go."""

    folder: Path
    test: str
    visits: list[Visit] = field(default_factory=list)

    def begin(self, visit: Visit) -> Visit:
        """Record this visit from here on. The page as it was at each step, not as a film, which costs more than the
        test itself."""
        visit.page.context.tracing.start(snapshots=True)
        self.visits.append(visit)
        return visit

    def keep(self) -> list[Path]:
        """Write what was recorded; the files' names."""
        self.folder.mkdir(parents=True, exist_ok=True)
        name = re.sub(r"[^\w.-]+", "-", self.test)[-120:]
        files = []
        for number, visit in enumerate(self.visits):
            picture, trace = (self.folder / f"{name}-{number}.{ending}" for ending in ("png", "zip"))
            try:
                visit.page.screenshot(path=picture)
                visit.page.context.tracing.stop(path=trace)
            except Error as error:  # a page that is gone hides no failure of the test
                (self.folder / f"{name}-{number}.txt").write_text(str(error), encoding="utf-8")
            files += [file for file in (picture, trace) if file.exists()]
        self.visits.clear()
        return files
