"""Every method of merging as a weighted sum of tensors: how much of each layer's tensor goes into the merged one.

Written theta_0 ... theta_m for one tensor of a group's layers, the merged tensor is sum_i c_i theta_i, and this file
says what the c_i are. `mka.merging.averaging.average` forms the sum, in pieces and in the dtype of the house's rule;
it needs nothing of a tensor but the numbers that come from here.

average   c = w, the plan's weights.
rdsc      theta_0 + sum_{k>=1} (theta_k - theta_0), Reserving Differences while Seeking Common of LaCo, Yang et al.,
          arXiv 2402.11187, equation 1: c = (1 - m, 1, ..., 1). Of two layers it is the second. A plan may name the c
          instead, where an addend was such a sum itself.
slerp     the point at share t = w_1 of the arc from theta_0 to theta_1, Shoemake, SIGGRAPH 1985, each tensor read as
          one long vector: c = (sin((1 - t) a), sin(t a)) / sin(a), where cos(a) = <theta_0, theta_1> / (|theta_0|
          |theta_1|). Unlike an average, it does not shrink vectors that point apart. Tensors of one dimension (norm
          gains, biases) are treated the same. Where the tensors are nearly parallel or opposed, |cos(a)| > PARALLEL,
          or one of them is zero or not finite, there is no arc to speak of: c = w, as in mergekit 0.1.5.
"""

from __future__ import annotations

import math

from mka.merging.averaging import Dots
from mka.models.tensor_parts import part_of
from mka.objects.model_summary import ATTENTION, EXPERTS, MLP, NORMS
from mka.objects.plan import MergeGroup

PARALLEL = 0.9995
"""Beyond this |cosine| an arc and its chord are the same to 3e-5, and sin(a) loses digits."""

KIND_OF_PART = {ATTENTION: "attention", MLP: "mlp", EXPERTS: "mlp", NORMS: "norms"}


def kind_of(name: str, dimensions: int) -> str | None:
    """The kind of KINDS whose weights a plan can name, for a tensor `name` below its layer; None for any other."""
    return KIND_OF_PART.get(part_of(name, dimensions))


def needs_dots(group: MergeGroup) -> bool:
    """Whether the coefficients hang on the tensors themselves, by their inner products."""
    return group.method == "slerp"


def coefficients(group: MergeGroup, kind: str | None, found: Dots | None = None) -> tuple[float, ...]:
    """c, one number per layer of a group that merges, for its tensors of `kind` (see `kind_of`).

    found: the inner products of the first layer's tensor and the second's, where `needs_dots`. Weights 0 and 1 give
           exactly 0 and 1, so that such a merge is one layer's tensor to the bit.
    """
    weights = group.weights_of(kind)
    return weights if found is None else _on_the_arc(weights[1], found)


def _on_the_arc(share: float, found: Dots) -> tuple[float, ...]:
    length = math.sqrt(found.first) * math.sqrt(found.second)
    cosine = found.both / length if length and math.isfinite(length) else math.nan
    if not abs(cosine) <= PARALLEL:
        return 1 - share, share
    angle = math.acos(cosine)
    return math.sin((1 - share) * angle) / math.sin(angle), math.sin(share * angle) / math.sin(angle)
