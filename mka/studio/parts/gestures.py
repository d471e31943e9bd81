"""What a component of ours tells of the person's hand: each gesture once, in order, however often the page runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import streamlit as st


def unheard(key: str) -> Iterator[Mapping[str, Any]]:
    """The gestures of the component `key` that were not told before, each taken as heard when it is given out.

    The browser sends its last gestures with every message, so that none is lost while a page runs, and numbers them
    so that they grow; what has no number is passed over.
    """
    for gesture in st.session_state[key].gestures or ():
        number = gesture.get("number") if isinstance(gesture, Mapping) else None
        if isinstance(number, int | float) and number > last_heard(key):
            st.session_state[_name(key)] = number
            yield gesture


def last_heard(key: str) -> float:
    """The number of the last gesture that was told, 0 before one; the component shows it, so that a test can wait."""
    return float(st.session_state.get(_name(key), 0.0))


def _name(key: str) -> str:
    return f"{key}-heard"
