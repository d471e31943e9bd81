"""Which texts a verb reads where the user names none."""

from __future__ import annotations

from mka.errors import BadInput

DEMO = "demo"


def calibration_source(named: str | None, model: str) -> str:
    """The calibration word or path to read: the named one, or "demo" for the demo model alone.

    Texts of an invented world say nothing about another model's layers, so there is no default for it.
    """
    if named is not None:
        return named
    if model == DEMO:
        return DEMO
    raise BadInput(
        f"{model} needs calibration texts of its own kind; name a .txt, .jsonl or .csv file or a folder "
        "with --calibration (only the demo model has a default)"
    )


def evaluation_source(named: str | None, *models: str | None) -> str:
    """What --data means: the named source, or "demo" where one of the `models` is the demo model."""
    if named is not None:
        return named
    if DEMO in models:
        return DEMO
    raise BadInput(
        "an evaluation needs data; name texts and questions with --data, or --text and --questions "
        "(only the demo model has a default)"
    )
