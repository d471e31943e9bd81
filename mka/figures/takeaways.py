"""One plain sentence per figure: the text under it and its `alt`."""

from __future__ import annotations

from collections import Counter

import numpy as np

from mka.figures import words
from mka.figures.difference import Difference
from mka.figures.layer_strip import kind_names
from mka.figures.spectrum import leading
from mka.objects.embedding import Embedding
from mka.objects.layer_map import LayerMap
from mka.objects.measures import MEASURES, WEIGHTS
from mka.objects.model_summary import ModelSummary
from mka.objects.plan import MergePlan
from mka.objects.repairs import NONE
from mka.objects.report import Report
from mka.objects.similarity import Similarity

SUBJECT, PLACE, LOSS, POSITION = "subject", "place in the first layer", "loss", "position in the text"
TOKEN = "token"
"""What a map's colours can tell, as a screen calls it."""
COLOURS = {
    SUBJECT: "Colour and shape tell its subject.",
    PLACE: "Its colour is its place from left to right in the first of them: where colours stay in order, the layers "
    "arrange the points alike.",
    LOSS: "Its colour is how badly the model foresaw the text there, in nats, by rank.",
    POSITION: "Its colour is where in its text the token stands.",
    TOKEN: "Colour and shape tell the token that it stands on, where that is a frequent one.",
}

STRESS = (
    (0.025, "the distances on the map are the measure's, nearly exactly"),
    (0.05, "the map keeps the measure's distances well"),
    (0.1, "the map keeps the measure's distances fairly"),
    (0.2, "the map bends the measure's distances: trust only what is plain"),
)
"""Kruskal's judgement of his stress-1, each up to a value (Psychometrika 29, 1964)."""


def of_cells(similarity: Similarity, points: str, source: str) -> str:
    """What one cell of the heatmap says; points: "256 calibration texts"."""
    measure = MEASURES[similarity.measure]
    on = "" if measure.needs == WEIGHTS else f" on {points}"
    return (
        f"Each cell compares two of the {similarity.layers} layers of {source}{on} "
        f"by {measure.title}: {measure.sentence}."
    )


def of_difference_cells(difference: Difference) -> str:
    """What one cell of the difference says."""
    one, other = difference.names
    if difference.pairs:
        return (
            f"Each cell compares two layers: by how many places {one} ranks the pair above {other}, "
            f"among all {difference.pairs} pairs."
        )
    return f"Each cell compares two layers: by how much they are more alike on {one} than on {other}."


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
    repair = "" if plan.repair == NONE else f", then repaired by {plan.repair}"
    return f"{merged}: {plan.depth} layers become {plan.layers_after} (compression ratio {ratio}){repair}."


def of_model(summary: ModelSummary) -> str:
    """Depth, size and kinds of layers."""
    kinds = Counter(kind_names(summary))
    named = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    sizes = [layer.parameters for layer in summary.per_layer]
    share = words.percent(sum(sizes) / max(1, summary.parameters), 0)
    low, high = min(sizes), max(sizes)
    each = f"{low:,} each" if low == high else f"{low:,} to {high:,} each"
    return f"{summary.layers} decoder layers ({named}) hold {share} of {summary.parameters:,} parameters, {each}."


def of_difference(difference: Difference) -> str:
    """What the two colours say, and where the two sides differ most."""
    one, other = difference.names
    finds = f"Blue: more alike by {one}; orange: more alike by {other}."
    if not difference.pairs:
        finds = f"Blue: more alike on {one}; orange: more alike on {other}."
    where = difference.largest
    if where is None:
        return f"{finds} They differ nowhere."
    row, column = where
    sides = (_side(difference, matrix[row, column]) for matrix in (difference.first, difference.second))
    said = " and ".join(f"{side} by {name}" for side, name in zip(sides, difference.names, strict=True))
    if not difference.pairs:
        said = said.replace(" by ", " on ")
    return f"{finds} They differ most on layers {row} and {column}: {said}."


def _side(difference: Difference, value: float) -> str:
    return f"place {value:g} of {difference.pairs}" if difference.pairs else f"{value:.3f}"


def of_manifold(embedding: Embedding, layers: tuple[int, ...], *, dots: str, colour: str) -> str:
    """What the dots and their colours are. dots: "calibration texts" or "tokens"; colour: one of COLOURS."""
    count = embedding.coordinates.shape[1]
    where = (
        f"layer {' and layer '.join(map(str, layers))} sees it" if layers else "each layer sees it, one after another"
    )
    return f"Each dot is one of {count} {dots} as {where}. {COLOURS[colour]}"


def of_spectrum(embedding: Embedding, layers: tuple[int, ...]) -> str:
    """How much the drawn axes hold in each of `layers`."""
    values, dims = leading(embedding), embedding.coordinates.shape[2]
    if embedding.method == "pca":
        shares = [f"{words.percent(float(values[layer, :dims].sum()), 0)} in layer {layer}" for layer in layers]
        return f"The {dims} axes that are drawn hold {_listed(shares)} of the variance."
    if values.shape[1] <= dims:
        return f"The {dims} eigenvalues of the axes that are drawn; this analysis kept no more."
    gaps = [f"{values[layer, dims - 1] - values[layer, dims]:.3f} in layer {layer}" for layer in layers]
    return (
        f"Eigenvalues of the map's axes, 1 at most. The gap behind axis {dims}, the last one drawn, is "
        f"{_listed(gaps)}: where it is small, what is left out matters as much."
    )


def of_layer_map(layer_map: LayerMap) -> str:
    """What is near what, and how far the picture can be trusted."""
    title = MEASURES[layer_map.measure].title
    steps = np.linalg.norm(np.diff(layer_map.coordinates, axis=0), axis=1)
    said = f"Each point is a layer; near means alike by {title}."
    if steps.size > 1:
        shortest, longest = int(steps.argmin()), int(steps.argmax())
        said += (
            f" The shortest step of the path is {shortest} to {shortest + 1}, the longest {longest} to {longest + 1}."
        )
    return said


def of_stress(layer_map: LayerMap) -> str:
    """How far the distances on the map are those of the measure."""
    if not np.isfinite(layer_map.stress):
        return "How well the map keeps the measure's distances is not known."
    judgement = next(
        (words for most, words in STRESS if layer_map.stress <= most), "the map misleads, trust the heatmap"
    )
    return f"Stress {layer_map.stress:.3f} (0 is perfect): {judgement}."


def _listed(items: list[str]) -> str:
    return " and ".join(items)


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
