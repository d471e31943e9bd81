"""What the colours of a map tell, and which of its points are brought out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import streamlit as st

from mka.figures.colouring import (
    Paint,
    Scale,
    by_scale,
    by_subject,
    by_token,
    loss_scale,
    place_scale,
    position_scale,
    tokens_of,
)
from mka.figures.manifold import is_flat, subjects_of
from mka.figures.takeaways import LOSS, PLACE, POSITION, SUBJECT, TOKEN
from mka.objects.embedding import Embedding
from mka.studio.visits.session import theme

EVERY = "all subjects"


def choose_colour(embedding: Embedding) -> str:
    """One of takeaways.COLOURS; offers only what the points know."""
    chosen = st.selectbox("Colour by", offered(embedding), key="colour", persist_state="session", width=220)
    return str(chosen)


def offered(embedding: Embedding) -> list[str]:
    """What the points know, the subject first."""
    known: Mapping[str, bool] = {
        SUBJECT: bool(subjects_of(embedding)),
        PLACE: True,
        LOSS: loss_scale(embedding.points) is not None,
        POSITION: position_scale(embedding.points) is not None,
        TOKEN: len(tokens_of(embedding.points)) > 1,
    }
    return [kind for kind, is_known in known.items() if is_known]


def choose_subject(embedding: Embedding) -> str | None:
    """The one subject to bring out; None for all of them, and where there are no two."""
    subjects = subjects_of(embedding)
    if len(subjects) < 2:
        return None
    chosen = st.selectbox(
        "Bring out",
        [EVERY, *subjects],
        key="subject",
        persist_state="session",
        width=190,
        help="The points of the other subjects are dimmed.",
    )
    return None if chosen == EVERY else str(chosen)


def painted(embedding: Embedding, kind: str, layers: Sequence[int], clear: np.ndarray) -> Paint:
    """The colours of `kind`, one of `offered`, where these layers are shown, none for all of them.

    clear: bool (n,), False for points that are dimmed
    """
    points, flat = embedding.points, is_flat(embedding)
    paints: Mapping[str, Callable[[], Paint]] = {
        SUBJECT: lambda: by_subject(points, theme(), flat=flat),
        TOKEN: lambda: by_token(points, theme(), flat=flat),
    }
    if kind in paints:
        return paints[kind]().dimmed(clear)
    scales: Mapping[str, Callable[[], Scale | None]] = {
        LOSS: lambda: loss_scale(points),
        POSITION: lambda: position_scale(points),
    }
    scale = scales[kind]() if kind in scales else None
    return by_scale(scale or place_scale(embedding, layers[0] if layers else 0), theme(), flat=flat).dimmed(clear)
