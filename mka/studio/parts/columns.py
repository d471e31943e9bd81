"""Two columns that grow with the page and stand one above the other where it is narrow."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


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
