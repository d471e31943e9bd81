"""The measures of layer similarity, as facts: what each sees, what its numbers mean, what it costs.

What computes them stands in mka.analysis.measures; this table is read where nothing is computed, as by figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

ACTIVATIONS, EMBEDDING, WEIGHTS = "activations", "embedding", "weights"


@dataclass(frozen=True)
class Measure:
    """A measure of how alike two layers are.

    title, sentence: what a screen calls it, and one clause for a reader who meets it for the first time
    needs:           "activations": hidden states (L, n, d); "embedding": unaligned map coordinates (L, n, k), so that
                     activations go through the diffusion map first; "weights": a model's files
    bounds:          (lowest, highest) possible value, None where unbounded
    higher_is_alike: True for similarities, False for distances
    minimum_points:  fewest calibration points that it accepts; 0 where it reads none
    growth, cheap:   how its time grows with L layers, n points, d features, and whether it stays within seconds at
                     L = 80, n = 1024 on two cores
    reference:       where its formula comes from
    version:         raised whenever the same input gives other numbers, so that stored ones are not read again
    """

    name: str
    title: str
    sentence: str
    needs: str
    bounds: tuple[float | None, float | None]
    higher_is_alike: bool
    minimum_points: int
    growth: str
    cheap: bool
    reference: str
    version: int = 1


MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        measure.name: measure
        for measure in (
            Measure(
                name="npib",
                title="NPIB",
                sentence="how much one layer's map of the texts tells of the other's: 1 is all of it, 0 no more than "
                "chance",
                needs=EMBEDDING,
                bounds=(0.0, 1.0),
                higher_is_alike=True,
                minimum_points=4,
                growth="L² n, after the map",
                cheap=True,
                reference="Liu et al., arXiv 2406.16330; adjusted for chance by Vinh, Epps and Bailey, JMLR 11, 2010",
            ),
            Measure(
                name="npib-code",
                title="NPIB as coded",
                sentence="the same as the paper's official code estimates it, without an upper bound",
                needs=EMBEDDING,
                bounds=(None, None),
                higher_is_alike=True,
                minimum_points=51,
                growth="L² n^1.5, after the map",
                cheap=True,
                reference="the official code of arXiv 2406.16330, commit 3b60b00",
                version=2,
            ),
            Measure(
                name="cosine",
                title="Cosine",
                sentence="the mean cosine between the two layers' hidden states: 1 is the same direction",
                needs=ACTIVATIONS,
                bounds=(-1.0, 1.0),
                higher_is_alike=True,
                minimum_points=1,
                growth="L² n d",
                cheap=True,
                reference="the cosine of two vectors, averaged over the points",
            ),
            Measure(
                name="block-influence",
                title="Block influence",
                sentence="how much the layers between turn the hidden states: 0 means that they do nothing",
                needs=ACTIVATIONS,
                bounds=(0.0, 2.0),
                higher_is_alike=False,
                minimum_points=1,
                growth="L² n d",
                cheap=True,
                reference="Men et al., ShortGPT, arXiv 2403.03853",
            ),
        )
    }
)
