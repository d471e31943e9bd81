"""What two models made of the same beginning, side by side, with the words that differ marked."""

from __future__ import annotations

import html
from collections.abc import Sequence

import streamlit as st

from mka.evaluation.word_differences import Pieces, differing
from mka.figures.evaluation import MERGED, UNMERGED
from mka.figures.theme import VERMILION, Theme
from mka.objects.report import Generation
from mka.studio import session

MARKED = {"light": "#FFE1CC", "dark": "#5A2C0C"}
"""Behind a word that differs, by the theme's name."""


def generations_view(generations: Sequence[Generation]) -> None:
    """Draw each; text as the models wrote it."""
    st.caption("The most likely next token, again and again. Words that the other has not at that place are marked.")
    for generation in generations:
        st.html(side_by_side(generation, session.theme()))


def side_by_side(generation: Generation, theme: Theme, remark: str = "") -> str:
    """One generation as HTML in which nothing of a model is markup; the two texts stand below each other where the
    screen is narrow. remark: said of it in a line of its own."""
    before, after = differing(generation.baseline, generation.model)
    muted = f"color: {theme.muted}; font-size: 0.875rem"
    words = " ".join(filter(None, (remark, difference_words(before, after))))
    return (
        f'<div style="border: 1px solid {theme.grid}; border-radius: 0.5rem; padding: 0.75rem 1rem; '
        f'color: {theme.text}; overflow-wrap: anywhere">'
        f'<div style="white-space: pre-wrap; font-weight: 600">{html.escape(generation.prompt)}</div>'
        '<div style="display: grid; grid-template-columns: repeat(auto-fit, minmax(min(15rem, 100%), 1fr)); '
        'gap: 0.5rem 1.5rem; margin: 0.5rem 0">'
        f"{_side(UNMERGED, before, theme)}{_side(MERGED, after, theme)}</div>"
        f'<div style="{muted}">{html.escape(words)}</div></div>'
    )


def difference_words(before: Pieces, after: Pieces) -> str:
    """How many words differ."""
    if not any(piece.differs for piece in (*before, *after)):
        return "Both write the same."
    counts = [f"{sum(piece.differs for piece in one)} of {_length(one)}" for one in (before, after)]
    return f"Marked: {counts[0]} words unmerged, {counts[1]} merged."


def _length(pieces: Pieces) -> int:
    return sum(not piece.text.isspace() for piece in pieces)


def _side(name: str, pieces: Pieces, theme: Theme) -> str:
    text = "".join(_piece(piece.text, theme) if piece.differs else html.escape(piece.text) for piece in pieces)
    nothing = f'<span style="color: {theme.muted}">(writes nothing)</span>'
    return (
        f'<div><div style="color: {theme.muted}; font-size: 0.875rem">{name}</div>'
        f'<div style="white-space: pre-wrap">{text or nothing}</div></div>'
    )


def _piece(text: str, theme: Theme) -> str:
    style = (
        f"background: {MARKED[theme.name]}; color: {theme.text}; text-decoration: underline 2px {VERMILION}; "
        "text-underline-offset: 3px; border-radius: 2px"
    )
    return f'<mark style="{style}">{html.escape(text)}</mark>'
