"""The one thing that the theme file cannot say."""

from __future__ import annotations

import streamlit as st

from mka.studio.session import theme


def readable_choices() -> None:
    """Draw the letters of chosen pills in the text's colour: the theme's accent, which must carry white letters on
    buttons, is too dark for letters on a dark page."""
    st.html(f"<style>[data-testid=stButtonGroup] [data-selected=true] p {{ color: {theme().text}; }}</style>")
