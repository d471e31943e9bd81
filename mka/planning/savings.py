"""What a plan saves, counted before anything is merged."""

from __future__ import annotations

from collections.abc import Iterable

from mka.errors import BadInput
from mka.objects.model_summary import LayerSummary, ModelSummary
from mka.objects.packed import is_packed
from mka.objects.plan import MergePlan
from mka.objects.savings import Savings


def savings(summary: ModelSummary, plan: MergePlan) -> Savings:
    """Layers, parameters, weight bytes, cache bytes and FLOPs per token, before and after `plan`.

    A place of the merged model weighs what its first source layer weighs, since averaged layers are of one
    shape. Tensors outside the layers that hold one slice per layer lose a slice with each, at the bytes that a weight
    of this model takes on average. The cache is shared out evenly over the layers. FLOPs: see `flops_per_token`.
    BadInput for a plan of another depth.
    """
    if plan.depth != summary.layers:
        raise BadInput(
            f"the plan is for {plan.depth} layers, but the model has {summary.layers}; make a plan for this model"
        )
    standing = {place[0] for place in plan.layer_map}
    staying = [layer for layer in summary.per_layer if layer.index in standing]
    gone = [layer for layer in summary.per_layer if layer.index not in standing]
    slices = sum(one.parameters for one in summary.outside if is_packed(one.name)) * plan.removed // plan.depth
    cache = summary.cache_bytes_per_token
    return Savings(
        layers=(plan.depth, plan.layers_after),
        parameters=(summary.parameters, summary.parameters - sum(layer.parameters for layer in gone) - slices),
        bytes=(
            summary.bytes,
            summary.bytes - sum(layer.bytes for layer in gone) - slices * summary.bytes // max(1, summary.parameters),
        ),
        cache_bytes_per_token=(cache, cache * plan.layers_after // plan.depth),
        flops_per_token=(flops_per_token(summary, summary.per_layer), flops_per_token(summary, staying)),
    )


def flops_per_token(summary: ModelSummary, layers: Iterable[LayerSummary]) -> int:
    """2 N of Kaplan et al. 2020 (arXiv 2001.08361, section 2.1): each weight that a token meets costs a
    multiplication and an addition.

    N is every parameter of `layers` and the output head, also where the head is the embedding matrix used again;
    embeddings are looked up, which costs nothing. Norm weights and biases count as if they were matrices: a fifth of
    a percent of the demo model, less of a larger one. Of a layer with experts all of them count, since a summary
    does not say how many a token is sent to: an upper bound. Left out is the paper's second term,
    2 n_ctx d_attn per layer for attention over the context: it depends on the text's length, and where layers are
    alike it shrinks as they do.
    """
    head = summary.embedding_parameters if summary.tied_embeddings else summary.head_parameters
    return 2 * (sum(layer.parameters for layer in layers) + head)
