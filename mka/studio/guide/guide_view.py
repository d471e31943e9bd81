"""A page of the guide on the screen."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from mka.figures.theme import DARK
from mka.studio.guide.guide import Picture, Topic
from mka.studio.parts.widgets import TOPIC
from mka.studio.visits import session

CHOSEN = "guide-topic"
PAGE = "guide-page"
DIMMED = f"<style>.st-key-{PAGE} img {{ filter: brightness(0.78); border-radius: 8px; }}</style>"
"""The pictures are drawn on white, which glares out of a dark page; their colours stay what the words say of them."""
READING_WIDTH = 760
"""Pixels: longer lines are hard to read."""


def choose(known: Mapping[str, Topic]) -> Topic:
    """One of the topics; the address names it, so that a panel can link to it."""
    asked = st.query_params.get(TOPIC, "")
    if asked in known:
        st.session_state[CHOSEN] = asked

    def turn() -> None:
        st.query_params[TOPIC] = st.session_state[CHOSEN]

    name = st.pills(
        "Topic",
        list(known),
        default=None if CHOSEN in st.session_state else next(iter(known)),
        required=True,
        format_func=lambda topic: known[topic].title.split(":")[0],
        key=CHOSEN,
        on_change=turn,
        label_visibility="collapsed",
    )
    return known[str(name)]


def show(topic: Topic) -> None:
    """Text at a width that can be read, pictures with their words."""
    if session.theme() == DARK:
        st.html(DIMMED)
    with st.container(width=READING_WIDTH, key=PAGE):
        for part in topic.parts(session.address("guide", **{TOPIC: "{topic}"})):
            if isinstance(part, Picture):
                st.image(str(part.path), caption=part.alt)
            else:
                st.markdown(part)
