"""What the browser does for the address: shows it, keeps the token of the visits' owner, copies a link.

Streamlit's own `st.query_params` would put an entry into the browser's history at each click.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import streamlit as st

from mka.studio.parts.chart import front, library
from mka.studio.visits import session
from mka.studio.visits.address import query_string

RUNS = "mka_runs"
LINK = (
    '<button class="mka-link" type="button">'
    '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M6.5 9.5l3-3M7 4.5l1.5-1.5a3 3 0 0 1 4.5 4.5L11.5 9'
    'M9 11.5L7.5 13A3 3 0 0 1 3 8.5L4.5 7"/></svg>'
    '<span aria-live="polite">Copy link</span></button>'
)


@cache
def _bar() -> Any:
    return st.components.v2.component("mka_address", js=front("address.js"))


@cache
def _link() -> Any:
    return st.components.v2.component("mka_link", html=LINK, css=front("link.css"), js=front("link.js"))


def address_bar() -> None:
    """Bring the browser's address to what is shown. Called by app.py on every run, once the page is known."""
    st.session_state[RUNS] = run = st.session_state.get(RUNS, 0) + 1
    st.html("<style>.st-key-mka-address { position: absolute; }</style>")
    words = session.here().among(st.query_params.to_dict())
    data = {"query": query_string(words), "run": run, "cookie": session.COOKIE, "token": session.owner()}
    _bar()(key="mka-address", data=data | {"library": library()}, height=0)


def copy_link() -> None:
    """In the sidebar: a button that copies the link to what is shown."""
    with st.sidebar:
        _link()(key="mka-link", data={"query": session.permalink()})
