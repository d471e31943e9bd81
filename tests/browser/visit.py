"""One visit of the studio in Chromium, and what a person does there."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlparse

from playwright.sync_api import ConsoleMessage, Locator, Page

from tests.browser.server import PATIENCE, Server

IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"
PROBE = re.compile(r"/[^/]+/_stcore/(health|host-config)$")
"""On a deep link Streamlit's page looks for its server below the page's own address first, and is told 404."""
DRAWN = """() => document.querySelector("[data-testid=stMain] h1")
    && !document.querySelector("[data-testid=stSkeleton], .mka-chart:not([aria-busy=false])")"""
PLACE = """([chart, y, x]) => {
    const plot = document.querySelector(`.st-key-${chart} .mka-chart`);
    if (!plot || !plot._fullLayout || !plot._fullLayout.xaxis) return null;
    const { xaxis, yaxis } = plot._fullLayout, box = plot.getBoundingClientRect();
    const along = (axis, value) => axis._offset + axis.l2p(axis.type === "log" ? Math.log10(value) : value);
    return [box.x + along(xaxis, x), box.y + along(yaxis, y)];
}"""
MARK = """([chart, name]) => {
    const plot = document.querySelector(`.st-key-${chart} .mka-chart`);
    for (const trace of plot._fullData) {
        const at = Array.from(trace.customdata || []).indexOf(name);
        if (at >= 0) return [trace.y[at], trace.x[at]];
    }
    return null;
}"""
DASHED = """() => (document.querySelector('.st-key-heatmap .mka-chart').layout.shapes || [])
    .filter((shape) => shape.line.dash === "dash").map((shape) => [shape.x0, shape.x1, shape.y0, shape.y1])"""
SOLID = DASHED.replace('=== "dash"', '=== "solid"')


@dataclass
class Visit:
    """A page, and everything wrong that was seen on it."""

    page: Page
    server: Server
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(1000 * PATIENCE)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.wrong.append(f"page error: {error}"))
        self.page.on("request", lambda request: self._asked(request.url))
        self.page.on("websocket", lambda socket: self._asked(socket.url))
        self.page.on("dialog", lambda dialog: (self.wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))

    def open(self, path: str = "") -> Visit:
        self.page.goto(f"{self.server.url}/{path}")
        return self.settle()

    def leave(self) -> None:
        """Close the page: an open one complains when its server ends."""
        self.page.close()

    def settle(self) -> Visit:
        """Wait until the page's script rests, and went on resting for a moment."""
        self.page.wait_for_selector(IDLE)
        self.page.wait_for_timeout(250)
        self.page.wait_for_selector(IDLE)
        self.page.wait_for_function(DRAWN)
        return self

    def go(self, title: str) -> Visit:
        """By the sidebar."""
        self.page.get_by_test_id("stSidebarNav").get_by_role("link", name=title).click()
        self.page.wait_for_url(f"**/{title.lower()}*")
        return self.settle()

    def press(self, label: str) -> Visit:
        self.button(label).click()
        return self.settle()

    def unfold(self, title: str) -> Visit:
        """Open what is folded away under this title."""
        self.page.get_by_test_id("stMain").locator("summary", has_text=title).click()
        return self.settle()

    def button(self, label: str) -> Locator:
        return self.page.get_by_test_id("stMain").get_by_role("button", name=label, exact=True)

    def fill(self, label: str, text: str) -> Visit:
        box = self.page.get_by_test_id("stMain").locator(f'input[aria-label="{label}"]')
        box.fill(text)
        box.press("Enter")
        return self.settle()

    def click_cell(self, row: int, column: int) -> Visit:
        """Click the centre of a heatmap cell."""
        return self.click_at("heatmap", row, column)

    def tap_cell(self, row: int, column: int) -> Visit:
        """Touch the centre of a heatmap cell with a finger."""
        before = self._ready("heatmap")
        self.page.touchscreen.tap(*self.pixel("heatmap", row, column))
        return self._answered("heatmap", before)

    def click_row(self, layer: int) -> Visit:
        """Click a layer in the table of layers."""
        self.page.get_by_role("grid").locator("tbody tr").nth(layer).click()
        return self.settle()

    def click_bar(self, pair: int) -> Visit:
        """Click the foot of the bar of layers (pair, pair + 1)."""
        return self.click_at("neighbours", 0.01, pair)

    def click_mark(self, chart: str, name: str) -> Visit:
        """Click the mark of a chart that carries this name as its customdata."""
        place = self.page.evaluate(MARK, [chart, name])
        assert place is not None, f"{chart} has no mark {name}"
        return self.click_at(chart, *place)

    def choose(self, label: str, option: str) -> Visit:
        """Choose from a select box; by key, since a list that a click opens closes when the page still scrolls."""
        box = self.page.get_by_test_id("stMain").get_by_role("combobox", name=label)
        box.focus()
        box.press("ArrowDown")
        self.page.get_by_role("option", name=option, exact=True).click()
        return self.settle()

    def pick(self, option: str) -> Visit:
        """Choose one of a row of choices."""
        self.page.get_by_test_id("stMain").get_by_role("radio", name=option, exact=True).click()
        return self.settle()

    def switch(self, label: str) -> Visit:
        """Turn a switch whose words begin so."""
        self.page.get_by_test_id("stMain").get_by_test_id("stCheckbox").filter(has_text=label).locator("label").click()
        return self.settle()

    def drag(self, chart: str, first: tuple[float, float], last: tuple[float, float]) -> Visit:
        """Drag over a chart from one (y, x) to another, both in its own coordinates."""
        before = self._ready(chart)
        self.page.mouse.move(*self.pixel(chart, *first))
        self.page.mouse.down()
        self.page.mouse.move(*self.pixel(chart, *last), steps=6)
        self.page.mouse.up()
        return self._answered(chart, before)

    def double_click_cell(self, row: int, column: int) -> Visit:
        """Two clicks as fast as a person makes them."""
        before = self._ready("heatmap")
        self.page.mouse.dblclick(*self.pixel("heatmap", row, column))
        self._answered("heatmap", before)
        return self.settle()

    def click_at(self, chart: str, y: float, x: float) -> Visit:
        """Click at a point in the chart's own coordinates and wait until the chart shows what came of it."""
        before = self._ready(chart)
        at = self.pixel(chart, y, x)
        self.page.mouse.move(*at)
        self.page.wait_for_timeout(80)  # plotly looks under a moving pointer only every so often
        self.page.mouse.click(*at)
        return self._answered(chart, before)

    def key_on(self, chart: str, key: str) -> Visit:
        """Press a key on a chart that has the focus, and wait until the chart shows what came of it."""
        before = self._ready(chart)
        self.page.keyboard.press(key)
        return self._answered(chart, before)

    def aside(self, label: str) -> Visit:
        """Press a button of the sidebar."""
        self.page.get_by_test_id("stSidebar").get_by_role("button", name=label).click()
        return self.settle()

    def _ready(self, chart: str) -> str:
        """The chart in view and drawn; the number of the last gesture that it shows."""
        plot = self.page.locator(f".st-key-{chart} .mka-chart[aria-busy=false]")
        plot.scroll_into_view_if_needed()
        return str(plot.get_attribute("data-heard"))

    def pixel(self, chart: str, y: float, x: float) -> tuple[float, float]:
        """Where on the screen a place of the chart lies."""
        across, down = self.page.wait_for_function(PLACE, arg=[chart, y, x]).json_value()
        return across, down

    def _answered(self, chart: str, before: str) -> Visit:
        plot = f".st-key-{chart} .mka-chart[aria-busy=false]:not([data-heard='{before}'])"
        self.page.wait_for_selector(plot)
        return self.settle()

    @property
    def cancel_button(self) -> Locator:
        """It stands with the job in the sidebar."""
        return self.page.get_by_test_id("stSidebar").get_by_role("button", name="Cancel", exact=True)

    def finish_job(self, words: str) -> Visit:
        """Wait until it is said above the page that the job ended, in these words."""
        self.page.get_by_test_id("stMain").get_by_text(words).wait_for()
        return self.settle()

    def boxes(self, script: str) -> list[list[float]]:
        """The outlines of the heatmap: DASHED for candidates, SOLID for planned groups; each x0, x1, y0, y1."""
        found: list[list[float]] = self.page.evaluate(script)
        return found

    def says(self, words: str) -> bool:
        return self.page.get_by_text(words).first.is_visible()

    def picture(self, folder: Path, name: str) -> None:
        """A screenshot of the whole page, for the eye; Streamlit scrolls inside it."""
        size = self.page.viewport_size
        assert size is not None
        height = self.page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
        self.page.set_viewport_size({"width": size["width"], "height": max(size["height"], min(height, 4000))})
        self.page.wait_for_timeout(300)
        self.page.screenshot(path=folder / f"{name}.png")
        self.page.set_viewport_size(size)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not PROBE.search(str(message.location.get("url", ""))):
            self.wrong.append(f"console: {message.text} {message.location}")

    def _asked(self, url: str) -> None:
        address = urlparse(url)
        home = urlparse(self.server.url)
        if address.scheme not in ("data", "blob") and address.netloc != home.netloc:
            self.wrong.append(f"request outside: {url}")
