"""How long a person waits at the start: `mka --help`, and the studio's first picture in Chromium."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from benchmarks.timing import medians

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
ROUNDS = 3
HEATMAP = ".st-key-heatmap .mka-chart[aria-busy=false]"


def help_text() -> None:
    subprocess.run([sys.executable, "-m", "mka", "--help"], check=True, capture_output=True)


def bare_python() -> None:
    subprocess.run([sys.executable, "-c", "pass"], check=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("the studio did not answer within 30 s")


@contextmanager
def studio(**environment: str) -> Iterator[str]:
    """A studio of its own on a free port until the block ends; its address."""
    port = free_port()
    command = [sys.executable, "-m", "mka", "studio", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, **environment})
    try:
        wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=10)


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


def first_picture() -> tuple[float, float, float]:
    """Seconds from the command to the heatmap on screen in a browser that has never been there; of the same page once
    more, with what the browser keeps; and of coming back to it from another page of the studio."""
    with chromium() as browser:
        begun = time.perf_counter()
        with studio() as address:
            page = browser.new_page()
            page.goto(address)
            page.wait_for_selector(HEATMAP, timeout=60_000)
            first = time.perf_counter() - begun
            begun = time.perf_counter()
            page.reload()
            page.wait_for_selector(HEATMAP)
            again = time.perf_counter() - begun
            page.get_by_test_id("stSidebarNav").get_by_role("link", name="Guide").click()
            page.wait_for_selector(HEATMAP, state="detached")
            page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
            begun = time.perf_counter()
            page.get_by_test_id("stSidebarNav").get_by_role("link", name="Explore").click()
            page.wait_for_selector(HEATMAP)
            return first, again, time.perf_counter() - begun


def main() -> None:
    for name, seconds in medians({"python -c pass": bare_python, "mka --help": help_text}).items():
        print(f"{name}: {seconds:.2f} s")
    rounds = sorted(first_picture() for _ in range(ROUNDS))
    first, again, back = rounds[ROUNDS // 2]
    print(f"mka studio, command to first picture: {first:.1f} s (median of {ROUNDS})")
    print(f"the same page again: {again:.1f} s; back from another page: {back:.1f} s")


if __name__ == "__main__":
    main()
