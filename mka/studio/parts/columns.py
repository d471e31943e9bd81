"""Two columns that grow with the page and stand one above the other where it is narrow."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

GAP = 28
"""Pixels between two places."""


def side_by_side(key: str, first: int, second: int) -> tuple[DeltaGenerator, DeltaGenerator]:
    """Places for two things. first, second: how many pixels each needs at least; what is left is shared likewise.

    Streamlit's own columns stay side by side however little is left for each, and its fixed widths do not grow.
    """
    names = [f"{key}-{place}" for place in ("first", "second")]
    # The key's class lies on the inner box; what is laid out in the row is the one around it.
    rules = "".join(
        f"div:has(> .st-key-{name}) {{ flex: {pixels} 1 {pixels}px; min-width: min({pixels}px, 100%); }}"
        for name, pixels in zip(names, (first, second), strict=True)
    )
    st.html(f"<style>{rules}</style>")
    both = st.container(horizontal=True, gap="medium")
    return both.container(key=names[0]), both.container(key=names[1])


def side_by_side_with_more(key: str, first: int, second: int) -> tuple[DeltaGenerator, DeltaGenerator, DeltaGenerator]:
    """As `side_by_side`, with a third place that stands below the first, and where the page is narrow below both."""
    grid, places = f"{key}-grid", [f"{key}-{place}" for place in ("first", "second", "more")]
    areas = "".join(
        f"div:has(> .st-key-{place}) {{ grid-area: {area}; }}"
        for place, area in zip(places, ("1 / 1", "1 / 2 / span 2", "2 / 1"), strict=True)
    )
    st.html(
        f"<style>div:has(> .st-key-{grid}) {{ container-type: inline-size; }}"
        f".st-key-{grid} {{ display: grid; grid-template-columns: minmax(0, 1fr); gap: {GAP}px; }}"
        f"@container (min-width: {first + GAP + second}px) {{ .st-key-{grid} {{ "
        f"grid-template: auto 1fr / minmax(0, {first}fr) minmax(0, {second}fr); }} {areas} }}</style>"
    )
    with st.container(key=grid):
        made = [st.container(key=place) for place in places]
    return made[0], made[1], made[2]


def tiles(key: str, narrowest: int) -> DeltaGenerator:
    """A place whose parts stand side by side, equally wide and high, of at least so many pixels, in as many rows as
    needed."""
    st.html(
        f"<style>.st-key-{key} {{ display: grid; gap: {GAP}px; "
        f"grid-template-columns: repeat(auto-fit, minmax(min({narrowest}px, 100%), 1fr)); }}"
        f".st-key-{key} > *, .st-key-{key} > * > * {{ height: 100%; }}</style>"
    )
    return st.container(key=key)
