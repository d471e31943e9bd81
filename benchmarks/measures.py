"""Seconds of each cheap measure of similarity at L = 80, n = 1024, d = 1024, float32, and of all together."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from mka.analysis.measures import ESTIMATORS, measured_map, similarity
from mka.objects.embedding import Embedding
from mka.objects.measures import EMBEDDING, MEASURES, WEIGHTS

LAYERS, POINTS, FEATURES = 80, 1024, 1024
WARM_UP = (4, 128, 16)
"""Layers, points, features of a first run that compiles kernels and starts threads."""
REPEATS = 3


def hidden_states(layers: int, points: int, features: int) -> np.ndarray:
    """A residual stream of random steps, variances falling by a power of the feature's number: float32 (L, n, d)."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((layers, points, features), dtype=np.float32)
    values *= np.arange(1, features + 1, dtype=np.float32) ** np.float32(-0.7)
    return np.cumsum(values, axis=0, out=values)


def seconds(run: Callable[[], object], repeats: int) -> float:
    """The median of so many runs."""
    taken = []
    for _ in range(repeats):
        begun = time.perf_counter()
        run()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def measure(repeats: int = REPEATS) -> dict[str, float]:
    """Name -> seconds: each diffusion map that measures share; each cheap measure, of that map where it needs one;
    "together", their sum, as an analysis runs them. Measures of weights, which read no points, are of the demo model.
    """
    small, full = hidden_states(*WARM_UP), hidden_states(LAYERS, POINTS, FEATURES)
    found: dict[str, float] = {}
    maps: dict[str, Embedding] = {}
    for name, fact in MEASURES.items():
        if not fact.cheap:
            continue
        warm, source = {WEIGHTS: ("demo", "demo")}.get(fact.needs, (small, full))
        if fact.needs == EMBEDDING:
            title = f"diffusion map, sigma {ESTIMATORS[name].map_defaults['sigma']}"
            warm = measured_map(small, name)
            if title not in maps:
                maps[title] = measured_map(full, name)
                found[title] = seconds(lambda: measured_map(full, name), repeats)  # noqa: B023
            source = maps[title]
        similarity(warm, name)
        found[name] = seconds(lambda: similarity(source, name), repeats)  # noqa: B023
    return {**found, "together": sum(found.values())}


def show(found: dict[str, float]) -> None:
    print(f"L = {LAYERS}, n = {POINTS}, d = {FEATURES}")
    for name, taken in found.items():
        of_demo = " (of the demo model)" if name in MEASURES and MEASURES[name].needs == WEIGHTS else ""
        print(f"{name}: {taken:.2f} s{of_demo}")


def main() -> None:
    show(measure())


if __name__ == "__main__":
    main()
