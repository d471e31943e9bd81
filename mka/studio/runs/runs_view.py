"""The Runs page's pieces: which runs, the picture, the table, the run that is looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from mka.figures import words
from mka.figures.pareto import QUALITIES, SIZES, Axis, Cloud, as_rows, cloud, of_cloud, pareto
from mka.objects.run import Run, Trial
from mka.studio.parts import widgets
from mka.studio.runs import runs as tables
from mka.studio.visits import session

EARLIER = "runs-earlier"
TABLE = "runs-table"
SORT, DESCENDING = "runs-sort", "runs-descending"
PICTURE, SIDE = 460, 320
"""Pixels that the picture and the run looked at need at least."""
HEADER = ("kind", "name", "removed", "value", "on the front")


def listed_runs() -> tuple[Run, ...]:
    """This visit's runs of the open model, and, where that is chosen, the earlier ones that are kept; draws the
    choice and says what it means."""
    made = session.made_here()
    kept = session.process().runs.of_model(session.summary().fingerprint)
    keys = [run.key for run in made]
    others = [run for run in kept if run.key not in keys]
    st.session_state[EARLIER] = session.visit().earlier
    with st.container(horizontal=True, vertical_alignment="center"):
        earlier = st.toggle(
            f"Earlier runs kept on this machine ({len(others)})",
            key=EARLIER,
            on_change=lambda: _list_earlier(bool(st.session_state[EARLIER])),
            disabled=not others,
            help="Every evaluation of this model in the store, whichever window or earlier start of the studio made "
            "it. Without this, only the runs of this window are listed: two windows never show each other's plans "
            "unasked.",
        )
        _lasting(session.process().runs.lasting, session.process().runs.problem)
    return (*others, *made) if earlier else (*_looked_at(others), *made)


def _looked_at(others: Sequence[Run]) -> list[Run]:
    """The one of the others' runs that this visit looks at: the page's address may name it."""
    return [run for run in others if run.key == session.visit().run]


def _lasting(lasting: bool, problem: str) -> None:
    """Whether runs outlive the studio."""
    if problem:
        st.text(f"The last run will be gone when the studio ends: {problem}.")
    elif lasting:
        st.caption("Runs are kept in this machine's store and outlive the studio.")
    else:
        st.caption("There is no store (MKA_STORE is off): runs are gone when the studio ends.")


def nothing_run() -> None:
    """Where nothing is listed: what to do."""
    kept = len(session.process().runs.of_model(session.summary().fingerprint))
    if kept:
        st.info(
            f"This window has evaluated no plan of this model yet. {kept} earlier "
            f"{'run is' if kept == 1 else 'runs are'} kept on this machine."
        )
        with st.container(horizontal=True):
            st.button("Show earlier runs", icon=":material/history:", type="primary", on_click=_list_earlier)
            st.page_link("pages/evaluate.py", label="Evaluate a plan", icon=":material/query_stats:")
        return
    st.info(
        "No plan of this model was evaluated yet. Make a plan, evaluate it, and it stands here beside the unmerged "
        "model and what deleting as many layers costs; evaluate another, and the two can be compared."
    )
    with st.container(horizontal=True):
        st.page_link("pages/plan.py", label="Make a plan", icon=":material/call_merge:")
        st.page_link("pages/evaluate.py", label="Evaluate it", icon=":material/query_stats:")


def _list_earlier(wanted: bool = True) -> None:
    session.visit().earlier = wanted


def choices(runs: tuple[Run, ...]) -> tuple[tuple[Run, ...], Axis, Axis]:
    """What the page's first row chooses: the runs that were measured on one thing, and the picture's two axes, size
    and quality."""
    trials = tables.trials_of(runs)
    with st.container(horizontal=True):
        quality = _axis("Quality", QUALITIES, "runs-quality")
        size = _axis("Against", SIZES, "runs-size")
        if len(trials) > 1:
            trials = _trials(trials)
    if len(trials) > 1:
        st.caption("These runs were measured on different texts or questions, so their figures compare only roughly.")
    return tuple(run for run in runs if run.trial in trials), size, quality


def _axis(label: str, axes: Mapping[str, Axis], key: str) -> Axis:
    name = st.selectbox(
        label, list(axes), format_func=lambda one: axes[one].title, key=key, persist_state="session", width=310
    )
    return axes[str(name)]


def _trials(trials: tuple[Trial, ...]) -> tuple[Trial, ...]:
    """All of the trials, or one of them."""
    return st.selectbox(
        "Measured on",
        [trials, *((trial,) for trial in trials)],
        format_func=lambda some: "everything" if len(some) > 1 else tables.trial_words(some[0]),
        key="runs-trial",
        persist_state="session",
        width=240,
    )


def picture(runs: tuple[Run, ...], size: Axis, quality: Axis) -> None:
    """The Pareto plot, its sentence and its numbers."""
    points = cloud(runs, tables.run_names(runs), size, quality)
    takeaway = of_cloud(points)
    figure = pareto(points, session.theme(), chosen=session.visit().run, pinned=session.visit().pinned)
    widgets.chart(figure, "runs", takeaway, point_clicked)
    st.text(takeaway)
    widgets.take_away(figure, "runs-front", lambda: _csv(points))


def _csv(points: Cloud) -> str:
    return widgets.csv_text(HEADER, as_rows(points))


def point_clicked(mark: widgets.Mark) -> None:
    """A run's mark: look at it; the one looked at already: take its plan. Other marks are no runs."""
    run = session.find_run(str(mark["customdata"]))
    if run is None:
        return
    if session.visit().run == run.key:
        use_plan(run)
    session.choose_run(run.key)


def use_plan(run: Run) -> None:
    """Put a run's plan in the place of the present one; undo brings that back."""
    session.choose_run(run.key)
    if session.state().plan.key != run.plan.key:
        session.act(lambda now: now.replace_plan(run.plan))


def run_card(runs: tuple[Run, ...]) -> None:
    """The run that is looked at, and what can be done with it."""
    run = next((one for one in runs if one.key == session.visit().run), None)
    st.subheader("The run looked at", anchor=False)
    if run is None:
        st.caption("Click a point of the picture, or choose a row of the table.")
        return
    present = session.state().plan.key == run.plan.key
    with st.container(border=True):
        st.text(tables.run_names([run])[run.key])
        st.caption(f"{run.when}, {run.seconds:.0f} s, seed {run.report.seed}")
        _figures(run, tables.baseline_of(runs, session.visit().pinned))
        st.text(run.report.verdict)
        with st.container(horizontal=True):
            st.button(
                "Use this plan",
                type="primary",
                icon=":material/settings_backup_restore:",
                disabled=present,
                help="This is the present plan." if present else "Puts it in the present plan's place; undo goes back.",
                on_click=use_plan,
                args=(run,),
            )
            if st.button(
                "Open its report",
                icon=":material/query_stats:",
                help="The Evaluate page, with this plan and this run.",
                on_click=use_plan,
                args=(run,),
            ):
                st.switch_page("pages/evaluate.py")
            pinned = run.key in session.visit().pinned
            st.button(
                "Unpin" if pinned else "Pin",
                icon=":material/keep:",
                help="What is pinned stays on top; the others are compared with what was pinned first.",
                on_click=toggle_pin,
                args=(run.key,),
            )
        if present:
            st.caption("This is the present plan.")
        _said()


def _said() -> None:
    """What the last step did to the plan; the way back is in the sidebar."""
    now = session.state()
    if now.refusal:
        widgets.message("refused", now.refusal)
    elif now.message is not None:
        st.caption(now.message.text)


def _figures(run: Run, pinned: Run | None) -> None:
    """Quality and size against the pinned run, else against the run's own unmerged model."""
    other = None if pinned is None or pinned.key == run.key else pinned
    whole = tables.table([run]) if other is None else tables.table([run, other], [other.key])
    cells = dict(zip(whole.header, whole.rows[0], strict=True))
    rows: list[widgets.Figure] = [("Layers", cells["Layers"], f"{words.percent(run.plan.compression_ratio)} removed")]
    rows += [(title, cells[title], cells[f"{title} Δ"] or None) for title in ("Perplexity", "Accuracy") if cells[title]]
    with st.container(horizontal=True):
        for label, value, beneath in rows:
            st.metric(label, value, beneath, delta_color="off", delta_arrow="off", width="content")
    if any(cells[f"{title} Δ"] for title in ("Perplexity", "Accuracy")):
        st.caption(f"Changes are against {'the unmerged model' if other is None else 'the pinned run'}.")


def toggle_pin(key: str) -> None:
    """Pin a run, or take the pin out."""
    session.visit().pinned = tables.toggled(session.visit().pinned, key)


def run_table(runs: tuple[Run, ...]) -> None:
    """Every run as a row: sorted, pinned ones on top, equal columns hidden where that is chosen."""
    pinned = session.visit().pinned
    with st.container(horizontal=True, vertical_alignment="bottom"):
        title = st.selectbox(
            "Sort by",
            list(tables.COLUMNS),
            list(tables.COLUMNS).index(tables.WHEN),
            key=SORT,
            persist_state="session",
            width=220,
        )
        descending = st.toggle("Largest or latest first", True, key=DESCENDING, persist_state="session")
        differing = st.toggle("Only what differs", key="runs-differing", persist_state="session")
    rows = tables.ordered(runs, title, descending=descending, pinned=pinned)
    whole = tables.table(rows, pinned)
    shown = tables.only_differing(whole, pinned) if differing else whole
    _grid(shown, title)
    against = tables.baseline_of(rows, pinned)
    compared = "the unmerged model of the same run" if against is None else f"the pinned run {_short(against)}"
    st.caption("A click on a header sorts by it, another one turns the order round; pinned runs stay on top.")
    st.text(f"Δ is against {compared}." + (f" {tables.hidden_words(shown.hidden)}" if differing else ""))
    widgets.download("Runs (CSV)", lambda: widgets.csv_text(whole.header, tables.numbers(rows, pinned)), "runs.csv")


def _short(run: Run) -> str:
    return f"{tables.plan_words(run.plan)} of {run.when}"


def _grid(shown: tables.Table, title: str) -> None:
    """The table. Its chosen row is the run looked at, its chosen column the one that it is sorted by: another header
    sorts by that, the same one again turns the order round."""
    keys = [run.key for run in shown.runs]
    looked_at = session.visit().run
    rows = [keys.index(looked_at)] if looked_at in keys else []
    columns = [title] if title in shown.header else []
    st.session_state[TABLE] = {"selection": {"rows": rows, "columns": columns, "cells": []}}

    def chosen() -> None:
        selection = st.session_state[TABLE].selection
        if selection.rows != rows:
            session.choose_run(keys[selection.rows[0]] if selection.rows else "")
        elif not selection.columns:
            st.session_state[DESCENDING] = not st.session_state[DESCENDING]
        elif selection.columns[0] in tables.COLUMNS:
            st.session_state[SORT] = selection.columns[0]

    st.dataframe(
        shown.columns(),
        hide_index=True,
        width="stretch",
        key=TABLE,
        on_select=chosen,
        selection_mode=["single-row", "single-column"],
        column_config={
            tables.PINNED: st.column_config.TextColumn(tables.STAR, width=40, pinned=True),
            tables.PLAN: st.column_config.TextColumn(tables.PLAN, width=150),  # Streamlit greys what is pinned
        },
    )
