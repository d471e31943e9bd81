"""Draw every screen of the studio from the demo, light and dark, into docs/images.

python -m tests.browser.screenshots          (`make screenshots`; about four minutes on two cores)
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from tests.browser.conftest import FLAGS, chromium_executable
from tests.browser.server import Server, running_studio
from tests.browser.visit import Visit

IMAGES = Path(__file__).parents[2] / "docs" / "images"
OUT = Path("/tmp/mka-out")
"""Seen on the Export page, where it should tell nothing of the machine; nothing is written there."""
SIZE = (1440, 1080)
QUESTIONS = "40"
REPAIR = "linear-cut"
"""One of the fastest."""
COLOURS = 256
"""So many are enough for a screen, and make files a third as large."""
PATIENCE_MS = 300_000.0
"""That a measurement may take on a busy machine."""


def walk(visit: Visit, look: str) -> None:
    """Every screen, with something on it: two plans, both measured, the second also with a repair."""

    def picture(name: str) -> None:
        save(visit, f"{name}-{look}")

    visit.open().click_cell(6, 8)
    picture("explore")
    visit.choose("Compare with", "Block influence")
    picture("difference")
    visit.choose("Compare with", "nothing").press("Add to plan").go("Evaluate")
    measure(visit)
    visit.go("Explore").click_cell(3, 4).press("Add to plan").go("Evaluate")
    measure(visit)
    visit.pick(REPAIR)
    measure(visit)
    picture("evaluate")
    for page in ("Model", "Manifold", "Layers", "Plan", "Runs", "Export", "Guide"):
        visit.go(page)
        picture(page.lower())


def measure(visit: Visit) -> None:
    visit.unfold("What is measured, and on what").fill("At most, of each", QUESTIONS)
    visit.press("Merge and evaluate").finish_job("Evaluating the merge: done")
    visit.press("Dismiss")


def save(visit: Visit, name: str) -> None:
    visit.page.mouse.move(0, 0)  # no label of what lies under the pointer
    visit.page.get_by_role("heading", level=1).scroll_into_view_if_needed()
    visit.page.wait_for_timeout(400)
    file = IMAGES / f"{name}.png"
    visit.page.screenshot(path=file)
    few_colours(Image.open(file).convert("RGB")).save(file, optimize=True)


def few_colours(picture: Image.Image) -> Image.Image:
    """An RGB picture in COLOURS colours, chosen so that they cover its range, each as most of its pixels are: chosen by
    their number alone, as Pillow does unasked, the few pixels of a mark would get the colour of another mark."""
    few = picture.quantize(COLOURS, Image.Quantize.MAXCOVERAGE)
    red, green, blue = (np.asarray(band, np.int64) for band in picture.split())
    both, counts = np.unique(np.asarray(few, np.int64) << 24 | red << 16 | green << 8 | blue, return_counts=True)
    palette = np.zeros((COLOURS, 3), np.uint8)
    for one in both[np.argsort(counts, kind="stable")]:
        palette[one >> 24] = one >> 16 & 255, one >> 8 & 255, one & 255
    few.putpalette(palette.tobytes())
    return few


def draw(browser: Browser, server: Server, look: str) -> None:
    width, height = SIZE
    scheme = "dark" if look == "dark" else "light"
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    visit = Visit(context.new_page(), server)
    visit.page.set_default_timeout(PATIENCE_MS)
    walk(visit, look)
    context.close()
    if visit.wrong:
        raise SystemExit("\n".join(visit.wrong))


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_executable(os.environ), args=list(FLAGS))
        for look in ("light", "dark"):
            with running_studio(OUT, {"MKA_STORE": str(Path(folder) / f"store-{look}")}) as server:
                draw(browser, server, look)
        browser.close()


if __name__ == "__main__":
    main()
