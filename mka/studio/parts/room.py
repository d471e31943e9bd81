"""Words that change at a touch, in a place that does not: what stands below them stays where it is."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

TEXT, CAPTION = "1rem", "0.875rem"
"""Sizes of the letters of `st.text` and `st.caption`."""


def room_for(key: str, texts: Sequence[str], letters: str) -> DeltaGenerator:
    """A place as high as the highest of `texts` would be in it, for any of them. letters: TEXT or CAPTION.

    How many lines a text takes hangs on the width of the page, which only the browser knows: it lays all of them over
    each other, unseen, and the place grows with the highest.
    """
    unseen = "".join(f"<span>{escape(text)}</span>" for text in dict.fromkeys(texts))
    st.html(
        f"<style>.st-key-{key}, .st-key-{key} [data-room] {{ display: grid; }}"
        f".st-key-{key} > *, .st-key-{key} [data-room] > * {{ grid-area: 1 / 1; }}</style>"
    )
    with st.container(key=key):
        st.html(f'<div data-room aria-hidden="true" style="visibility: hidden; font-size: {letters}">{unseen}</div>')
        return st.container()
