"""What two models made of the same beginning, side by side, with the words that differ marked."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from mka.evaluation.word_differences import Pieces, differing
from mka.objects.report import Generation
from mka.studio.evaluate.markup import side_by_side_html


def generations_view(generations: Sequence[Generation]) -> None:
    """Draw each; text as the models wrote it."""
    st.caption("The most likely next token, again and again. Words that the other has not at that place are marked.")
    for generation in generations:
        generation_view(generation)


def generation_view(generation: Generation, remark: str = "") -> None:
    """Draw one, with what is said of it."""
    before, after = differing(generation.baseline, generation.model)
    said = " ".join(filter(None, (remark, difference_words(before, after))))
    st.html(side_by_side_html(generation.prompt, before, after, said))


def difference_words(before: Pieces, after: Pieces) -> str:
    """How many words differ."""
    if not any(piece.differs for piece in (*before, *after)):
        return "Both write the same."
    counts = [f"{sum(piece.differs for piece in one)} of {_length(one)}" for one in (before, after)]
    return f"Marked: {counts[0]} words unmerged, {counts[1]} merged."


def _length(pieces: Pieces) -> int:
    return sum(not piece.text.isspace() for piece in pieces)
