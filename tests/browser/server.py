"""A studio server of its own, started as a user starts it and ended by its own process id."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 60.0
"""Seconds that a server may take to answer on a busy machine."""


@dataclass(frozen=True)
class Server:
    """A running studio: its address, process id and the folder that it exports into."""

    url: str
    pid: int
    out: Path


@contextmanager
def running_studio(
    out: Path, environment: Mapping[str, str] | None = None, port: int = 0, stdin: int | None = None
) -> Iterator[Server]:
    """`mka studio` on this port of 127.0.0.1, by default a free one, until the block ends. stdin: what it reads where
    it asks something, by default what the tests read."""
    command = [sys.executable, "-m", "mka", "studio", "--port", str(port), "--out", str(out), "--json", "-"]
    process = subprocess.Popen(
        command,
        stdin=stdin,
        stdout=subprocess.PIPE,
        env={**os.environ, **(environment or {})},
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    try:
        answer = json.loads(_first_object(process))
        _wait_until_healthy(answer["url"], process)
        yield Server(answer["url"], answer["pid"], out)
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def _first_object(process: subprocess.Popen[bytes]) -> str:
    """The lines of the first JSON object that the command prints."""
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line.decode()
        try:
            json.loads(text)
        except json.JSONDecodeError:
            continue
        return text
    raise AssertionError(f"the studio did not start: {text!r}")


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        assert process.poll() is None, "the studio ended while it started"
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise AssertionError(f"the studio at {url} does not answer")
