"""Which models the Model page offers by name: the demo, a folder of models, what was exported here."""

from __future__ import annotations

import os
from pathlib import Path

from mka.studio.desk import DEMO
from mka.studio.session import out_folder


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
