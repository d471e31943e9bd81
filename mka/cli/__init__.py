"""The command line: one file per command; nothing heavy is imported before a command runs.

app.py        the commands under one name
command.py    what every command does alike: signals, errors in one line, the answer
options.py    the options that several commands share
progress.py   progress on stderr
tables.py     the readable answers
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType


def main() -> None:
    """Run the command line and leave with its exit code: 0 done, 1 failed, 2 bad input, 130 cancelled."""
    # Until a command takes over, and after it: Python's own handler shows a traceback, or typer's exit code 1.
    signal.signal(signal.SIGINT, _leave)
    # The libraries' own chatter; errors still reach the user, in one line.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    from mka.cli.app import app

    sys.exit(app(prog_name="mka"))


def _leave(number: int, frame: FrameType | None) -> None:
    os.write(2, b"mka: cancelled: the run was stopped at once\n")
    sys.exit(130)
