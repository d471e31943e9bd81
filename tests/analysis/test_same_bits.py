"""The same numbers to the bit: for any number of threads, order of calls, process, and set of layers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mka.analysis.measures import similarity
from mka.objects.measures import MEASURES, WEIGHTS

Array = np.ndarray

POOLED = {"mahalanobis"}
"""Measures whose unit comes from all layers, so that a pair's value hangs on the others."""
OF_PAIRS = [name for name, measure in MEASURES.items() if measure.needs != WEIGHTS and name not in POOLED]

MEASURED = """
import hashlib, json, sys
import numpy as np
from mka.analysis.measures import similarity
from mka.objects.measures import MEASURES, WEIGHTS

order, folder = sys.argv[1:]
values = np.cumsum(np.random.default_rng(0).normal(size=(9, 150, 260)), axis=0).astype(np.float32)
names = list(MEASURES) if order == "forward" else list(MEASURES)[::-1]
hashes = {}
for name in names:
    found = similarity(folder if MEASURES[name].needs == WEIGHTS else values, name).values
    assert np.isfinite(found).all()
    hashes[name] = hashlib.sha256(found.tobytes()).hexdigest()
print(json.dumps(hashes))
"""


def measured(threads: int, order: str, folder: Path) -> dict[str, str]:
    """Measure name -> hash of its matrix, by a process of its own whose libraries may use so many threads."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    environment = {**os.environ, **dict.fromkeys(names, str(threads))}
    run = subprocess.run(
        [sys.executable, "-c", MEASURED, order, str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return dict(json.loads(run.stdout))


def test_threads_order_and_process_change_no_bit(tiny_llama_folder: Path) -> None:
    assert measured(1, "forward", tiny_llama_folder) == measured(2, "backward", tiny_llama_folder)


@pytest.mark.parametrize("measure", OF_PAIRS)
def test_a_pair_hangs_on_no_other_layer(measure: str) -> None:
    rng = np.random.default_rng(1)
    values = np.cumsum(rng.normal(size=(53, 66, 37)), axis=0).astype(np.float32)
    whole = similarity(values, measure).values
    some = np.sort(rng.permutation(53)[:11])
    np.testing.assert_array_equal(similarity(values[some], measure).values, whole[np.ix_(some, some)])
