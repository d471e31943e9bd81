"""What a plan saves, counted before anything is merged."""

from __future__ import annotations

from mka.errors import BadInput
from mka.objects.model_summary import ModelSummary
from mka.objects.plan import MergePlan
from mka.objects.savings import Savings


def savings(summary: ModelSummary, plan: MergePlan) -> Savings:
    """Layers, parameters, weight bytes and cache bytes per token, before and after `plan`.

    A place of the merged model weighs what its first source layer weighs, since averaged layers are of one
    shape. The cache is shared out evenly over the layers. BadInput for a plan of another depth.
    """
    if plan.depth != summary.layers:
        raise BadInput(
            f"the plan is for {plan.depth} layers, but the model has {summary.layers}; make a plan for this model"
        )
    standing = {place[0] for place in plan.layer_map}
    gone = [layer for layer in summary.per_layer if layer.index not in standing]
    cache = summary.cache_bytes_per_token
    return Savings(
        layers=(plan.depth, plan.layers_after),
        parameters=(summary.parameters, summary.parameters - sum(layer.parameters for layer in gone)),
        bytes=(summary.bytes, summary.bytes - sum(layer.bytes for layer in gone)),
        cache_bytes_per_token=(cache, cache * plan.layers_after // plan.depth),
    )
