"""The repairs, as facts: what each does, and what it reads for that.

What carries them out stands in mka.merging.repair; this table is read where no model is, as by a screen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mka.errors import BadInput

NONE = "none"
"""What a plan says that asks for no repair."""


@dataclass(frozen=True)
class Repair:
    """A way to repair cuts.

    sentence: what it does, for a person who chooses
    strength: what `Repaired.strength` is of it
    reading:  for each of what it reads the calibration texts
    """

    name: str
    sentence: str
    strength: str
    reading: str


REPAIRS: Mapping[str, Repair] = MappingProxyType(
    {
        repair.name: repair
        for repair in (
            Repair(
                "scale",
                "Lengthen what was written to the residual stream before each cut (Prune&Comp, arXiv 2507.18212).",
                "factor",
                "each cut",
            ),
            Repair(
                "linear",
                "From the first cut on, add to each projection that writes to the residual stream the ridge map from "
                "its input to what is missing behind its layer.",
                "penalty",
                "each projection from the first cut on",
            ),
            Repair(
                "linear-cut",
                "Add to the down-projection before each cut the ridge map from its input to what is missing "
                "behind its layer.",
                "penalty",
                "each cut",
            ),
            Repair(
                "replaceme",
                "At the down-projection before each cut, the ridge map of its output (ReplaceMe, arXiv 2505.02819).",
                "penalty",
                "each cut",
            ),
            Repair(
                "transplant",
                "Before each cut, of the heads and neurons there and of the layers that are gone, keep those that "
                "together write most of what is wanted; fit anew what they read and write, and what heads carry.",
                "penalty",
                "each part of a layer from the first cut on",
            ),
            Repair(
                "refit",
                "As transplant; then each layer from the first cut on is fitted as a whole: Gauss-Newton steps of all "
                "its projections to the source's stream behind it.",
                "penalty",
                "each layer from the first cut on, many times",
            ),
        )
    }
)


def check_repair(name: str, calibration: object) -> None:
    """BadInput for an unknown repair, one without calibration texts, and such texts without a repair."""
    if name != NONE and name not in REPAIRS:
        raise BadInput(f"repair {name!r} is unknown; use one of {', '.join((NONE, *REPAIRS))}")
    if name == NONE and calibration is not None:
        raise BadInput("calibration texts are read by a repair only; name one (such as linear) or leave the texts out")
    if name != NONE and calibration is None:
        raise BadInput(
            f"the repair {name} is worked out from calibration texts; name them with --calibration "
            "(calibration=), or merge with repair none"
        )
