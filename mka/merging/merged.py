"""A model with layers merged, and what is known of how it came about."""

from __future__ import annotations

from dataclasses import dataclass

from mka.models.loaded import LoadedModel
from mka.objects.plan import MergePlan
from mka.objects.receipt import Receipt


@dataclass(frozen=True)
class MergedModel:
    """What `mka.merge` returns.

    model:   runs like any other; shares with `source` the tensors that the merge left alone
    source:  the model that was merged, as it was
    """

    model: LoadedModel
    plan: MergePlan
    receipt: Receipt
    source: LoadedModel
