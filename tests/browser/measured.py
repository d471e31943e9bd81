"""A studio on an analysis made by hand, with runs in its store, so that every page has something on it and no model
is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from mka.objects.report import Report
from mka.objects.run import Run, Trial
from mka.store import open_store
from mka.workflows.analysis_files import Analysis, write_analysis
from mka.workflows.runs import KIND, run_json
from tests.browser.server import Server, running_studio
from tests.studio.builders import an_analysis
from tests.studio.run_builders import TRIAL, a_run

DEPTH = 6
GROUPS = (((1, 2),), ((3, 4, 5),))
"""Of each run."""


@dataclass(frozen=True)
class Measured:
    """A server, and the keys of the runs in its store, in the order in which they were made."""

    server: Server
    runs: tuple[str, ...]

    def at(self, page: str) -> str:
        """The path of a page that shows the first run and its plan."""
        return f"{page}?run={self.runs[0]}"


@contextmanager
def measured_studio(folder: Path, analysis: Analysis | None = None, trial: Trial = TRIAL) -> Iterator[Measured]:
    """Until the block ends; everything it reads and writes lies in `folder`."""
    shown = an_analysis(DEPTH) if analysis is None else analysis
    write_analysis(shown, folder / "analysis")
    runs = runs_of(shown.summary.source, trial)
    store = open_store({"MKA_STORE": str(folder / "store")})
    for run in runs:
        store.put(KIND, run.key, run_json(run), {})
    environment = {"MKA_EXAMPLE": str(folder / "analysis"), "MKA_STORE": str(folder / "store")}
    with running_studio(folder / "out", environment) as server:
        yield Measured(server, tuple(run.key for run in runs))


def runs_of(source: str, trial: Trial) -> Sequence[Run]:
    """One that keeps the answers and one that loses more, of the model of this name."""
    made = (
        a_run(groups, perplexity, accuracy, trial=trial, when=f"2026-01-31 12:00:0{number} UTC")
        for number, (groups, perplexity, accuracy) in enumerate(zip(GROUPS, (3.0, 30.0), (0.9, 0.85), strict=True))
    )
    return [replace(run, source=source, report=_with_curve(run.report, source)) for run in made]


def _with_curve(report: Report, source: str) -> Report:
    """A report of the model of this name, with a divergence at each of four token positions."""
    told = report.result.divergence
    assert told is not None
    curve = replace(told, by_position=(0.1, 0.3, 0.2, 0.4))
    return replace(report, source=source, result=replace(report.result, divergence=curve))
