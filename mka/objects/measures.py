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
                name="nmi-ksg",
                title="Joint information",
                sentence="how much one layer's map tells of the other's, both axes together: 1 is all of it, 0 nothing",
                needs=EMBEDDING,
                bounds=(0.0, 1.0),
                higher_is_alike=True,
                minimum_points=6,
                growth="L² n^1.5 + L n², after the map",
                cheap=True,
                reference="Kraskov, Stoegbauer and Grassberger, Phys. Rev. E 69, 066138, 2004; scaled as Linfoot, "
                "Information and Control 1, 1957",
            ),
            Measure(
                name="copula",
                title="Gaussian copula",
                sentence="how much of one layer's map is a straight line of the other's, once each axis is made "
                "normal: 1 is all of it",
                needs=EMBEDDING,
                bounds=(0.0, 1.0),
                higher_is_alike=True,
                minimum_points=6,
                growth="L² n, after the map",
                cheap=True,
                reference="Ince et al., Human Brain Mapping 38, 1541, 2017",
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
                version=2,
            ),
            Measure(
                name="angular",
                title="Angular distance",
                sentence="the mean angle between the two layers' hidden states, as a share of a half turn: 0 is the "
                "same direction",
                needs=ACTIVATIONS,
                bounds=(0.0, 1.0),
                higher_is_alike=False,
                minimum_points=1,
                growth="L² n d",
                cheap=True,
                reference="Gromov et al., arXiv 2403.17887",
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
                version=2,
            ),
            Measure(
                name="euclidean",
                title="Euclidean distance",
                sentence="how far the hidden states move between the two layers, in their own unit",
                needs=ACTIVATIONS,
                bounds=(0.0, None),
                higher_is_alike=False,
                minimum_points=1,
                growth="L² n d",
                cheap=True,
                reference="the Euclidean distance of two vectors, averaged over the points",
            ),
            Measure(
                name="mahalanobis",
                title="Mahalanobis distance",
                sentence="how far the hidden states move, in standard deviations of the points in that direction",
                needs=ACTIVATIONS,
                bounds=(0.0, None),
                higher_is_alike=False,
                minimum_points=2,
                growth="L n d² + L² n d + d³",
                cheap=False,
                reference="Mahalanobis 1936, with the covariance of Ledoit and Wolf, J. Multivariate Analysis 88, 2004",
            ),
            Measure(
                name="cka",
                title="CKA",
                sentence="whether the same texts lie near each other in both layers: 1 is the same arrangement, 0 no "
                "more than chance",
                needs=ACTIVATIONS,
                bounds=(-1.0, 1.0),
                higher_is_alike=True,
                minimum_points=4,
                growth="L n² d + L² n²",
                cheap=True,
                reference="Kornblith et al., arXiv 1905.00414, debiased after Song et al., JMLR 13, 2012",
            ),
            Measure(
                name="procrustes",
                title="Procrustes",
                sentence="how well one layer's cloud of points can be turned onto the other's: 1 is the same shape",
                needs=ACTIVATIONS,
                bounds=(0.0, 1.0),
                higher_is_alike=True,
                minimum_points=2,
                growth="L² (n d min(n, d) + min(n, d)³)",
                cheap=False,
                reference="Ding, Denain and Steinhardt, arXiv 2108.01661",
            ),
            Measure(
                name="weights",
                title="Weights, cosine",
                sentence="the cosine between all parameters of the two layers: 0 is what unrelated weights have",
                needs=WEIGHTS,
                bounds=(-1.0, 1.0),
                higher_is_alike=True,
                minimum_points=0,
                growth="L times the model's size",
                cheap=True,
                reference="the cosine of two vectors",
            ),
            Measure(
                name="weights-distance",
                title="Weights, distance",
                sentence="the distance between all parameters of the two layers, in units of their root mean square "
                "length",
                needs=WEIGHTS,
                bounds=(0.0, 2.0),
                higher_is_alike=False,
                minimum_points=0,
                growth="L times the model's size",
                cheap=True,
                reference="|a - b| / sqrt((|a|² + |b|²) / 2)",
            ),
        )
    }
)
