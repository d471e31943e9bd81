"""What measures, maps and their figures of quality are called on a screen; numbers as words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mka.objects.measures import MEASURES
from mka.objects.methods import METHODS


@dataclass(frozen=True)
class Word:
    """A short name, and one sentence for a reader who meets it for the first time."""

    name: str
    sentence: str


QUALITIES: Mapping[str, Word] = MappingProxyType(
    {
        "trustworthiness": Word("Trustworthiness", "1: dots that are close in the picture were close in the layer"),
        "spectral_gap": Word(
            "Spectral gap", "large: the map's axes hold what there is to see; near 0: the next one is missing"
        ),
    }
)


def measure_title(name: str) -> str:
    """What a screen calls the measure `name`."""
    return MEASURES[name].title


def method_title(name: str) -> str:
    """What a screen calls the embedding method `name`."""
    return METHODS[name].title


def quality_title(name: str) -> str:
    """What a screen calls a figure of a map's quality."""
    return QUALITIES[name].name


def quality_sentence(name: str) -> str:
    """What a figure of a map's quality says."""
    return QUALITIES[name].sentence


def percent(share: float, digits: int = 1) -> str:
    """A share in [0, 1] as 97.0 %; NaN as "no value"."""
    return "no value" if math.isnan(share) else f"{100 * share:.{digits}f} %"


def change(share: float) -> str:
    """A relative change as +3.1 % or −15.5 %, with a true minus sign; NaN as "no value"."""
    return "no value" if math.isnan(share) else f"{signed(100 * share)} %"


def signed(value: float) -> str:
    """One digit behind the point, always with a sign, and that a true one."""
    return f"{value:+.1f}".replace("-", "\N{MINUS SIGN}")


def number(value: float, digits: int = 4) -> str:
    """So many significant digits; NaN as "no value", what is beyond any number as ∞."""
    if math.isnan(value):
        return "no value"
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.{digits}g}".replace("inf", "∞")
