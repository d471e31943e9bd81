"""What measures, maps and their figures of quality are called on a screen and what they say; numbers as words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Word:
    """A short name, and one sentence for a reader who meets it for the first time."""

    name: str
    sentence: str


MEASURES: Mapping[str, Word] = MappingProxyType(
    {
        "npib": Word(
            "NPIB", "how much one layer's map of the texts tells of the other's: 1 is all of it, 0 no more than chance"
        ),
        "npib-code": Word(
            "NPIB as coded", "the same as the paper's official code estimates it, without an upper bound"
        ),
        "cosine": Word("Cosine", "the mean cosine between the two layers' hidden states: 1 is the same direction"),
        "block-influence": Word(
            "Block influence", "how much the layers between turn the hidden states: 0 means that they do nothing"
        ),
    }
)

MAPS: Mapping[str, Word] = MappingProxyType(
    {
        "diffusion": Word("Diffusion map", "distances along the cloud of points, as MKA measures them"),
        "umap": Word("UMAP", "near neighbours stay near; distances between clusters mean little"),
        "pca": Word("PCA", "the straight axes along which the points vary most"),
    }
)

QUALITIES: Mapping[str, Word] = MappingProxyType(
    {
        "trustworthiness": Word("Trustworthiness", "1: dots that are close in the picture were close in the layer"),
        "spectral_gap": Word("Spectral gap", "large: two axes hold what there is to see; near 0: a third is missing"),
    }
)


def named(words: Mapping[str, Word], key: str) -> str:
    """The name of `key`; of a key that has no words, the key itself with spaces."""
    return words[key].name if key in words else key.replace("_", " ")


def explained(words: Mapping[str, Word], key: str) -> str:
    """The sentence of `key`, without capital and full stop; "" for a key that has no words."""
    return words[key].sentence if key in words else ""


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
