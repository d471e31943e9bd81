"""Small objects made by hand, as the other rooms would give them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mka.objects.activations import Point
from mka.objects.embedding import Embedding
from mka.objects.layer_map import LayerMap
from mka.objects.model_summary import LayerSummary, ModelSummary
from mka.objects.report import Choices, Cost, Divergence, Generation, Perplexity, Report, Result, SubjectAccuracy
from mka.objects.similarity import Similarity, Uncertainty
from mka.studio.visits.desk import Desk
from mka.workflows.analysis_files import Analysis

NASTY = "<img src=x onerror=alert(1)> *bold* $x$"


def a_summary(layers: int = 6, source: str = "demo") -> ModelSummary:
    """A model of `layers` equal layers of 100 parameters, float32."""
    each = tuple(LayerSummary(i, "full_attention", 100, 400, 0) for i in range(layers))
    parameters = 50 + 100 * layers
    return ModelSummary(
        source, "LlamaForCausalLM", "llama", "f" * 16, layers, 16, 64, 128, "float32", parameters, 4 * parameters,
        40, 0, 10, True, 128 * layers, ("full_attention",) * layers, each, "model.layers", "num_hidden_layers", (),
    )  # fmt: skip


def a_similarity(layers: int = 6, measure: str = "npib") -> Similarity:
    """exp(-distance of the layers), so neighbours are alike; the pair (layers-2, layers-1) most of all."""
    index = np.arange(layers)
    values = np.exp(-np.abs(index[:, None] - index[None, :]).astype(float))
    if layers > 1:
        values[-1, -2] = values[-2, -1] = 0.9
    return Similarity(values, measure, (0.0, 1.0), True)


def sure(similarity: Similarity, *, tau: float = 0.8, ranks: np.ndarray | None = None) -> Similarity:
    """The same with a standard error of 0.01 (row + column), and each adjacent pair within one rank of its own."""
    layers = similarity.layers
    alike = similarity.adjacent if similarity.higher_is_alike else -similarity.adjacent
    place = 1.0 + np.argsort(np.argsort(-alike))
    within = np.stack([np.clip(place - 1, 1, layers - 1), np.clip(place + 1, 1, layers - 1)], axis=1)
    stderr = 0.01 * np.add.outer(np.arange(layers), np.arange(layers))
    known = Uncertainty(stderr, within if ranks is None else ranks, tau, 32, 6, 0)
    return replace(similarity, uncertainty=known)


def a_layer_map(layers: int = 6, measure: str = "npib", stress: float = 0.04) -> LayerMap:
    """Layer l at (l, l squared / 10), so that the last step is the longest."""
    steps = np.arange(layers, dtype=float)
    return LayerMap(np.stack([steps, steps**2 / 10], axis=1), measure, "mds", stress, 0)


def an_embedding(layers: int = 6, points: int = 12, dims: int = 2) -> Embedding:
    """Points on a circle that turns a little from layer to layer, a third axis along it; three subjects; point n has
    the loss n / 10 and stands at place n of its text, but the loss of the first is not known. The eigenvalues of
    layer l are 1, then (10 - l) / 10 divided by 1, 2, 3, 4."""
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    coordinates = np.stack(
        [np.stack([np.cos(angle + 0.1 * i), np.sin(angle + 0.1 * i)], axis=1) for i in range(layers)]
    )
    depth = np.broadcast_to(np.linspace(-1, 1, points)[None, :, None], (layers, points, 1))
    coordinates = np.concatenate([coordinates, depth], axis=2)[:, :, :dims]
    names = tuple(
        Point(f"text {n} {NASTY}", ("animals", "sums", "rulers")[n % 3], "end", n, n / 10 if n else None)
        for n in range(points)
    )
    shares = (10 - np.arange(layers))[:, None] / 10 / np.array([1.0, 2.0, 3.0, 4.0])
    eigenvalues = np.concatenate([np.ones((layers, 1)), shares], axis=1)
    trust = {"trustworthiness": tuple(0.9 - 0.01 * i for i in range(layers))}
    return Embedding(coordinates, coordinates, "diffusion", {"alpha": 0.5}, 0, True, names, trust, eigenvalues)


def an_analysis(layers: int = 6, source: str = "demo", points: int = 12) -> Analysis:
    """Four measures, of which the last has pairs without a value, one map of the points and one of the layers."""
    matrices = {name: a_similarity(layers, name) for name in ("npib", "npib-code", "cosine")}
    distance = 1 - a_similarity(layers).values
    distance[0, -1] = distance[-1, 0] = np.nan
    matrices["block-influence"] = Similarity(distance, "block-influence", (0.0, 2.0), False)
    hashes = tuple(f"h{n}" for n in range(points))
    model = {"model": "f" * 16, "calibration_key": "key", "text_hashes": hashes}
    embedding = replace(an_embedding(layers, points), **model)
    return Analysis(
        a_summary(layers, source),
        {name: replace(matrix, **model) for name, matrix in matrices.items()},
        {"diffusion": embedding},
        "demo", "key", hashes, embedding.points, "last", 4 * points, 0, np.ones(layers), 0,
        layer_maps={"npib": a_layer_map(layers)},
    )  # fmt: skip


def on_other_texts(analysis: Analysis, factor: float = 0.5) -> Analysis:
    """The same model on texts that make every pair of layers `factor` times as alike, in the same order."""
    similarities = {
        name: replace(one, values=np.where(np.eye(one.layers, dtype=bool), one.values, factor * one.values))
        for name, one in analysis.similarities.items()
    }
    return replace(analysis, similarities=similarities, calibration="others.txt", calibration_key="another key")


def a_desk(layers: int = 6, source: str = "demo") -> Desk:
    """A desk as the bundled example gives it."""
    return Desk(a_summary(layers, source), an_analysis(layers, source), bundled=True)


def a_result(name: str, perplexity: float, accuracy: float, layers: int = 5) -> Result:
    """Every task measured, two subjects of 50 questions."""
    subjects = {s: SubjectAccuracy(accuracy, 0.25, 50) for s in ("animals", "sums")}
    return Result(
        name,
        Cost(layers, 100 * layers, 400 * layers, 1000.0),
        Perplexity(perplexity, 0.1, 900, 30),
        Choices(accuracy, (accuracy - 0.1, min(1.0, accuracy + 0.1)), 0.25, (0.2, 0.3), 100, 0, subjects),
        Divergence(0.2, 0.01, 0.8, 900),
        (Generation("The capital of", f"{NASTY} before", f"{NASTY} after"),),
    )


def a_report(plan_key: str = "k") -> Report:
    """Merged a little worse than unmerged, both controls worse still."""
    controls = {"truncate": a_result("truncate", 4.0, 0.7), "drop-keep-last": a_result("drop-keep-last", 3.5, 0.75)}
    result, base = a_result("merged", 3.0, 0.9), a_result("demo", 2.6, 0.97, 6)
    return Report(result, base, controls, f"It costs little. {NASTY}", plan_key, "demo", 0, dtype="float32")
