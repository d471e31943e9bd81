"""The calibration texts of a desk, read when a job needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mka.errors import BadInput
from mka.studio.visits.desk import Calibration

if TYPE_CHECKING:
    from mka.objects.texts import TextSet


def read_texts(texts: Calibration | None, reader: str) -> TextSet:
    """The texts that `reader`, a repair or a strategy, works on. BadInput where none are named, and where their source
    says something else by now than when it was analyzed: the screen would speak of other texts than were read."""
    if texts is None:
        raise BadInput(
            f"{reader} works on calibration texts, and none are named for this model; "
            "analyze it on the Model page by texts of its own kind"
        )
    from mka.data.calibration import calibration_texts
    from mka.data.texts import load_texts

    found = calibration_texts(load_texts(texts.source, field=texts.field), limit=texts.limit)
    if texts.key not in (None, found.key):
        raise BadInput(
            f"{texts.source} holds other texts by now than those that were analyzed; analyze it anew on the Model page"
        )
    return found
