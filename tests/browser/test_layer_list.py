"""The table of layers: whole where there is room for it, and where not, seen to go on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.server import Server
from tests.browser.visit import Visit

HIDDEN = """() => {
    const box = document.querySelector(".mka-layers-box");
    return [box.scrollWidth - box.clientWidth, box.scrollHeight - box.clientHeight];
}"""
GROWN = """async (rows) => {
    const box = document.querySelector(".mka-layers-box"), body = box.querySelector("tbody");
    while (body.rows.length < rows) body.append(body.rows[1].cloneNode(true));
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const edge = box.getBoundingClientRect().bottom - 1, rowAt = [...body.rows].findIndex(
        (row) => row.getBoundingClientRect().top < edge && row.getBoundingClientRect().bottom > edge + 2);
    const cut = body.rows[rowAt]?.getBoundingClientRect();
    return cut ? [rowAt, (edge - cut.top) / cut.height] : null;
}"""


@pytest.mark.parametrize("width", [400, 1440])
def test_twelve_layers_are_shown_with_all_their_columns(visitor: Callable[..., Visit], server: Server, width: int):
    visit = visitor(server, width=width).open("layers")
    assert visit.page.evaluate(HIDDEN) == [0, 0]


def test_of_many_layers_the_last_one_shown_is_cut_in_half(visitor: Callable[..., Visit], server: Server):
    visit = visitor(server).open("layers")
    assert visit.page.evaluate(GROWN, 16) is None, "all sixteen are whole"
    row, share = visit.page.evaluate(GROWN, 40)
    assert row == 16 and share == pytest.approx(0.5, abs=0.1)
