"""From a click on the heatmap to the block on the screen, in Chromium, by the browser's own clock.

    python -m benchmarks.clicks          (`make bench-studio`; two minutes on two cores)

Prints a table and writes results/studio.json beside this file.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page

from benchmarks import start
from mka.objects.jsonable import jsonable
from mka.workflows.analysis_files import write_analysis
from mka.workflows.versions import versions
from tests.studio.builders import an_analysis

RESULTS = Path(__file__).parent / "results" / "studio.json"
DEPTHS = (12, 32, 80)
POINTS = 256
CLICKS = 21
ROUNDS = 5

WATCH = """() => {
    addEventListener("pointerup", () => {
        const begun = performance.now(), plot = document.querySelector(".st-key-heatmap .mka-chart");
        const before = plot.dataset.heard;
        const look = () => {
            if (plot.dataset.heard === before || plot.getAttribute("aria-busy") === "true") requestAnimationFrame(look);
            else requestAnimationFrame(() => (window.mkaWaited = performance.now() - begun));
        };
        window.mkaWaited = null;
        requestAnimationFrame(look);
    }, true);
}"""
"""What a click waits for: the chart has drawn what the page answered, and the browser has painted it."""
PLACE = """([row, column]) => {
    const plot = document.querySelector(".st-key-heatmap .mka-chart"), box = plot.getBoundingClientRect();
    const { xaxis, yaxis } = plot._fullLayout;
    return [box.x + xaxis._offset + xaxis.l2p(column), box.y + yaxis._offset + yaxis.l2p(row)];
}"""
SHAPES = """() => document.querySelector(".st-key-heatmap .mka-chart").layout.shapes
    .filter(({ line }) => line.color !== "#FFFFFF").map(({ x0, x1, line }) => [x0 + 0.5, x1 - 0.5, line.dash])"""
QUIET = "[data-testid=stApp][data-test-script-state=notRunning]"


def clicks(browser: Browser, depth: int) -> dict[str, list[float]]:
    """Milliseconds of each click on one studio of `depth` layers: those that propose a block, and those that add it."""
    with tempfile.TemporaryDirectory() as folder:
        write_analysis(an_analysis(depth, points=POINTS), Path(folder) / "analysis")
        place = {"MKA_EXAMPLE": str(Path(folder) / "analysis"), "MKA_STORE": str(Path(folder) / "store")}
        with start.studio(**place) as address:
            page = browser.new_page(viewport={"width": 1440, "height": 1000})
            page.goto(address)
            page.wait_for_selector(".st-key-heatmap .mka-chart[aria-busy=false]", timeout=60_000)
            page.evaluate(WATCH)
            waited: dict[str, list[float]] = {"proposed": [], "added": []}
            for number in range(CLICKS + 1):
                # Each block displaces the one before it, so that the plan stays as long as it is.
                first = number % (depth - 2)
                for what, taken in waited.items():
                    milliseconds = one_click(page, first, first + 2)
                    shown = page.evaluate(SHAPES)
                    assert [first, first + 2, "dash" if what == "proposed" else "solid"] in shown, (number, what, shown)
                    if number:  # the first one warms up
                        taken.append(milliseconds)
            page.close()
    return waited


def one_click(page: Page, row: int, column: int) -> float:
    """Click a cell of a page at rest; milliseconds until the browser has painted what came of it."""
    page.wait_for_selector(QUIET)
    page.locator(".st-key-heatmap .mka-chart").scroll_into_view_if_needed()
    page.mouse.click(*page.evaluate(PLACE, [row, column]))
    return float(page.wait_for_function("window.mkaWaited").json_value())


def measure() -> dict[str, object]:
    with start.chromium() as browser:
        by_depth = {str(depth): clicks(browser, depth) for depth in DEPTHS}
    rounds = [start.first_picture() for _ in range(ROUNDS)]
    return {
        "click_to_screen_ms": {
            depth: {what: {"median": statistics.median(all_), "largest": max(all_)} for what, all_ in waited.items()}
            for depth, waited in by_depth.items()
        },
        "clicks_each": CLICKS,
        "first_picture_s": statistics.median(first for first, _, _ in rounds),
        "same_page_again_s": statistics.median(again for _, again, _ in rounds),
        "back_from_another_page_s": statistics.median(back for _, _, back in rounds),
    }


def main() -> None:
    found = measure()
    print(f"from a click to the screen, milliseconds over {CLICKS} clicks")
    for depth, waited in found["click_to_screen_ms"].items():  # type: ignore[attr-defined]
        for what, one in waited.items():
            print(f"  {depth} layers, {what}: median {one['median']:.0f}, largest {one['largest']:.0f}")
    print(f"from the command to the first picture {found['first_picture_s']:.1f} s")
    print(f"the same page again {found['same_page_again_s']:.1f} s, back from another page "
          f"{found['back_from_another_page_s']:.1f} s")  # fmt: skip
    RESULTS.write_text(json.dumps(jsonable(found | {"versions": versions()}), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
