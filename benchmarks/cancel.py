"""How soon a person is rid of a job, and how soon a page answers while one runs.

    python -m benchmarks.cancel          (ten minutes on two cores; needs Chromium)

At each stage a job is cancelled at several moments. Two things are timed: until the job has ended for whoever
cancelled it, and until the worker is free for the next job, since a step that cannot be interrupted (a library that is
being loaded, what numba compiles) goes on to its end. In Chromium the same is timed from the click on Cancel to the
words on the screen, and from a click on the heatmap to the block on the screen while an evaluation runs.

Prints a table and writes results/cancel.json beside this file.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page

from benchmarks import clicks, start
from mka.objects.jsonable import jsonable
from mka.objects.plan import MergeGroup, MergePlan
from mka.objects.progress import Cancel, Progress
from mka.objects.run import Trial
from mka.studio.jobs import work
from mka.studio.jobs.jobs import JobQueue, Task
from mka.studio.visits.desk import DEMO, Desk, OpenOrder
from mka.studio.visits.visit import Process
from mka.workflows.versions import versions

RESULTS = Path(__file__).parent / "results" / "cancel.json"
LAYERS, POINTS, FEATURES = 32, 256, 128
MOMENTS: dict[str, Sequence[float]] = {
    "npib": (0.1, 0.5, 1.0, 1.5, 2.0),
    "diffusion": (0.1, 0.3, 0.6, 0.9, 1.2),
    "umap": (0.5, 2.0, 6.0, 10.0, 14.0),
    "aligned-umap": (0.5, 3.0, 8.0, 15.0, 25.0),
    "evaluation": (0.5, 1.0, 2.0, 4.0, 6.0),
}
"""Seconds after the job's begin at which it is cancelled."""
OPENING = (0.2, 0.5, 1.0, 2.0, 3.0)
CLICKS = 15
SHOWN = """(words) => new Promise((tell) => {
    const begun = performance.now();
    const look = () => document.body.innerText.includes(words)
        ? requestAnimationFrame(() => tell(performance.now() - begun)) : requestAnimationFrame(look);
    [...document.querySelectorAll("[data-testid=stSidebar] button")].find((one) => one.innerText === "Cancel").click();
    look();
})"""
"""From the click on Cancel until the words are painted."""

Waits = tuple[float, float]
"""Seconds from the request until the person is released, and until the worker is free."""


def waited(task: Task, moment: float) -> Waits | None:
    """Cancel a job so many seconds after its begin; None where it had ended by then."""
    queue = JobQueue()
    job = queue.submit("benchmark", "Benchmark", task)
    while job.started is None:
        time.sleep(0.001)
    time.sleep(moment)
    if not job.active:
        return None
    asked = time.perf_counter()
    queue.stop(job)
    while job.active:
        time.sleep(0.001)
    released = time.perf_counter() - asked
    while queue.ending is not None:
        time.sleep(0.001)
    return released, time.perf_counter() - asked


def computing(name: str) -> Task:
    """A measure or a map of as many layers, points and features as a real model's."""
    values = np.random.default_rng(0).normal(size=(LAYERS, POINTS, FEATURES)).astype(np.float32)

    def compute(progress: Progress, cancel: Cancel) -> object:
        from mka.analysis.embedding import embed
        from mka.analysis.measures import similarity

        if name == "npib":
            return similarity(values, name, progress=progress, cancel=cancel)
        return embed(values, name, progress=progress, cancel=cancel)

    return Task(compute)


def evaluation() -> Task:
    """Of a merge of the demo model, which is loaded already."""
    from mka.models.summary import summarize

    process = Process()
    desk = Desk(summarize(process.models.opened(OpenOrder(DEMO))))
    plan = MergePlan(desk.summary.layers, (MergeGroup((2, 3), (0.5, 0.5)),))
    return work.evaluate(process, desk, plan, Trial(("perplexity", "choices", "divergence"), DEMO, 10_000, 0))


def opening(moment: float) -> Waits:
    """Of the demo model in a process that has loaded no library yet."""
    command = [sys.executable, "-m", "benchmarks.cancel", str(moment)]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    released, free = json.loads(found)
    return released, free


def stages() -> Iterator[tuple[str, list[Waits]]]:
    yield "opening in a fresh process", [opening(moment) for moment in OPENING]
    for name, moments in MOMENTS.items():
        make: Callable[[], Task] = evaluation if name == "evaluation" else lambda name=name: computing(name)  # type: ignore[misc]
        yield name, [found for moment in moments if (found := waited(make(), moment)) is not None]


def beside_an_evaluation(browser: Browser) -> dict[str, list[float]]:
    """Milliseconds from clicks on the heatmap to the screen at rest and while an evaluation runs, and from Cancel to
    the words on the screen."""
    with tempfile.TemporaryDirectory() as folder, start.studio(MKA_STORE=str(Path(folder) / "store")) as address:
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        page.set_default_timeout(60_000)
        page.goto(address)
        page.wait_for_selector(".st-key-heatmap .mka-chart[aria-busy=false]")
        quiet = clicked(page)
        busy, cancelled = [], []
        for _ in range(3):
            evaluate(page)
            page.get_by_test_id("stSidebarNav").get_by_role("link", name="Explore").click()
            page.wait_for_selector(".st-key-heatmap .mka-chart[aria-busy=false]")
            busy += clicked(page)
            cancelled.append(float(page.evaluate(SHOWN, "cancelled. Nothing was changed.")))
            page.get_by_role("button", name="Dismiss").click()
            page.wait_for_selector(clicks.QUIET)
        page.close()
    return {"at rest": quiet, "while an evaluation runs": busy, "cancel to the words": cancelled}


def clicked(page: Page) -> list[float]:
    """Milliseconds of clicks that propose a block each, the first one left out."""
    page.evaluate(clicks.WATCH)
    return [clicks.one_click(page, number % 9, number % 9 + 2) for number in range(CLICKS + 1)][1:]


def evaluate(page: Page) -> None:
    """Begin a long evaluation, and wait until it measures."""
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Explore").click()
    page.wait_for_selector(".st-key-heatmap .mka-chart[aria-busy=false]")
    page.evaluate(clicks.WATCH)
    if page.get_by_text("empty, 12 layers stay").count():
        for _ in range(2):
            clicks.one_click(page, 2, 5)
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Evaluate").click()
    page.wait_for_url("**/evaluate*")
    main = page.get_by_test_id("stMain")
    main.locator("summary", has_text="What is measured").click()
    for label, text in (("Texts and questions", DEMO), ("At most, of each", "100000")):
        box = main.locator(f'input[aria-label="{label}"]')
        box.fill(text)
        box.press("Enter")
        page.wait_for_timeout(500)
        page.wait_for_selector(clicks.QUIET)
    main.get_by_role("button", name="Merge and evaluate", exact=True).click()
    page.wait_for_function(
        "Number(document.querySelector('[data-testid=stSidebar] [role=progressbar]')?.ariaValueNow) > 0"
    )


def summed(found: Sequence[float]) -> dict[str, float]:
    return {"median": statistics.median(found), "largest": max(found), "times": len(found)}


def measure() -> dict[str, object]:
    before = os.getloadavg()[0]
    by_stage = {
        name: {"released_s": summed([one for one, _ in all_]), "worker_free_s": summed([free for _, free in all_])}
        for name, all_ in stages()
    }
    with start.chromium() as browser:
        on_screen = {name: summed(all_) for name, all_ in beside_an_evaluation(browser).items()}
    return {
        "by_stage": by_stage,
        "on_screen_ms": on_screen,
        "of": {"layers": LAYERS, "points": POINTS, "features": FEATURES},
        "load_of_the_machine": {"before": before, "after": os.getloadavg()[0], "cores": os.cpu_count()},
    }


def main() -> None:
    if len(sys.argv) > 1:  # the fresh process of `opening`
        found = waited(work.open_model(Process(), OpenOrder(DEMO)), float(sys.argv[1]))
        print(json.dumps(found or (0.0, 0.0)))
        return
    results = measure()
    print("seconds from the request to cancel: released, worker free (median / largest)")
    for name, one in results["by_stage"].items():  # type: ignore[attr-defined]
        said = [f"{one[what]['median']:.2f} / {one[what]['largest']:.2f}" for what in ("released_s", "worker_free_s")]
        print(f"  {name}: {', '.join(said)}")
    for name, one in results["on_screen_ms"].items():  # type: ignore[attr-defined]
        print(f"{name}: median {one['median']:.0f} ms, largest {one['largest']:.0f} ms")
    RESULTS.write_text(json.dumps(jsonable(results | {"versions": versions()}), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
