"""How each measure's time and memory grow with L layers, n points and d features: exponents fitted on a log-log scale.

The peak memory is what numpy allocates beyond the activations themselves.
"""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from mka.analysis.measures import similarity
from mka.objects.measures import MEASURES, WEIGHTS

SIZES: Mapping[str, Sequence[int]] = {"L": (8, 16, 32, 64), "n": (128, 256, 512, 1024), "d": (64, 128, 256, 512)}
AT: Mapping[str, int] = {"L": 16, "n": 256, "d": 128}
"""Where the two sizes stand that do not grow."""
REPEATS = 3
PICTURE = Path(__file__).parent / "results" / "growth.png"


def states(sizes: Mapping[str, int]) -> np.ndarray:
    """A random walk over layers, float32 (L, n, d)."""
    steps = np.random.default_rng(0).standard_normal((sizes["L"], sizes["n"], sizes["d"]), dtype=np.float32)
    return np.cumsum(steps, axis=0)


def seconds(values: np.ndarray, measure: str) -> float:
    """Median of REPEATS runs."""
    taken = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        similarity(values, measure)
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def peak_bytes(values: np.ndarray, measure: str) -> int:
    """The most that was allocated at once during one run."""
    tracemalloc.start()
    try:
        similarity(values, measure)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def exponent(sizes: Sequence[int], figures: Sequence[float]) -> float:
    """The slope of a least-squares line through (log size, log figure), of the larger three sizes: small ones
    measure what every call costs."""
    return float(np.polyfit(np.log(sizes[-3:]), np.log(figures[-3:]), 1)[0])


def grown(measure: str) -> dict[str, dict[str, Any]]:
    """One measure over every size: the figures and the two exponents."""
    found: dict[str, dict[str, Any]] = {}
    for axis, sizes in SIZES.items():
        inputs = [states({**AT, axis: size}) for size in sizes]
        taken = [seconds(values, measure) for values in inputs]
        memory = [peak_bytes(values, measure) for values in inputs]
        found[axis] = {
            "sizes": list(sizes),
            "seconds": taken,
            "bytes": memory,
            "time_exponent": exponent(sizes, taken),
            "memory_exponent": exponent(sizes, memory),
        }
    return found


def measure() -> dict[str, Any]:
    """Every measure that reads activations, embedding included where it needs one."""
    names = [name for name, one in MEASURES.items() if one.needs != WEIGHTS]
    for name in names:
        similarity(states(AT), name)  # compiled and warm
    return {"at": dict(AT), "measures": {name: grown(name) for name in names}}


def draw(found: Mapping[str, Any], path: Path) -> None:
    """Time above, memory beneath, one column per size; both axes logarithmic."""
    figure, panels = plt.subplots(2, len(SIZES), figsize=(11, 6.5), dpi=100, sharey="row")
    for column, axis in enumerate(SIZES):
        for number, (name, one) in enumerate(found.items()):
            colour = plt.colormaps["tab20"](number)
            style = {"marker": "osD^v<>Px*hp"[number % 12], "markersize": 4, "color": colour, "label": name}
            panels[0, column].loglog(one[axis]["sizes"], one[axis]["seconds"], **style)
            panels[1, column].loglog(one[axis]["sizes"], np.array(one[axis]["bytes"]) / 1e6, **style)
        others = ", ".join(f"{other} = {size}" for other, size in AT.items() if other != axis)
        panels[0, column].set_title(f"over {axis} ({others})", fontsize=10)
        panels[1, column].set_xlabel(axis)
        for row in (0, 1):
            panels[row, column].grid(alpha=0.3)
            panels[row, column].set_xticks(SIZES[axis], labels=[str(size) for size in SIZES[axis]])
            panels[row, column].minorticks_off()
    panels[0, 0].set_ylabel("seconds")
    panels[1, 0].set_ylabel("MB at most, besides the activations")
    panels[0, -1].legend(fontsize=7, loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False)
    figure.tight_layout()
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)


def show(found: Mapping[str, Any]) -> None:
    """The exponents as a table."""
    heads = [f"{kind} ~ {axis}^" for kind in ("time", "mem") for axis in SIZES]
    print(f"{'':18}" + "".join(f"{head:>12}" for head in heads))
    for name, one in found["measures"].items():
        figures = [one[axis][kind] for kind in ("time_exponent", "memory_exponent") for axis in SIZES]
        print(f"{name:18}" + "".join(f"{figure:12.2f}" for figure in figures))


def main() -> None:
    found = measure()
    show(found)
    draw(found["measures"], PICTURE)


if __name__ == "__main__":
    main()
