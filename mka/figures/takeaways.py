"""One plain sentence per figure: the text under it and its `alt`."""

from __future__ import annotations

import numpy as np

from mka.figures import words
from mka.objects.embedding import Embedding
from mka.objects.measures import MEASURES
from mka.objects.model_summary import ModelSummary
from mka.objects.plan import MergePlan
from mka.objects.report import Report
from mka.objects.similarity import Similarity


def of_cells(similarity: Similarity, texts: int, source: str) -> str:
    """What one cell of the heatmap says."""
    measure = MEASURES[similarity.measure]
    return (
        f"Each cell compares two of the {similarity.layers} layers of {source} on {texts} calibration texts "
        f"by {measure.title}: {measure.sentence}."
    )


def of_similarity(similarity: Similarity) -> str:
    """Which neighbours are most and least alike."""
    values = similarity.adjacent if similarity.higher_is_alike else -similarity.adjacent
    if values.size == 0:
        return "One layer only: there is no pair to compare."
    if not np.isfinite(values).any():
        return "No pair of neighbouring layers has a value" + (f": {similarity.note}" if similarity.note else ".")
    best, worst = int(np.nanargmax(values)), int(np.nanargmin(values))
    raw = similarity.adjacent
    missing = int((~np.isfinite(values)).sum())
    tail = f" {missing} {'pair has' if missing == 1 else 'pairs have'} no value." if missing else ""
    if raw[best] == raw[worst]:
        return f"All neighbouring layers are equally alike ({raw[best]:.3f}).{tail}"
    return (
        f"Neighbours {best} and {best + 1} are most alike ({raw[best]:.3f}), "
        f"{worst} and {worst + 1} least ({raw[worst]:.3f})."
        f" Alike does not yet mean safe to merge: measure it.{tail}"
    )


def of_plan(plan: MergePlan) -> str:
    """What the plan does to the depth."""
    if not plan.groups:
        return f"No group yet: all {plan.depth} layers stay."
    merged = "1 group" if len(plan.groups) == 1 else f"{len(plan.groups)} groups"
    ratio = words.percent(plan.compression_ratio)
    return f"{merged}: {plan.depth} layers become {plan.layers_after} (compression ratio {ratio})."


def of_model(summary: ModelSummary) -> str:
    """Depth, size and kinds of layers."""
    kinds = {kind: summary.layer_types.count(kind) for kind in dict.fromkeys(summary.layer_types)}
    named = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in kinds.items())
    share = words.percent(sum(layer.parameters for layer in summary.per_layer) / max(1, summary.parameters), 0)
    return f"{summary.layers} decoder layers ({named}) hold {share} of {summary.parameters:,} parameters."


def of_manifold(embedding: Embedding, layers: tuple[int, ...], *, coloured_by_subject: bool) -> str:
    """What the dots and their colours are."""
    count = embedding.coordinates.shape[1]
    text = f"Each dot is one of {count} calibration texts as layer {' and layer '.join(map(str, layers))} sees it."
    if coloured_by_subject:
        return f"{text} Colour and shape tell its subject."
    text += f" Its colour is its place from left to right in layer {layers[0]}"
    return (
        f"{text}: where colours stay in order, the layers arrange the texts alike." if len(layers) > 1 else f"{text}."
    )


def of_report(report: Report) -> str:
    """Accuracy and perplexity in one breath, never one without the other."""
    parts = []
    result, base = report.result, report.baseline
    if result.perplexity:
        before = f"{words.number(base.perplexity.value)} to " if base and base.perplexity else ""
        parts.append(f"perplexity {before}{words.number(result.perplexity.value)}")
    if result.choices:
        before = f"{words.percent(base.choices.accuracy)} to " if base and base.choices else ""
        parts.append(f"accuracy {before}{words.percent(result.choices.accuracy)}")
    return ", ".join(parts).capitalize() + "." if parts else "Nothing was measured."


def of_lengths(report: Report) -> list[str]:
    """What did not fit into the context, a sentence each; empty where all did."""
    said = []
    read, asked = report.result.perplexity, report.result.choices
    if read and read.split:
        said.append(
            f"{read.split} of {read.texts} texts are longer than the context and were read in pieces that do not "
            "see each other."
        )
    if asked and asked.cut:
        said.append(
            f"{asked.cut} of {2 * asked.n} prompts are longer than the context and lost their beginning"
            + (f", so not all saw {asked.shots} solved questions." if asked.shots else ".")
        )
    return said
