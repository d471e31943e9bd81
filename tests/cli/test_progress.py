"""Progress on stderr."""

from __future__ import annotations

import pytest

from mka.cli import progress as room
from mka.errors import Cancelled
from mka.objects.progress import Cancel


def test_without_a_terminal_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with room.reporting(Cancel()) as progress:
        for done in range(5):
            progress("collect", done, 5)
    assert capsys.readouterr().err == ""  # all of it within the interval

    monkeypatch.setattr(room, "SECONDS_BETWEEN_LINES", 0.0)
    with room.reporting(Cancel()) as progress:
        progress("collect", 0, 5)
        progress("collect", 3, 5)
    seen = capsys.readouterr()
    assert (seen.out, seen.err) == ("", "mka: collect 3/5\n")


def test_at_a_terminal_a_bar_that_is_gone_at_the_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with room.reporting(Cancel()) as progress:
        progress("demo: [b]perplexity", 1, 4)
        progress("choices", 4, 4)
    seen = capsys.readouterr()
    assert seen.out == ""
    assert "choices" in seen.err and "4/4" in seen.err
    assert seen.err.rstrip().endswith("\x1b[2K")  # the line is cleared


@pytest.mark.parametrize("terminal", [False, True])
def test_every_step_asks_whether_to_stop(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    cancel = Cancel()
    cancel.request()
    with pytest.raises(Cancelled), room.reporting(cancel) as progress:
        progress("collect", 0, 5)
