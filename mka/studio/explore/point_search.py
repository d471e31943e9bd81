"""Finding points of a map by their text, and following some of them: the same ones on every page and every map."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st

from mka.figures.trajectory import MARKS, MOST
from mka.objects.activations import Point
from mka.objects.embedding import Embedding
from mka.studio.parts.widgets import Mark

FOLLOWED = "followed-points"
WORDS = "find-text"
EXCERPT = 72
UNSCROLLED, LIST_HEIGHT = 5, 300
"""A list of more texts than this scrolls in so many pixels."""
NOBODY: tuple[int | None, ...] = (None,) * MOST
GLYPHS = {"circle": "●", "square": "■", "diamond": "◆", "hexagon": "⬢", "star": "★"}

Followed = tuple[int | None, ...]
"""MOST places, each with its point or None: a point keeps its number and colour when another is let go."""


def matches(points: Sequence[Point], words: str) -> tuple[int, ...]:
    """The points whose text holds `words`, whatever their case and the text's line ends; none for no words."""
    wanted = _one_line(words)
    if not wanted:
        return ()
    sought = re.compile(re.escape(wanted), re.IGNORECASE)
    return tuple(n for n, point in enumerate(points) if sought.search(_one_line(point.text)))


def excerpt(text: str, words: str) -> str:
    """About EXCERPT characters of a text in a line, around `words` where it holds them, else its beginning."""
    line, wanted = _one_line(text), _one_line(words)
    found = re.search(re.escape(wanted), line, re.IGNORECASE) if wanted else None
    middle = (found.start() + found.end()) // 2 if found else 0
    first = max(0, min(middle - EXCERPT // 2, len(line) - EXCERPT))
    shown = line[first : first + EXCERPT]
    if first:
        shown = "…" + (shown.partition(" ")[2] or shown)  # no word is cut at its beginning
    return shown + ("…" if first + EXCERPT < len(line) else "")


def clear(embedding: Embedding, found: Sequence[int], subject: str | None = None) -> np.ndarray:
    """bool (n,): the points that are not dimmed: those found, of this subject; where nothing is sought, all."""
    count = embedding.coordinates.shape[1]
    sought = np.isin(np.arange(count), found) if found else np.ones(count, dtype=bool)
    if subject is None:
        return sought
    return sought & np.array([point.subject == subject for point in embedding.points])


def toggled(followed: Followed, point: int) -> Followed:
    """Follow `point` at the first free place, or let it go where it is followed; as it was where no place is free."""
    if point in followed:
        return tuple(None if one == point else one for one in followed)
    if None not in followed:
        return followed
    free = followed.index(None)
    return (*followed[:free], point, *followed[free + 1 :])


def followed(embedding: Embedding) -> Followed:
    """The followed points of this analysis; nobody after the texts have changed."""
    whose, points = st.session_state.get(FOLLOWED, (None, NOBODY))
    return points if whose == _texts(embedding) else NOBODY


def toggle(embedding: Embedding, point: int) -> None:
    """Follow a point or let it go; fit for a widget's callback."""
    st.session_state[FOLLOWED] = (_texts(embedding), toggled(followed(embedding), point))


def clicked(embedding: Embedding) -> Callable[[Mark], None]:
    """What a click on a map does: the point under it is followed, or let go."""

    def follow(mark: Mark) -> None:
        toggle(embedding, int(mark["customdata"]))

    return follow


def find(embedding: Embedding, *, rows: int) -> tuple[int, ...]:
    """A box for words and the texts that hold them, at most `rows` at once, to be followed; the points found."""
    if not embedding.points:
        return ()
    words = st.text_input(
        "Find a text", key=WORDS, persist_state="session", placeholder="words of a text", icon=":material/search:"
    )
    found = matches(embedding.points, words)
    if words.strip():
        st.caption(_found_words(len(found), rows))
    taken = followed(embedding)
    listed = [point for point in found[:rows] if point not in taken]
    with st.container(height=LIST_HEIGHT if len(listed) > UNSCROLLED else "content", border=False, gap="small"):
        for point in listed:
            _row(embedding, point, "Follow", words=words, disabled=None not in taken)
    return found


def list_followed(embedding: Embedding) -> None:
    """The followed points with their numbers in the picture, each to be let go."""
    taken = followed(embedding)
    if taken == NOBODY:
        st.caption("Click a dot, or find a text: its point is marked in every layer.")
    for place, point in enumerate(taken):
        if point is not None:
            _row(embedding, point, "Let go", place=place)
    if None not in taken:
        st.caption(f"{MOST} points are followed: let one go to follow another.")


def _row(
    embedding: Embedding, point: int, label: str, *, words: str = "", place: int | None = None, disabled: bool = False
) -> None:
    """A point's text, around `words`, beside the button that follows it or lets it go."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
        if place is not None:
            colour, symbol = MARKS[place]
            st.html(f'<span style="color:{colour}">{GLYPHS[symbol]}</span>&nbsp;{place + 1}', width="content")
        st.text(point_words(embedding, point, words), width="stretch")
        st.button(
            label,
            key=f"{label}-{point}",
            type="tertiary",
            disabled=disabled,
            on_click=toggle,
            args=(embedding, point),
        )


def point_words(embedding: Embedding, point: int, words: str = "") -> str:
    """A point in a line: subject, text around `words`, and at which of its tokens the point stands."""
    if not embedding.points:
        return f"point {point}"
    known = embedding.points[point]
    subject = f"{known.subject}: " if known.subject else ""
    at = f" (at token {known.position})" if known.position >= 0 else ""
    return f"{subject}{excerpt(known.text, words)}{at}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _found_words(count: int, rows: int) -> str:
    if not count:
        return "No text holds these words."
    said = "1 point's text holds these words" if count == 1 else f"{count} points' texts hold these words"
    more = f", of which the first {rows} stand here; more words find fewer" if count > rows else ""
    return f"{said}{more}. The others are dimmed."


def _texts(embedding: Embedding) -> tuple[str, str, int]:
    """Which points these are."""
    return embedding.model, embedding.calibration_key, embedding.coordinates.shape[1]
