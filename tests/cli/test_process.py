"""The command line as a process: what it imports, its streams, its signals, and that nothing stays behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import psutil
import pytest
import typer

from mka import __version__
from mka.cli.command import command
from mka.workflows.analysis_files import read_analysis
from tests.cli.conftest import Bench
from tests.workflows.builders import sentences

MKA = (sys.executable, "-m", "mka")


def without_progress(err: str) -> str:
    """Stderr without the lines "mka: stage 1/4", which a slow machine gets to see."""
    return re.sub(r"^mka: [^\n]* \d+/\d+\n", "", err, flags=re.MULTILINE)


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom mka.cli.app import app\n"
        "try:\n    app(['--help'], prog_name='mka')\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'transformers', 'streamlit', 'numpy', 'scipy', 'rich'} & set(sys.modules)\n"
        "print('heavy:', sorted(heavy))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("heavy: []\n")
    for name in ("studio", "inspect", "analyze", "compare", "plan", "merge", "convert", "evaluate", "sweep", "store"):
        assert f"\n  {name} " in done.stdout


def test_a_mistake_in_a_merge_is_told_before_torch_is_imported(bench: Bench, tmp_path: Path) -> None:
    merge = ("merge", bench.model, bench.plan, "--out", tmp_path / "m")
    mistakes = (
        (*merge[:2], tmp_path / "no-plan.json", *merge[3:]),
        (*merge[:4], bench.checkpoint),
        (*merge, "--repair", "lineer"),
        (*merge, "--repair", "linear"),
        (*merge, "--repair", "linear", "--calibration", bench.calibration, "--stream"),
    )
    code = (
        "import sys\nfrom mka.cli.app import app\n"
        "try:\n    app(sys.argv[1:], prog_name='mka')\nexcept SystemExit as end:\n    left = end.code\n"
        "print(left, sorted({'torch', 'transformers'} & set(sys.modules)))\n"
    )
    for words in mistakes:
        done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
        assert done.stdout == "2 []\n", (words, done)
        assert done.stderr.startswith("mka: ") and done.stderr.count("\n") == 1


def test_the_streams_of_a_command(bench: Bench) -> None:
    done = subprocess.run(
        [*MKA, "analyze", bench.model, "--calibration", bench.calibration, "--json", "-"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, without_progress(done.stderr)) == (0, "")
    assert json.loads(done.stdout)["points"] == 12

    words = ("inspect", "no/such/folder", "--json", "-")
    failed = subprocess.run([*MKA, *words], capture_output=True, text=True, check=False)
    assert (failed.returncode, failed.stdout) == (2, "")
    assert failed.stderr.startswith("mka: ") and failed.stderr.count("\n") == 1


def test_a_reader_that_leaves_early_sees_no_traceback(bench: Bench) -> None:
    with subprocess.Popen(
        [*MKA, "inspect", bench.model, "--json", "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert without_progress(process.stderr.read()) == ""


def test_ctrl_c_ends_a_run_and_leaves_nothing(bench: Bench, tmp_path: Path) -> None:
    # The calibration is a pipe, so the command waits in its work until the signal was sent.
    pipe = tmp_path / "calibration.txt"
    os.mkfifo(pipe)
    with subprocess.Popen(
        [*MKA, "analyze", bench.model, "--calibration", pipe, "--out", tmp_path / "a"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        with pipe.open("w") as texts:
            process.send_signal(signal.SIGINT)
            texts.write("\n".join(sentences(20)))
        out, err = process.communicate(timeout=200)
    assert process.returncode == 130
    assert out == ""
    assert without_progress(err).splitlines() == [
        "mka: stopping after this step; once more to stop at once",
        "mka: cancelled: the run was stopped on request; nothing was written",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["calibration.txt"]


def test_ctrl_c_before_the_command_began_is_one_line_too() -> None:
    code = (
        "import importlib.abc, os, signal, sys\n"
        "class Stop(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'mka.cli.merge':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Stop())\n"
        "from mka.cli import main\n"
        "sys.argv = ['mka', 'inspect', 'demo']\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "mka: cancelled: the run was stopped at once\n"


def test_a_path_that_is_no_text_comes_back_in_the_answer(bench: Bench, tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"caf\xe9.txt")
    odd.write_bytes(bench.calibration.read_bytes())
    words = ("analyze", bench.model, "--calibration", odd, "--out", tmp_path / "a", "--json")
    done = subprocess.run([*MKA, *words, "-"], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["calibration"] == read_analysis(tmp_path / "a").calibration == str(odd)
    planned = ("plan", bench.model, "--strategy", "mka", "--remove", "1", "--calibration", odd, "--json", "r.json")
    done = subprocess.run([*MKA, *planned], capture_output=True, check=False, cwd=tmp_path)
    assert done.returncode == 0 and json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["groups"]


def test_a_second_signal_stops_at_once_and_the_handlers_come_back(capfd: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(typer.Exit) as left, command(None) as run:
        os.kill(os.getpid(), signal.SIGTERM)
        _let_signals_in()
        assert run.cancel.requested
        os.kill(os.getpid(), signal.SIGINT)
        _let_signals_in()
        pytest.fail("the second signal was not heard")
    assert left.value.exit_code == 130
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    assert "stopped at once" in capfd.readouterr().err


def _let_signals_in() -> None:
    """Python runs a handler between two of its steps."""
    for _ in range(100):
        time.sleep(0)


def test_progress_asks_for_cancellation() -> None:
    with pytest.raises(typer.Exit) as left, command(None) as run:
        run.cancel.request()
        run.progress("collect", 1, 2)
        pytest.fail("progress went on")
    assert left.value.exit_code == 130


def test_what_libraries_print_is_no_answer(capsys: pytest.CaptureFixture[str]) -> None:
    with command("-") as run:
        print("a library talks")
        run.answer({"value": float("nan")}, lambda console: None)
    seen = capsys.readouterr()
    assert json.loads(seen.out) == {"mka": __version__, "value": None}
    assert seen.err == "a library talks\n"


def test_a_command_runs_off_the_main_thread() -> None:
    codes = []

    def work() -> None:
        with command(None) as run:
            run.progress("collect", 1, 2)
            codes.append(0)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert codes == [0]


def test_debug_shows_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MKA_DEBUG", "1")
    with pytest.raises(ZeroDivisionError), command(None):
        raise ZeroDivisionError


def test_the_studio_listens_here_only_and_sigterm_leaves_no_process(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*MKA, "studio", "--port", "0", "--out", tmp_path / "exports", "--json", "-"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None and process.stderr is not None
            answer = json.loads(process.stdout.read())  # ends where the server takes over
            assert answer["pid"] == process.pid
            assert answer["url"] == f"http://127.0.0.1:{answer['port']}"
            _wait_for(f"{answer['url']}/_stcore/health")
            server = psutil.Process(process.pid)
            listening = {c.laddr.ip for c in server.net_connections() if c.status == psutil.CONN_LISTEN}
            assert listening == {"127.0.0.1"}
            assert server.environ()["MKA_OUT"] == str(tmp_path / "exports")
            family = [process.pid, *(child.pid for child in server.children(recursive=True))]
            process.stderr.close()  # whoever read it is gone, as a terminal that was shut
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
            assert not any(psutil.pid_exists(pid) for pid in family)
        finally:
            process.kill()


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5) as reply:
                if reply.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"{url} did not answer")


def test_the_studio_refuses_a_port_that_is_taken(tmp_path: Path) -> None:
    import socket

    from tests.cli.runner import mka, refused

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"port {port} is in use" in refused(mka("studio", "--port", str(port)))
    assert "is no folder" in refused(mka("studio", "--models", tmp_path / "nowhere"))
