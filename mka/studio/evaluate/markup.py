"""Our own HTML where Streamlit's pieces do not do: the only place that writes tags, and all text in it is escaped.

Colours are the page's own or see-through, so that they fit the light and the dark page without being told which it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from mka.evaluation.word_differences import Pieces
from mka.figures.evaluation import MERGED, UNMERGED
from mka.figures.theme import VERMILION

BAR = "#3D8DB5"
LINE = "1px solid rgba(128, 128, 128, 0.4)"
MARKED = (213, 94, 0, 0.22)
"""Behind a word that differs: red, green, blue, opacity."""
SMALL = "font-size: 0.875rem; opacity: 0.8"


def headline_html(sentence: str) -> str:
    """A sentence larger than anything else on the page; "" where there is none."""
    if not sentence:
        return ""
    style = (
        f"border-left: 5px solid {BAR}; padding: 0.15rem 0 0.25rem 1rem; margin-top: 0.75rem; "
        "font-size: clamp(1.35rem, 1rem + 1.6vw, 2.1rem); line-height: 1.25; font-weight: 600"
    )
    return f'<div role="heading" aria-level="2" style="{style}">{escape(sentence)}</div>'


def table_html(columns: Mapping[str, Sequence[str]]) -> str:
    """A table of as many rows as each column has, which fits any width: its letters shrink and its cells break. The
    first column names the rows."""
    cell = f"padding: 0.3rem 0.15rem; border: 0; border-bottom: {LINE}; text-align: left; vertical-align: top"
    head = "".join(f'<th scope="col" style="{cell}">{escape(title)}</th>' for title in columns)
    body = "".join(
        f'<tr><th scope="row" style="{cell}; font-weight: 400; opacity: 0.85">{escape(row[0])}</th>'
        + "".join(f'<td style="{cell}">{escape(text)}</td>' for text in row[1:])
        + "</tr>"
        for row in zip(*columns.values(), strict=True)
    )
    style = (
        "width: 100%; border-collapse: collapse; table-layout: fixed; overflow-wrap: break-word; "
        "font-size: clamp(0.72rem, 0.6rem + 0.5vw, 0.95rem); font-variant-numeric: tabular-nums"
    )
    return f'<table style="{style}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def side_by_side_html(prompt: str, before: Pieces, after: Pieces, remark: str) -> str:
    """What two models made of a prompt, below each other where the screen is narrow; `remark` in a line of its own."""
    return (
        f'<div style="border: {LINE}; border-radius: 0.5rem; padding: 0.75rem 1rem; overflow-wrap: anywhere">'
        f'<div style="white-space: pre-wrap; font-weight: 600">{escape(prompt)}</div>'
        '<div style="display: grid; grid-template-columns: repeat(auto-fit, minmax(min(15rem, 100%), 1fr)); '
        'gap: 0.5rem 1.5rem; margin: 0.5rem 0">'
        f"{_side(UNMERGED, before)}{_side(MERGED, after)}</div>"
        f'<div style="{SMALL}">{escape(remark)}</div></div>'
    )


def _side(name: str, pieces: Pieces) -> str:
    text = "".join(_marked(piece.text) if piece.differs else escape(piece.text) for piece in pieces)
    nothing = f'<span style="{SMALL}">(writes nothing)</span>'
    written = f'<div style="white-space: pre-wrap">{text or nothing}</div>'
    return f'<div><div style="{SMALL}">{escape(name)}</div>{written}</div>'


def _marked(text: str) -> str:
    style = (
        f"background: rgba{MARKED}; color: inherit; text-decoration: underline 2px {VERMILION}; "
        "text-underline-offset: 3px; border-radius: 2px"
    )
    return f'<mark style="{style}">{escape(text)}</mark>'
