"""Small pieces that several pages draw the same way."""

from __future__ import annotations

import csv
import io
import re
import shlex
from collections.abc import Callable, Iterable, Sequence

import plotly.graph_objects as go
import streamlit as st

from mka.studio import session
from mka.studio.state import StudioState

_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:&])")


def plain(text: str) -> str:
    """Text for places that read markdown, with every mark of it taken literally."""
    return _MARKUP.sub(r"\\\1", text)


def chart(figure: go.Figure, key: str, alt: str, on_click: Callable[[float, float], None] | None = None) -> None:
    """Draw a figure; `on_click(x, y)` is told of a clicked mark. A click is an event, not a state:
    the chart is drawn anew after it, so that the same mark can be clicked again."""
    config = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"]}
    config |= {"toImageButtonOptions": {"format": "svg", "filename": f"mka-{key}"}}
    if on_click is None:
        st.plotly_chart(figure, theme=None, key=key, config=config, alt=alt)
        return
    name = f"{key}-{session.clicks()}"

    def clicked() -> None:
        points = st.session_state[name].selection.points
        session.count_click()
        if points:
            on_click(points[0]["x"], points[0]["y"])

    st.plotly_chart(figure, theme=None, key=name, config=config, alt=alt, on_select=clicked, selection_mode="points")


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as CSV. A cell that a spreadsheet would run as a formula is prefixed with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([f"'{c}" if isinstance(c, str) and c[:1] in "=+-@" else c for c in row])
    return out.getvalue()


def download_csv(label: str, text: str, name: str) -> None:
    st.download_button(
        label, text, file_name=name, mime="text/csv", on_click="ignore", key=f"csv-{name}", icon=":material/download:"
    )


def command(*words: str | None) -> None:
    """The command line that does the same, under a result."""
    line = " ".join(shlex.quote(word) for word in words if word is not None)
    st.caption("The same from the command line")
    st.code(line, language="bash", wrap_lines=True)


def sentence(text: str) -> None:
    """A takeaway: plain text, whatever is in it."""
    st.markdown(plain(text))


def say_message(state: StudioState) -> None:
    """The last transition's sentence."""
    if state.message is not None:
        show = st.warning if state.message.refused else st.info
        show(plain(state.message.text))


def candidate_actions(where: str) -> None:
    """The keyboard's way to every click: choose two layers, propose, add, drop, undo, redo."""
    now = session.state()
    last = now.plan.depth - 1
    block = now.candidate[0].layers if len(now.candidate) == 1 else (0, min(1, last))
    with st.form(f"block-{where}", border=False):
        left, right = st.columns(2)
        first = left.number_input("From layer", 0, last, block[0], key=f"from-{where}-{now.candidate_layers}")
        final = right.number_input("To layer", 0, last, block[-1], key=f"to-{where}-{now.candidate_layers}")
        proposed = st.form_submit_button("Propose this block", width="stretch")
    if proposed:
        session.act(lambda state: _propose(state, int(first), int(final)))
        st.rerun()
    many = len(now.candidate) > 1 or now.origin.strategy != "manual"
    add, drop = st.columns(2)
    add.button(
        "Use as plan" if many else "Add to plan",
        type="primary",
        width="stretch",
        disabled=not now.candidate,
        key=f"add-{where}",
        on_click=session.act,
        args=(StudioState.add_candidate,),
    )
    drop.button(
        "Drop proposal",
        width="stretch",
        disabled=not now.candidate,
        key=f"drop-{where}",
        on_click=session.act,
        args=(StudioState.drop_candidate,),
    )
    history(where)
    say_message(now)


def _propose(state: StudioState, first: int, last: int) -> StudioState:
    """Unlike a click, pressing Propose twice must not add."""
    return state.drop_candidate().click_cell(first, last)


def history(where: str) -> None:
    """Undo and redo."""
    now = session.state()
    undo, redo = st.columns(2)
    undo.button(
        "Undo",
        width="stretch",
        disabled=not now.past,
        key=f"undo-{where}",
        icon=":material/undo:",
        on_click=session.act,
        args=(StudioState.undo,),
    )
    redo.button(
        "Redo",
        width="stretch",
        disabled=not now.future,
        key=f"redo-{where}",
        icon=":material/redo:",
        on_click=session.act,
        args=(StudioState.redo,),
    )


def nothing_open() -> None:
    """For pages that need a model when there is none."""
    st.info("No model is open yet. Open one on the Model page.")
    st.page_link("pages/model.py", label="Go to Model", icon=":material/deployed_code:")
    st.stop()


def nothing_analyzed(what: str) -> None:
    """For pages that need an analysis when there is none."""
    st.info(f"This model has no {what} yet. Run an analysis on the Model page; it says first what it will cost.")
    st.page_link("pages/model.py", label="Go to Model", icon=":material/deployed_code:")
    st.stop()
