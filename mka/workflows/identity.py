"""Which model it is, so exactly that figures kept of it may stand for new ones; read from its files, without torch."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mka.errors import BadInput
from mka.models.files import weight_files
from mka.models.fingerprint import fingerprint_files
from mka.models.locate import CONFIG_PATTERNS, HubModel, fetch, resolve
from mka.workflows.opening import Opening


def identity(source: str, opening: Opening) -> Mapping[str, Any] | None:
    """All that the model's figures hang on, as plain JSON; None where its files do not tell it.

    The weights by their fingerprint and, since that reads few of their bytes, by size and time; config and tokenizer
    by content; dtype and device as they were asked for. Code that comes with a model may be fetched from elsewhere,
    so a model that is trusted to run it has none; nor has a folder that holds no model, which opening it will tell.
    A hub model is fetched first if it is not here, as opening does. Raises BadInput as finding the model does.
    """
    if opening.trust_remote_code:
        return None
    place = resolve(source, opening.revision)
    folder = fetch(place) if isinstance(place, HubModel) else place
    try:
        return {
            **_files(folder),
            "dtype": opening.dtype,
            "device": opening.device,
            "machine": [platform.machine(), os.environ.get("CUDA_VISIBLE_DEVICES", "")],
        }
    except (BadInput, OSError):
        return None


def _files(folder: Path) -> dict[str, Any]:
    weights = weight_files(folder)
    beside = {path for pattern in CONFIG_PATTERNS for path in folder.glob(pattern) if path.is_file()}
    return {
        "fingerprint": fingerprint_files(weights),
        "weights": [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in weights.paths],
        "files": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in beside},
    }
