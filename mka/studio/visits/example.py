"""The picture of the first start: the bundled analysis of the demo model, read without torch."""

from __future__ import annotations

import os
from pathlib import Path

from mka.assets import asset
from mka.studio.visits.desk import Desk
from mka.workflows.analysis_files import read_analysis


def example_folder() -> Path:
    """MKA_EXAMPLE where it is set, else the bundled one."""
    named = os.environ.get("MKA_EXAMPLE")
    return Path(named) if named else asset("example")


def example_desk() -> Desk:
    """A desk with the example. BadInput where it is not there or damaged."""
    analysis = read_analysis(example_folder())
    return Desk(analysis.summary, analysis, bundled=True)
