"""Merging on disk and in memory: seconds and memory beside `cp`, load-merge-save and mergekit.

    python -m benchmarks.merge             (`make bench-merge`; minutes, and 10 GB of disk)

A 3 GB bfloat16 Llama of random weights is made in a temporary folder and removed afterwards. Each contestant runs in a
process of its own, and they take turns. Seconds are told by the clock, which a busy machine slows, and of the cores.
Copying and merging as a stream are also timed until the disk holds what was written, beyond the system's memory.
Peaks of memory are told above that of a process that imports transformers and builds this model on the meta device.
The variable MERGEKIT names a `mergekit-yaml` to compare with; without it that row is left out.
Prints a table with ratios and writes results/merge.json beside this file.
"""

from __future__ import annotations

import json
import mmap
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.timing import medians
from mka.analysis.parallel import cores
from mka.objects.jsonable import jsonable
from mka.objects.plan import MergeGroup, MergePlan
from mka.workflows.versions import versions

RESULTS = Path(__file__).parent / "results" / "merge.json"
MERGEKIT = "MERGEKIT"
SIZES = {
    "vocab_size": 32_000, "hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 28,
    "num_attention_heads": 16, "num_key_value_heads": 16, "tie_word_embeddings": True,
}  # fmt: skip
SHARDS = "1GB"
PLAN = MergePlan(28, tuple(MergeGroup((layer, layer + 1), (0.6, 0.4)) for layer in range(3, 27, 2)))
"""Twelve pairs become twelve layers."""
ROUNDS = 3
TRIES = 100
DISK = ", until on the disk"
ROW = "{:40} {:>8} {:>7} {:>11} {:>7} {:>9}"


def make_model(folder: Path) -> None:
    """The model and a tokenizer; every number is drawn, so that no two pieces are alike."""
    import torch
    from transformers import AutoModelForCausalLM, LlamaConfig

    from tests.tiny import byte_tokenizer

    network = AutoModelForCausalLM.from_config(LlamaConfig(**SIZES), dtype=torch.bfloat16)
    network.save_pretrained(folder, max_shard_size=SHARDS)
    byte_tokenizer(int(network.config.max_position_embeddings)).save_pretrained(folder)


def bare(folder: Path, out: Path) -> None:
    """What every contestant's memory is told above: transformers, and this model on the meta device."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    with torch.device("meta"):
        AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder))


def streamed(folder: Path, out: Path) -> None:
    from mka.merging.streaming.checkpoint import merge_checkpoint

    merge_checkpoint(folder, PLAN, out)


def by_hand(folder: Path, out: Path) -> None:
    """Load, merge, save, and nothing else: no fingerprint, no receipt, no verification."""
    import torch
    from transformers import AutoModelForCausalLM

    network = AutoModelForCausalLM.from_pretrained(folder)
    layers = list(network.model.layers)
    kept = []
    with torch.no_grad():
        for place in PLAN.layer_map:
            first = layers[place[0]]
            for other, weight in zip(place[1:], [group.weights[1] for group in PLAN.groups], strict=False):
                for ours, theirs in zip(first.parameters(), layers[other].parameters(), strict=True):
                    ours.lerp_(theirs, weight)
            kept.append(first)
    network.model.layers = torch.nn.ModuleList(kept)
    network.config.num_hidden_layers = len(kept)
    network.save_pretrained(out)


def in_memory(folder: Path, out: Path) -> None:
    """`mka merge` without --stream: receipt, and verification by loading what was written."""
    from mka import load, merge, save

    save(merge(load(folder, device="cpu"), PLAN), out)


INSIDE: Mapping[str, Callable[[Path, Path], None]] = {
    "bare": bare, "streamed": streamed, "by hand": by_hand, "in memory": in_memory
}  # fmt: skip
"""Contestants that are called in a process that has imported what they need."""


def one(name: str, folder: Path, out: Path) -> dict[str, float]:
    """Run a contestant here: its seconds without the imports, and the peak of this process in bytes."""
    import transformers  # noqa: F401

    import mka.merging.checkpoint
    import mka.merging.streaming.checkpoint
    import mka.models.loading  # noqa: F401

    bare(folder, out)
    begun, busy = time.perf_counter(), time.process_time()
    INSIDE[name](folder, out)
    return {
        "seconds": time.perf_counter() - begun,
        "cpu_seconds": time.process_time() - busy,
        "peak": peak_bytes(),
    }


def peak_bytes() -> int:
    """The largest resident set of this process, mapped pages of files among it."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


def apart(name: str, folder: Path, out: Path) -> dict[str, float]:
    """`one` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.merge", name, str(folder), str(out)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def outside(*command: str | Path) -> dict[str, float]:
    """A whole command, from its start to its end."""
    begun, busy = time.perf_counter(), children_seconds()
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
    return {"seconds": time.perf_counter() - begun, "cpu_seconds": children_seconds() - busy}


def until_on_disk(out: Path, run: Callable[[Path], dict[str, float]]) -> dict[str, float]:
    """A run, and what it takes from then on until every byte of every file is on the disk."""
    os.sync()  # what earlier runs left to be written is not this one's
    told = run(out)
    begun, busy = time.perf_counter(), time.process_time()
    for path in out.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    waited, used = time.perf_counter() - begun, time.process_time() - busy
    return told | {"seconds": told["seconds"] + waited, "cpu_seconds": told["cpu_seconds"] + used}


def children_seconds() -> float:
    """Processor seconds of all finished child processes."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def mergekit_config(folder: Path, path: Path) -> Path:
    """The same merge in mergekit's words; it tells layers of one model apart only by the names of their models."""
    aliases = [str(folder), f"{folder}/."]
    slices = []
    weights = {group.layers: group.weights for group in PLAN.groups}
    for place in PLAN.layer_map:
        sources = [
            {"model": alias, "layer_range": [layer, layer + 1], "parameters": {"weight": weight}}
            for alias, layer, weight in zip(aliases, place, weights.get(place, (1.0,)), strict=False)
        ]
        slices.append({"sources": sources})
    config = {"merge_method": "linear", "parameters": {"normalize": False}, "dtype": "bfloat16", "slices": slices}
    path.write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML
    return path


def contestants(folder: Path, place: Path) -> dict[str, Callable[[Path], dict[str, float]]]:
    """Name -> a run that writes to the path it is given."""
    plan = place / "plan.json"
    plan.write_text(json.dumps(PLAN.to_json()), encoding="utf-8")
    command = [sys.executable, "-m", "mka", "merge", folder, plan, "--stream", "--out"]
    found: dict[str, Callable[[Path], dict[str, float]]] = {
        "cp": lambda out: outside("cp", "-r", folder, out),
        "streamed": lambda out: apart("streamed", folder, out),
        "mka merge --stream, the whole command": lambda out: outside(*command, out),
        f"cp{DISK}": lambda out: until_on_disk(out, lambda out: outside("cp", "-r", folder, out)),
        f"streamed{DISK}": lambda out: until_on_disk(out, lambda out: apart("streamed", folder, out)),
        "by hand": lambda out: apart("by hand", folder, out),
        "in memory": lambda out: apart("in memory", folder, out),
    }
    if os.environ.get(MERGEKIT):
        config = mergekit_config(folder, place / "mergekit.yaml")
        found["mergekit, the whole command"] = lambda out: mergekit(os.environ[MERGEKIT], config, out)
    return found


def mergekit(program: str, config: Path, out: Path) -> dict[str, float]:
    """mergekit-yaml, and the peak of its process."""
    timed = [sys.executable, "-c", WATCH, program, config, out, "--lazy-unpickle"]
    begun, busy = time.perf_counter(), children_seconds()
    done = subprocess.run([str(word) for word in timed], check=True, capture_output=True, text=True)
    return {
        "seconds": time.perf_counter() - begun,
        "cpu_seconds": children_seconds() - busy,
        "peak": 1024.0 * int(done.stdout.splitlines()[-1]),
    }


WATCH = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=sys.stderr)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def on_disk(place: Path, rounds: int = ROUNDS) -> dict[str, Any]:
    """Medians of rounds in turn, after one round to warm up, and how the written tensors compare."""
    folder, out = place / "model", place / "out"
    make_model(folder)
    runs = contestants(folder, place)
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    busy: dict[str, list[float]] = {name: [] for name in runs}
    peaks: dict[str, float] = {}
    floor = apart("bare", folder, out)["peak"]
    for number in range(rounds + 1):
        for name, run in runs.items():
            told = run(out)
            shutil.rmtree(out)
            if number:
                seconds[name].append(told["seconds"])
                busy[name].append(told["cpu_seconds"])
            if "peak" in told:
                peaks[name] = max(peaks.get(name, 0.0), told["peak"] - floor)
    taken, used = ({name: statistics.median(times) for name, times in one.items()} for one in (seconds, busy))
    return {
        "bytes": sum(path.stat().st_size for path in folder.glob("*.safetensors")),
        "layers": [PLAN.depth, PLAN.layers_after],
        "rounds": rounds,
        "seconds": taken,
        "all_seconds": seconds,
        "cpu_seconds": used,
        "of_cp": {name: one / taken["cp"] for name, one in taken.items()},
        "cpu_of_cp": {name: one / used["cp"] for name, one in used.items()},
        "bytes_above_bare": peaks,
        "units_in_the_last_place": farthest(folder, place),
    }


def farthest(folder: Path, place: Path) -> int:
    """The largest distance of a streamed tensor from the in-memory merge's, in units in the last place."""
    import torch
    from safetensors import safe_open

    from mka import load, merge

    streamed(folder, place / "out")
    state = merge(load(folder, device="cpu"), PLAN).model.network.state_dict()
    apart_by = 0
    for path in (place / "out").glob("*.safetensors"):
        with safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118
                ours, theirs = (one.view(torch.int16).int() for one in (file.get_tensor(name), state[name]))
                apart_by = max(apart_by, int((ours - theirs).abs().max()))
    shutil.rmtree(place / "out")
    return apart_by


def in_one_process(place: Path) -> dict[str, float]:
    """Medians in ms of merging two layers of a loaded model, beside copying one; and what TRIES merges leave."""
    import torch

    from mka import load, merge

    def anew(tensor: torch.Tensor) -> torch.Tensor:
        """A copy in memory that the process has never had."""
        memory = torch.frombuffer(mmap.mmap(-1, tensor.nbytes), dtype=tensor.dtype)
        return memory.copy_(tensor.detach().view(-1))

    model = load(place / "model", device="cpu")
    plan = MergePlan(PLAN.depth, (MergeGroup((10, 11), (0.6, 0.4)),))
    layer = list(model.stack.layers[10].parameters())
    copies = [torch.empty_like(tensor) for tensor in layer]
    seconds = medians(
        {
            "memcpy": lambda: [copy.copy_(tensor) for copy, tensor in zip(copies, layer, strict=True)],
            "copy anew": lambda: [anew(tensor) for tensor in layer],
            "merge": lambda: merge(model, plan),
        }
    )
    before = resident_bytes()
    for _ in range(TRIES):
        merge(model, plan)
    return {
        **{name: 1000 * taken for name, taken in seconds.items()},
        "layer_bytes": sum(tensor.nbytes for tensor in layer),
        "left_by_merges": resident_bytes() - before,
    }


def resident_bytes() -> int:
    """What of this process is in memory now."""
    return resource.getpagesize() * int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])


def show(found: Mapping[str, Any]) -> None:
    disk = found["disk"]
    before, after = disk["layers"]
    print(f"{disk['bytes'] / 1e9:.2f} GB of bfloat16, {before} layers become {after}; load {found['load']}")
    print(ROW.format("", "seconds", "of cp", "CPU seconds", "of cp", "MiB above"))
    for name, taken in disk["seconds"].items():
        above = disk["bytes_above_bare"].get(name)
        told = "" if above is None else f"{above / 2**20:,.0f}"
        used, ratio = disk["cpu_seconds"][name], disk["cpu_of_cp"][name]
        print(ROW.format(name, f"{taken:.2f}", f"{disk['of_cp'][name]:.2f}", f"{used:.2f}", f"{ratio:.2f}", told))
    ratio = disk["seconds"][f"streamed{DISK}"] / disk["seconds"][f"cp{DISK}"]
    print(f"streamed takes {ratio:.2f} times as long as cp until both are on the disk")
    print(f"streamed and in-memory tensors: {disk['units_in_the_last_place']} units in the last place apart at most")
    memory = found["memory"]
    print(
        f"in memory, two layers of {memory['layer_bytes'] / 1e6:.0f} MB: {memory['merge']:.0f} ms, "
        f"{memory['merge'] / memory['memcpy']:.1f} times copying one ({memory['memcpy']:.0f} ms) and "
        f"{memory['merge'] / memory['copy anew']:.1f} times copying one to memory that is new "
        f"({memory['copy anew']:.0f} ms); {TRIES} merges left {memory['left_by_merges'] / 2**20:.1f} MiB"
    )


def main() -> None:
    if len(sys.argv) > 1:
        name, folder, out = sys.argv[1:]
        print(json.dumps(one(name, Path(folder), Path(out))))
        return
    found: dict[str, Any] = {
        "machine": {"cores": cores(), "processor": platform.machine()},
        "versions": versions(),
        "load": [round(number, 2) for number in os.getloadavg()],
    }
    with tempfile.TemporaryDirectory(prefix="mka-bench-") as place:
        found["disk"] = on_disk(Path(place))
        found["memory"] = in_one_process(Path(place))
    show(found)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(jsonable(found), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
