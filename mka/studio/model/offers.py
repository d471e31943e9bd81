"""What the Model page offers by name: the demo, a folder of models, what was exported here; the machine's devices."""

from __future__ import annotations

import os
import platform
from importlib.util import find_spec
from pathlib import Path

from mka.models.memory import ITEM_BYTES
from mka.studio.visits.desk import DEMO
from mka.studio.visits.session import out_folder

AUTO = "auto"
DTYPES = (AUTO, *ITEM_BYTES)
NVIDIA = Path("/proc/driver/nvidia/gpus")


def offered_models() -> list[str]:
    """demo, then every checkpoint folder directly below MKA_MODELS and below the exports, sorted by name."""
    named = os.environ.get("MKA_MODELS")
    roots = [Path(named)] if named else []
    return [DEMO, *(str(folder) for root in (*roots, out_folder()) for folder in checkpoints(root))]


def checkpoints(root: Path) -> list[Path]:
    """The folders directly below `root` that hold a model's config; none where `root` cannot be read."""
    try:
        return sorted(folder for folder in root.iterdir() if (folder / "config.json").is_file())
    except OSError:
        return []


def offered_devices() -> list[str]:
    """auto, cpu and the accelerators that both this machine and the installed torch have; torch is not asked, since
    that would import it."""
    return [AUTO, "cpu", *(_cuda(NVIDIA) if _torch_has("torch_cuda") else ()), *_mps()]


def _cuda(folder: Path) -> list[str]:
    """One word per GPU that the driver shows and CUDA_VISIBLE_DEVICES leaves."""
    try:
        count = sum(1 for _ in folder.iterdir())
    except OSError:
        return []
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        count = min(count, len([word for word in visible.split(",") if word.strip() not in ("", "-1")]))
    return ["cuda", *(f"cuda:{number}" for number in range(1, count))] if count else []


def _mps() -> list[str]:
    apple = platform.system() == "Darwin" and platform.machine() == "arm64"
    return ["mps"] if apple and _torch_has("torch_cpu") else []


def _torch_has(library: str) -> bool:
    """Whether torch was installed with this library of its own."""
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return False
    return any((Path(spec.origin).parent / "lib").glob(f"*{library}.*"))
