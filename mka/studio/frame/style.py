"""The few things that the theme file cannot say. Only Streamlit's documented marks are named: test ids and keys."""

from __future__ import annotations

import streamlit as st

from mka.studio.visits.session import theme

WHERE_FOLDED = "where-folded"
"""Key of a container that is seen only while the sidebar is folded."""


def own_rules() -> None:
    """Begin the page near the window's top and leave its width to the pictures. Draw the letters of chosen pills in the
    text's colour: the theme's accent, which must carry white letters on buttons, is too dark for letters on a dark
    page. Let a table that is wider than the page scroll by itself. Show what is for a folded sidebar only then."""
    st.html(
        "<style>"
        "[data-testid=stMainBlockContainer] { padding: 3.25rem clamp(1rem, 3vw, 3rem) 4rem; }"
        f"[data-testid=stButtonGroup] [data-selected=true] p {{ color: {theme().text}; }}"
        "[data-testid=stMarkdownContainer] table { display: block; max-width: 100%; overflow-x: auto; }"
        f"body:has([data-testid=stSidebar][data-collapsed=false]) :is(.st-key-{WHERE_FOLDED}, "
        f"[data-testid=stLayoutWrapper]:has(> .st-key-{WHERE_FOLDED})) {{ display: none; }}"
        "</style>"
    )
