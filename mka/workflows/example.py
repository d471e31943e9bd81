"""Compute the bundled example: what the studio shows before anything is loaded.

    python -m mka.workflows.example --out assets/example --overwrite

Repeated on the same machine, it gives the same figures.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mka.objects.measures import MEASURES
from mka.objects.methods import METHODS
from mka.objects.progress import Progress, silent
from mka.workflows.analysis import analyze, write_analysis
from mka.workflows.opening import Opening

EMBEDDINGS = tuple(METHODS)
TEXTS = 256
"""Enough for 4 x 4 cells with 16 texts each; the folder stays well under 1.5 MB with float64 figures."""


def write_example(
    folder: Path,
    *,
    source: str = "demo",
    calibration: str = "demo",
    overwrite: bool = False,
    progress: Progress = silent,
) -> None:
    """Analyze the demo model on TEXTS of its development texts, drawn with seed 0, and write the folder."""
    model = Opening(dtype="float32", device="cpu").model(source, progress=progress)
    analysis = analyze(
        model, calibration, measures=tuple(MEASURES), embeddings=EMBEDDINGS, limit=TEXTS, seed=0, progress=progress
    )
    write_analysis(analysis, folder, overwrite=overwrite)


def main() -> None:
    """Read the arguments and write the example."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--overwrite", action="store_true")
    arguments = parser.parse_args()
    write_example(arguments.out, overwrite=arguments.overwrite)


if __name__ == "__main__":
    main()
