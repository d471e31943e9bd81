"""Put what an evaluation measured into the model card of a checkpoint."""

from __future__ import annotations

from pathlib import Path

from mka.errors import BadInput
from mka.merging.card import CARD, around_cost, with_figures
from mka.objects.report import Report
from mka.workflows.writing import write_text


def check_card(folder: str | Path) -> str:
    """The model card of a checkpoint folder; BadInput where `mka merge` wrote none there."""
    try:
        text = _place(folder).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{folder} has no model card to put figures into; name a folder that mka merge wrote") from error
    around_cost(text)
    return text


def put_figures(folder: str | Path, report: Report) -> None:
    """Write the figures of `report` into the card of a checkpoint, in place of those before; the rest stays.

    BadInput as `check_card`; RunFailed where the disk refuses, and the card stays as it was.
    """
    write_text(_place(folder), with_figures(check_card(folder), report))


def _place(folder: str | Path) -> Path:
    return Path(folder).expanduser() / CARD
