"""The methods of manifold embedding, as facts; what computes them stands in mka.analysis.embedding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from types import MappingProxyType

from mka.errors import BadInput


def check_dims(dims: object) -> int:
    """`dims` as an int, the axes of a map that can be drawn: 2 or 3, else BadInput."""
    if not isinstance(dims, Integral) or int(dims) not in (2, 3):
        raise BadInput(f"dims must be 2 or 3, got {dims!r}")
    return int(dims)


@dataclass(frozen=True)
class Method:
    """A way to draw a layer's calibration points in two or three dimensions.

    title, sentence: what a screen calls it, and one clause for a reader who meets it for the first time
    growth:          how its time grows with L layers, n points, d features
    reference:       where it comes from
    version:         raised whenever the same input gives other coordinates, so that stored ones are not read again
    """

    name: str
    title: str
    sentence: str
    growth: str
    reference: str
    version: int = 1


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        method.name: method
        for method in (
            Method(
                name="diffusion",
                title="Diffusion map",
                sentence="distances along the cloud of points, as MKA measures them",
                growth="L n² (d + steps)",
                reference="Coifman and Lafon 2006, with the kernel of Liu et al., arXiv 2406.16330",
                version=2,
            ),
            Method(
                name="umap",
                title="UMAP",
                sentence="near neighbours stay near; distances between clusters mean little",
                growth="L n² d",
                reference="McInnes, Healy and Melville, arXiv 1802.03426",
            ),
            Method(
                name="aligned-umap",
                title="Aligned UMAP",
                sentence="UMAP of all layers at once, so that a point moves only where its neighbours change",
                growth="L n² d + L window n",
                reference="AlignedUMAP of umap-learn; no paper of its own",
            ),
            Method(
                name="pca",
                title="PCA",
                sentence="the straight axes along which the points vary most",
                growth="L n d min(n, d)",
                reference="principal components, Pearson 1901",
                version=2,
            ),
        )
    }
)
