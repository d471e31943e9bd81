"""Small pieces that several pages draw the same way.

What comes from models, files and errors goes through `st.text` (or into a table): Streamlit's
markdown would make links, icons and code of it however it is escaped.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import plotly.graph_objects as go
import streamlit as st

from mka.figures.words import measure_title
from mka.objects.texts import JUDGES
from mka.studio.parts import chart as drawn
from mka.studio.parts.chart import Mark as Mark  # noqa: PLC0414  # part of what these pieces are called with
from mka.studio.parts.file_names import file_name
from mka.studio.visits import session

chart = drawn.draw
Figure = tuple[str, str, str | None]
"""A label, a value, and what it is compared with, where it is."""
TOPIC = "topic"
"""The page of the guide, in the address."""
MOST_ROWS = 16
"""So many rows of a table are shown before it scrolls."""
ROW = 35
"""Pixels, the height of a dataframe's rows and of its header."""
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for the beginning of one."""
MARKS = {
    "done": ":green[:material/check_circle:]",
    "note": ":blue[:material/info:]",
    "doubtful": ":orange[:material/warning:]",
    "refused": ":orange[:material/block:]",
    "failed": ":red[:material/error:]",
}


def message(kind: str, text: str) -> None:
    """One sentence with a mark: kind is one of MARKS."""
    with st.container(border=True, horizontal=True, gap="small", wrap=False):
        st.markdown(MARKS[kind], width="content")
        st.text(text, width="stretch")


def figures(rows: Sequence[Figure]) -> None:
    """Figures in boxes side by side, as many as fit; better and worse are left to the reader."""
    with st.container(horizontal=True):
        for label, value, beneath in rows:
            st.metric(label, value, beneath, delta_color="off", delta_arrow="off", border=True)


def table_height(rows: int) -> int | Literal["content"]:
    """Of a dataframe: all of its rows; of many, so many that the last one shown is cut in half, as a sign that they go
    on. In pixels."""
    return "content" if rows <= MOST_ROWS else round((MOST_ROWS + 1.5) * ROW)


def explained(sentence: str, topic: str) -> None:
    """What a panel shows, in one sentence of ours, and the page of the guide that explains it."""
    with st.container(horizontal=True, vertical_alignment="top", gap="small", wrap=False):
        st.caption(sentence, width="stretch")
        guide_link(topic)


def guide_link(topic: str) -> None:
    """To a page of the guide."""
    st.page_link("pages/guide.py", label="How to read it", icon=":material/menu_book:", query_params={TOPIC: topic})


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as CSV. A cell that a spreadsheet would run as a formula is prefixed with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for row in (header, *rows):
        writer.writerow([f"'{c}" if isinstance(c, str) and c.startswith(FORMULA) else c for c in row])
    return out.getvalue()


def download(label: str, content: str | Callable[[], str], name: str, *, disabled: bool = False) -> None:
    """A file to take away, without running the page again; a callable is asked only when it is wanted.

    name: what it is, with its ending; the file's name begins with the model's (`file_names`)
    """
    _download_button(label, content, name, icon=":material/download:", disabled=disabled)


def take_away(figure: go.Figure, name: str, table: Callable[[], str]) -> None:
    """Under each drawn figure, in one quiet line: its numbers, its picture, and a page of it that needs no network.

    name: what it is, without an ending; the files' names begin with the model's (`file_names`)
    """
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        _download_button("CSV", table, f"{name}.csv", icon=":material/download:", type="tertiary", help="The numbers")
        drawn.save_buttons(figure, file_name(session.summary().source, name))
        _download_button(
            "HTML",
            lambda: drawn.page_of(figure),
            f"{name}.html",
            type="tertiary",
            help="The picture as a page that opens without a network",
        )


def _download_button(label: str, content: str | Callable[[], str], name: str, **look: Any) -> None:
    kinds = {"csv": "text/csv", "json": "application/json", "html": "text/html", "py": "text/x-python"}
    kind = kinds[name.rpartition(".")[2]]
    full = file_name(session.summary().source, name)
    st.download_button(label, content, file_name=full, mime=kind, on_click="ignore", key=f"file-{name}", **look)


def shown_measure(names: Iterable[str]) -> str:
    """A select box for the measure that the visit's address names."""
    key = "measure"
    st.session_state[key] = session.measure()
    chosen = st.selectbox(
        "Measure",
        list(names),
        format_func=measure_title,
        key=key,
        on_change=lambda: session.choose_measure(st.session_state[key]),
        width=240,
    )
    return str(chosen)


def choose_measure(names: Iterable[str], key: str) -> str:
    """A select box, since there may be as many measures as there are."""
    chosen = st.selectbox(
        "Measure", list(names), format_func=measure_title, key=key, persist_state="session", width=240
    )
    return str(chosen)


def command(lines: Sequence[str]) -> None:
    """The command lines that do the same, under a result."""
    if lines:
        st.caption("The same from the command line")
        st.code("\n".join(lines), language=None, wrap_lines=True)


def warn_of_split(split: str) -> None:
    """Where texts judge: said where it cannot be missed. Nothing for any other split."""
    if split == JUDGES:
        st.error(
            "**These texts are the test split, by which models are judged.** Layers chosen by them have seen the "
            "questions: a score measured on that split afterwards, such as MMLU's, is worth nothing. "
            "Calibrate on the dev split.",
            icon=":material/warning:",
        )


def nothing_open() -> None:
    """For pages that need a model when there is none; ends the page."""
    st.info("No model is open yet. Open one on the Model page: the demo model, a folder or a hub id.")
    st.page_link("pages/model.py", label="Open a model", icon=":material/deployed_code:")
    st.stop()


def nothing_analyzed(what: str) -> None:
    """For pages that need an analysis when there is none; ends the page."""
    st.info(f"This model has no {what} yet. Run an analysis on the Model page; it says first what it will cost.")
    st.page_link("pages/model.py", label="Analyze it", icon=":material/deployed_code:")
    st.stop()


def nothing_planned() -> None:
    """For pages that need a plan when it is empty; ends the page."""
    st.info("The plan is empty. Click a block on the Explore page, or ask a strategy on the Plan page.")
    with st.container(horizontal=True):
        st.page_link("pages/explore.py", label="Click a block", icon=":material/grid_on:")
        st.page_link("pages/plan.py", label="Ask a strategy", icon=":material/call_merge:")
    st.stop()
