"""What the store saves: the same `mka analyze` twice, each a whole command in a process of its own."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMAND = (
    "analyze", "demo", "--measure", "npib,npib-code,cka,cosine,angular,block-influence,copula",
    "--embed", "diffusion,umap", "--limit", "128",
)  # fmt: skip
ROUNDS = 3


def command_seconds(store: Path, out: Path) -> float:
    """One whole command, from the interpreter's start to its end."""
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "mka", *COMMAND, "--out", str(out)],
        check=True, capture_output=True, env={**os.environ, "MKA_STORE": str(store)},
    )  # fmt: skip
    return time.perf_counter() - begun


def measure() -> dict[str, float]:
    """Seconds of a run in an empty store, and the median of ROUNDS more."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        first = command_seconds(place / "store", place / "first")
        again = [command_seconds(place / "store", place / f"again-{number}") for number in range(ROUNDS)]
    return {"first_seconds": first, "again_seconds": statistics.median(again)}


def show(found: dict[str, float]) -> None:
    print(f"mka {' '.join(COMMAND)}")
    print(f"first run {found['first_seconds']:.2f} s; again, from the store {found['again_seconds']:.2f} s")


def main() -> None:
    show(measure())


if __name__ == "__main__":
    main()
