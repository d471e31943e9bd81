"""The command line in this process, as a user sees it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from mka.cli.app import app


@dataclass(frozen=True)
class Seen:
    """Exit code, stdout and stderr of one command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Stdout as strict JSON: no NaN, nothing before or after."""
        return json.loads(self.out, parse_constant=_refuse)


def _refuse(constant: str) -> Any:
    raise AssertionError(f"{constant} is no JSON")


def mka(*words: str | Path) -> Seen:
    """Run `mka` with these words; an exception that reaches the user fails the test."""
    result = CliRunner().invoke(app, [str(word) for word in words], prog_name="mka", catch_exceptions=False)
    return Seen(result.exit_code, result.stdout, result.stderr)


def refused(seen: Seen, code: int = 2) -> str:
    """The one line of an error; nothing else was printed."""
    assert seen.code == code, seen
    assert seen.out == "", seen
    lines = seen.err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("mka: "), seen.err
    return lines[0].removeprefix("mka: ")
