"""Runs killed at random moments: what they write is absent or complete, and the next run clears what they left."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny import tiny_model_folder

KILLED = """
import json, os, random, signal, sys, time
from pathlib import Path

import torch
torch.set_num_threads(1)
from mka.merging.checkpoint import save
from mka.merging.merge import merge
from mka.merging.streaming.checkpoint import merge_checkpoint
from mka.models.loading import load
from mka.objects.plan import MergeGroup, MergePlan

folder, place, way, overwrite = sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4] == "overwrite"
plan = MergePlan(6, (MergeGroup((1, 2), (0.5, 0.5)), MergeGroup((3,), method="drop")))

def run(out):
    if way == "stream":
        merge_checkpoint(folder, plan, out, overwrite=overwrite)
    else:
        save(merge(load(folder, device="cpu"), plan), out, overwrite=overwrite)

def held(out):
    return {path.name: path.read_bytes() for path in out.iterdir() if path.name != "mka-receipt.json"}

run(place / "whole")
begun = time.perf_counter()
run(place / "timed")
taken = time.perf_counter() - begun
if overwrite:
    run(place / "m")
whole = {name: content for name, content in held(place / "whole").items() if name != "README.md"}
dice, seen = random.Random(0), []
for moment in range(20):
    child = os.fork()
    if not child:
        run(place / "m")
        os._exit(0)
    time.sleep(dice.random() * 1.2 * taken)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    if (place / "m").exists():
        found = held(place / "m")
        assert found.keys() == whole.keys() | {"README.md"}, sorted(found)
        assert all(found[name] == content for name, content in whole.items())
        seen.append("complete")
        if not overwrite:
            import shutil
            shutil.rmtree(place / "m")
    else:
        seen.append("absent")
left = len([path for path in place.iterdir() if path.name.startswith(".")])
run(place / "m")
print(json.dumps({"seen": seen, "left": left, "after": sorted(path.name for path in place.iterdir())}))
"""


@pytest.mark.parametrize("overwrite", ["", "overwrite"])
@pytest.mark.parametrize("way", ["stream", "memory"])
def test_twenty_killed_runs(tmp_path, way, overwrite):
    folder = tiny_model_folder(tmp_path, layers=6, hidden=64)
    (tmp_path / "place").mkdir()
    command = [sys.executable, "-c", KILLED, str(folder), str(tmp_path / "place"), way, overwrite]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=Path(__file__).parents[3])
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert len(told["seen"]) == 20 and told["after"] == ["m", "timed", "whole"]
