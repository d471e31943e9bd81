"""The picture of the first start: the bundled analysis of the demo model, read without torch."""

from __future__ import annotations

import os
from pathlib import Path

from mka.assets import asset
from mka.errors import MkaError
from mka.studio import session
from mka.studio.desk import Desk
from mka.workflows.analysis_files import read_analysis


def example_folder() -> Path:
    """MKA_EXAMPLE where it is set, else the bundled one."""
    named = os.environ.get("MKA_EXAMPLE")
    return Path(named) if named else asset("example")


def open_example() -> None:
    """Put the example on this session's desk; without one, the desk stays empty and it is said why."""
    try:
        analysis = read_analysis(example_folder())
    except MkaError as error:
        session.notify("failed", f"The example cannot be shown: {error}")
    else:
        session.visit().open(Desk(analysis.summary, analysis, bundled=True))
