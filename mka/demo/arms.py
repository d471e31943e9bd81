"""Draw what the three arms do to the demo model, for the guide: which layers they take, and what that costs.

    python -m mka.demo.arms --out assets/pictures

Reads the bundled analysis and the figures of the demo model's card; computes nothing but the plans.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mka.assets import asset
from mka.figures.theme import OKABE_ITO
from mka.objects.plan import MergePlan
from mka.objects.similarity import Similarity
from mka.planning.planner import plan
from mka.planning.strategies import drop_keep_last
from mka.workflows.analysis_files import read_analysis

REMOVED = 3
MEASURES: Mapping[str, str | None] = {"mka": "npib", "mka-code": "npib-code", "truncate": None}
"""The arms, and what each reads."""
BASELINE = "drop-keep-last"
COLOURS: Mapping[str, str] = dict(zip([*MEASURES, BASELINE], OKABE_ITO, strict=False))
MARKERS: Mapping[str, str] = dict(zip([*MEASURES, BASELINE], "osD^", strict=True))


@dataclass(frozen=True)
class Cost:
    """What is left of the demo model with `removed` layers fewer; accuracy in [0, 1]."""

    name: str
    removed: int
    perplexity: float
    accuracy: float


def plans(similarities: Mapping[str, Similarity]) -> dict[str, MergePlan]:
    """What each arm, and deleting the layers before the last, makes of REMOVED layers fewer."""
    depth = next(iter(similarities.values())).layers
    made = {
        arm: plan(depth, strategy=arm, remove=REMOVED, similarity=similarities[measure] if measure else None)
        for arm, measure in MEASURES.items()
    }
    return {**made, BASELINE: drop_keep_last(depth, REMOVED)}


def costs(figures: Path) -> list[Cost]:
    """The rows of the card's table of strategies, the whole model first (as every arm with 0 removed)."""
    known = json.loads(figures.read_text(encoding="utf-8"))
    whole = known["whole"]["value"], known["sweep_accuracy"]
    return [
        *(Cost(arm, 0, *whole) for arm in COLOURS),
        *(
            Cost(one["name"], one["removed"], one["perplexity"]["value"], one["accuracy"])
            for one in known["strategies"]
        ),
    ]


def draw_plans(made: Mapping[str, MergePlan]) -> Figure:
    """One row per arm, one square per layer: what its parameters weigh in the layer that it ends in."""
    depth = next(iter(made.values())).depth
    figure, axes = plt.subplots(figsize=(8, 3.2), dpi=120)
    for row, (arm, one) in enumerate(made.items()):
        weights = np.ones(depth)
        for group in one.groups:
            weights[list(group.layers)] = group.weights or 0.0
        grouped = {layer for group in one.groups for layer in group.layers}
        for layer, weight in enumerate(weights):
            colour = COLOURS[arm] if layer in grouped else "#D5DAE1"
            hatch = "///" if weight == 0 else None
            axes.barh(
                row, 0.92, left=layer - 0.46, height=0.78, color=colour if weight else "white",
                alpha=0.25 + 0.75 * weight, edgecolor="#566270", hatch=hatch, linewidth=0.6,
            )  # fmt: skip
            if layer in grouped:
                axes.text(layer, row, f"{weight:.2f}" if weight else "gone", ha="center", va="center", fontsize=8)
    axes.set_yticks(range(len(made)), labels=list(made))
    axes.set_xticks(range(depth))
    axes.set_xlabel("layer")
    axes.invert_yaxis()
    axes.set_xlim(-0.6, depth - 0.4)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(length=0)
    axes.set_title(f"{REMOVED} of {depth} layers fewer: what each layer weighs in the one it ends in", fontsize=11)
    figure.tight_layout()
    return figure


def draw_costs(rows: Sequence[Cost]) -> Figure:
    """Perplexity and accuracy over the removed layers, side by side, since each hides what the other shows."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4), dpi=120)
    for arm in COLOURS:
        mine = sorted((one for one in rows if one.name == arm), key=lambda one: one.removed)
        removed = [one.removed for one in mine]
        style = {"color": COLOURS[arm], "marker": MARKERS[arm], "label": arm, "linewidth": 1.6, "markersize": 5}
        left.plot(removed, [one.perplexity for one in mine], **style)
        right.plot(removed, [100 * one.accuracy for one in mine], **style)
    left.set_yscale("log")
    left.set_yticks([2, 5, 10, 20, 40], labels=["2", "5", "10", "20", "40"])
    left.minorticks_off()
    left.set_title("perplexity (lower is better)", fontsize=11)
    right.axhline(25, color="#566270", linewidth=1, linestyle=":")
    right.annotate("chance", (0, 26), fontsize=8, color="#566270")
    right.set_title("accuracy in % (higher is better)", fontsize=11)
    right.set_ylim(20, 101)
    for axes in (left, right):
        axes.set_xlabel("layers removed")
        axes.set_xticks(sorted({one.removed for one in rows}))
        axes.grid(alpha=0.3)
    left.legend(fontsize=8, frameon=False)
    figure.tight_layout()
    return figure


def draw_similarities(similarities: Mapping[str, Similarity]) -> Figure:
    """The two similarities that the arms read, off the diagonal, each on a scale of its own."""
    figure, both = plt.subplots(1, 2, figsize=(8, 3.9), dpi=120)
    for axes, name in zip(both, ("npib", "npib-code"), strict=True):
        _draw_matrix(figure, axes, similarities[name])
    figure.tight_layout()
    return figure


def _draw_matrix(figure: Figure, axes: Axes, similarity: Similarity) -> None:
    values = np.where(np.eye(similarity.layers, dtype=bool), np.nan, similarity.values)
    drawn = axes.imshow(values, cmap="cividis")
    axes.set_title(
        f"{similarity.measure}: {np.nanmin(values):.2f} to {np.nanmax(values):.2f},\n"
        f"diagonal {np.diagonal(similarity.values).min():.2f} to {np.diagonal(similarity.values).max():.2f}",
        fontsize=9,
    )
    axes.set_xlabel("layer")
    axes.set_ylabel("layer")
    figure.colorbar(drawn, ax=axes, shrink=0.8)


def draw_all(out: Path) -> None:
    """Write arms-plans.png, arms-costs.png and arms-similarities.png into `out`."""
    similarities = read_analysis(asset("example")).similarities
    for name, figure in (
        ("plans", draw_plans(plans(similarities))),
        ("costs", draw_costs(costs(asset("demo-model", "figures.json")))),
        ("similarities", draw_similarities(similarities)),
    ):
        # No date and no version inside the file: the same figures draw the same bytes.
        figure.savefig(out / f"arms-{name}.png", metadata={"Software": None})
        plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    draw_all(parser.parse_args().out)


if __name__ == "__main__":
    main()
