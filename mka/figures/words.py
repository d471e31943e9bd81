"""What measures, maps and their figures of quality are called on a screen; numbers as words."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mka.objects.measures import MEASURES
from mka.objects.methods import METHODS
from mka.objects.numbers import significant
from mka.objects.sizes import bytes_text

TIED = "\N{NO-BREAK SPACE}"
"""Between a number and its unit, which no line may part."""


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
    """A share in [0, 1] as 97.0 %, which stays together; NaN as "no value"."""
    return "no value" if math.isnan(share) else f"{100 * share:.{digits}f}{TIED}%"


def change(share: float) -> str:
    """A relative change as +3.1 % or −15.5 %, with a true minus sign, which stays together; NaN as "no value"."""
    return "no value" if math.isnan(share) else f"{signed(100 * share)}{TIED}%"


def signed(value: float, said: Callable[[float], str] = "{:.1f}".format) -> str:
    """Always with a sign, and that a true one; said: what stands behind it, by default with one digit behind the
    point."""
    sign = "\N{MINUS SIGN}" if value < 0 else "+"
    return sign + said(abs(value))


def number(value: float, digits: int = 4) -> str:
    """So many significant digits, zeros at the end among them; NaN as "no value", what is beyond any number as ∞."""
    return significant(value, digits)


def size(number: float) -> str:
    """Bytes as 1.54 KB, which stays together."""
    return bytes_text(number).replace(" ", TIED)


def tied(sentence: str) -> str:
    """The sentence with every % tied to its number, for what was written where lines do not wrap."""
    return re.sub(r"(?<=\d) (?=%)", TIED, sentence)
