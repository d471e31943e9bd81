"""The Model page's form for an analysis: what to read, what to compute, what it will cost; nothing runs unasked."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from mka.data.hub import hub_dataset
from mka.errors import BadInput
from mka.figures import words
from mka.objects.measures import ACTIVATIONS, EMBEDDING, MEASURES, WEIGHTS
from mka.objects.methods import METHODS
from mka.objects.model_summary import ModelSummary
from mka.objects.texts import JUDGES
from mka.studio.jobs import work
from mka.studio.model import model_view
from mka.studio.parts import widgets
from mka.studio.visits import session
from mka.studio.visits.desk import Desk, Order
from mka.workflows.analysis import SUBSAMPLES

NEEDS = {
    EMBEDDING: "On the manifold: what each layer's map of the texts tells",
    ACTIVATIONS: "On the hidden states themselves",
    WEIGHTS: "On the weights, without any text",
}
"""The groups of measures, by what they read."""
POINTS = {
    "last": "last token of each text",
    "mean": "mean over each text",
    "tokens": "single tokens, some of each text",
}
CHEAP_FIRST = ("npib", "cosine", "cka", "block-influence")
PER_TEXT = 4
HALVES = (0, 16, SUBSAMPLES, 64, 128)
SPLITS = ("dev", JUDGES)
RECORD_FILES = (".jsonl", ".csv")


def analysis_form(desk: Desk) -> None:
    """Draw the form and its button, what it costs first."""
    st.subheader("Analyze it", anchor=False)
    widgets.explained(
        "Read calibration texts through the model, then compare its layers by what each made of them.", "calibration"
    )
    with st.container(border=True):
        cost = st.container()
        order = _ask(desk)
        missing = missing_words(order)
        cost.text(missing or cost_words(desk.summary, order))
        st.button(
            "Analyze",
            type="primary",
            disabled=bool(missing),
            on_click=session.start,
            args=(
                "analyze",
                f"Analyzing {desk.summary.source}",
                work.analyze(session.process(), desk, order),
            ),
        )


def missing_words(order: Order) -> str:
    """What must be named before anything can be computed; "" where nothing."""
    if not order.calibration:
        return "Name calibration texts of this model's own kind; the demo's texts suit the demo model alone."
    if not order.measures and not order.embeddings:
        return "Choose at least one measure or one map."
    return ""


def _ask(desk: Desk) -> Order:
    calibration, split, limit, field = _ask_texts(desk)
    measures = _ask_measures()
    embeddings = _pills("Manifold maps", list(METHODS), ["diffusion"], words.method_title, "maps")
    with st.expander("How the texts are read, dimensions and error bars", key="analysis-details"):
        points, per_text, longest = _ask_points()
        dims, subsamples = _ask_precision()
    return Order(
        calibration, split, limit, points, per_text, longest, tuple(measures), tuple(embeddings), dims, subsamples,
        field,
    )  # fmt: skip


def _ask_precision() -> tuple[int, int]:
    """Dimensions of the maps, and subsamples for error bars."""
    with st.container(horizontal=True, vertical_alignment="top"):
        dims = st.segmented_control(
            "Dimensions", [2, 3], default=2, required=True, key="map-dims", persist_state="session"
        )
        subsamples = st.select_slider(
            "Subsamples for error bars",
            HALVES,
            SUBSAMPLES,
            key="subsamples",
            persist_state="session",
            width=240,
            help="Each measure is repeated on so many halves of the points, to say how far it would move on other "
            "texts. 0: no error bars.",
        )
    return int(dims or 2), int(subsamples)


def _ask_texts(desk: Desk) -> tuple[str, str, int, str | None]:
    """Source, split, at most how many, and the field that holds them where there are fields."""
    first, second, third = st.columns([4, 2, 2])
    calibration = first.text_input(
        "Calibration texts",
        desk.analysis.calibration if desk.analysis else desk.own_data,
        key=f"calibration-{desk.summary.fingerprint}",
        persist_state="session",
        placeholder="a .txt, .jsonl or .csv file, a folder, or a dataset of the hub",
        help="demo for the demo model; else a .txt, .jsonl or .csv file, a folder in MMLU's layout, or owner/name on "
        "the hub.",
    ).strip()
    split = second.selectbox(
        "Split",
        SPLITS,
        key="split",
        persist_state="session",
        help="Of the demo, a folder or a dataset; a single file is read whole.",
    )
    limit = int(third.number_input("Texts at most", 4, 100_000, 256, key="texts", persist_state="session"))
    field = ""
    if has_fields(calibration):
        field = st.text_input(
            "Field with the text",
            key="field",
            persist_state="session",
            width=320,
            placeholder="guessed",
            help="Of each line, row or record. Empty: the field called text, else the one that is longest in all.",
        ).strip()
    widgets.warn_of_split(JUDGES if judging(calibration, split) else "")
    return calibration, split, limit, field or None


def has_fields(calibration: str) -> bool:
    """Whether what this names holds records, of which one field is read: a file of them, or a dataset of the hub."""
    if os.path.isdir(calibration):
        return False
    if Path(calibration).suffix.lower() in RECORD_FILES:
        return True
    try:
        return hub_dataset(calibration) is not None
    except BadInput:  # it looks like a path with a slip in it, which reading it will tell
        return False


def judging(calibration: str, split: str) -> bool:
    """Whether the texts that this names are a test split, so far as can be said before they are read."""
    if Path(calibration).suffix:  # a single file is read whole, whatever the split
        return Path(calibration).stem.endswith(f"_{JUDGES}")
    return split == JUDGES


def _ask_points() -> tuple[str, int, int | None]:
    """Kind of points, how many of a text, and the longest text's tokens that are read."""
    with st.container(horizontal=True, vertical_alignment="top"):
        points = st.segmented_control(
            "Points",
            list(POINTS),
            default="last",
            required=True,
            format_func=lambda kind: POINTS[kind],
            key="points",
            persist_state="session",
        )
        per_text = PER_TEXT
        if points == "tokens":
            per_text = int(
                st.number_input("Tokens of each", 1, 64, PER_TEXT, key="per-text", persist_state="session", width=140)
            )
        longest = st.number_input(
            "Tokens read of a text",
            1,
            None,
            None,
            key="longest",
            persist_state="session",
            placeholder="as many as fit",
            width=170,
            help="Longer texts lose their end. Empty: as many as the model's context holds.",
        )
    return str(points), per_text, int(longest) if longest else None


def _ask_measures() -> list[str]:
    """A row of pills per group; those that are slow on deep models say so."""
    chosen: list[str] = []
    for need, title in NEEDS.items():
        names = [name for name, measure in MEASURES.items() if measure.needs == need]
        ticked = [name for name in names if name in CHEAP_FIRST]
        chosen += _pills(title, names, ticked, _measure_words, f"measures-{need}")
    return chosen


def _measure_words(name: str) -> str:
    return words.measure_title(name) + ("" if MEASURES[name].cheap else " (slow)")


def _pills(
    title: str, names: Sequence[str], ticked: Sequence[str], called: Callable[[str], str], key: str
) -> list[str]:
    return st.pills(
        title,
        names,
        selection_mode="multi",
        default=ticked,
        format_func=called,
        key=key,
        persist_state="session",
    )


def cost_words(summary: ModelSummary, order: Order) -> str:
    """What an analysis costs, before it runs: the reading, then what grows fast, by the measures' own facts."""
    said = [model_view.cost_of_reading(summary, order.limit)]
    slow = [name for name in order.measures if not MEASURES[name].cheap]
    if slow:
        grows = "; ".join(f"{words.measure_title(name)} with {MEASURES[name].growth}" for name in slow)
        said.append(f"Slow with L layers, n points, d features: {grows}.")
    elif order.measures:
        said.append("The measures chosen take seconds, also for 80 layers and 1024 points.")
    if order.subsamples and any(MEASURES[name].needs != WEIGHTS for name in order.measures):
        said.append(f"Error bars repeat each measure on {order.subsamples} halves of the points.")
    said.append("What was computed before comes from the store.")
    return " ".join(said)
