"""From the word a user gave to the folder that holds the model: demo, a folder, or a hub id."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from mka.assets import asset
from mka.errors import BadInput
from mka.models.files import first_line

DEMO = "demo"

HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?", re.ASCII)
"""One name, or owner and name."""

CONFIG_PATTERNS = ("*.json", "*.txt", "*.model", "*.jinja", "*.tiktoken")
"""Files of a hub model besides its weights: config, tokenizer, chat template."""
SAFE_PATTERN, PICKLE_PATTERN = "*.safetensors", "pytorch_model*.bin*"


@dataclass(frozen=True)
class HubModel:
    """A model on the hub, at a branch, tag or commit; None is its default branch."""

    name: str
    revision: str | None

    def __str__(self) -> str:
        return f"{self.name}@{self.revision}" if self.revision else self.name


def resolve(source: str | Path, revision: str | None = None) -> Path | HubModel:
    """The folder that `source` names, or the hub model that it could be; BadInput where it is neither.

    A folder wins over a hub id of the same name. A revision, by itself or as "@revision", belongs to hub ids only.
    """
    word = str(source)
    if not word.strip():
        raise BadInput("the model's name is empty; give demo, a folder, or a hub id as owner/name")
    if source == DEMO:
        return _unrevised(asset("demo-model"), word, revision)
    # os.path answers no where pathlib raises: to names too long for the system, or a user that is not there.
    path = os.path.expanduser(word)
    if os.path.isdir(path):
        return _unrevised(Path(path), word, revision)
    if os.path.exists(path):
        raise BadInput(f"{word} is a file, not a model folder; give the folder that holds config.json and the weights")
    name, at, tail = word.partition("@")
    if isinstance(source, Path) or not HUB_ID.fullmatch(name) or name.startswith((".", "-")) or (at and not tail):
        raise BadInput(f"there is no folder {_shown(word)}; check the path, or give demo or a hub id as owner/name")
    if tail and revision is not None and revision != tail:
        raise BadInput(f"two revisions are named, {tail!r} and {revision!r}; name one")
    return HubModel(name, tail or revision)


def _shown(word: str) -> str:
    """The word on one line, at most 200 characters of it."""
    line = " ".join(word.split())
    return line if len(line) <= 200 else f"{line[:200]}..."


def _unrevised(folder: Path, word: str, revision: str | None) -> Path:
    if revision is not None:
        raise BadInput(f"revision {revision!r} belongs to a hub id, but {word} is a folder; leave the revision out")
    return folder


def fetch(model: HubModel, *, code: bool = False) -> Path:
    """The folder of the hub's local copy, fetched if need be; BadInput in one line where it cannot be.

    Pickles are fetched only where there are no safetensors.

    code: also fetch the model's own Python files, which run only if the user trusts them
    """
    patterns = [*CONFIG_PATTERNS, *(["*.py"] if code else [])]
    for weights in (SAFE_PATTERN, PICKLE_PATTERN):
        folder = _snapshot(model, [*patterns, weights])
        if any(folder.glob(weights)):
            return folder
    raise no_weights(model)


def _snapshot(model: HubModel, patterns: list[str]) -> Path:
    from huggingface_hub import snapshot_download  # here, because most models are folders
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    barred = are_progress_bars_disabled()
    disable_progress_bars()
    try:
        return Path(snapshot_download(model.name, revision=model.revision, allow_patterns=patterns))
    except Exception as error:  # network, disk and hub errors of several libraries: each is why it cannot be had
        raise not_fetched(model, error) from error
    finally:
        if not barred:
            enable_progress_bars()


def no_weights(model: HubModel) -> BadInput:
    """The one line for a hub model without weights."""
    return BadInput(
        f"{model} holds neither safetensors nor pytorch_model.bin on the hub; choose another model or revision"
    )


def not_fetched(model: HubModel, error: Exception) -> BadInput:
    """The one line for a hub model that cannot be had."""
    return BadInput(
        f"{model} is no folder here and cannot be fetched from the hub ({first_line(error).rstrip('.:')}); "
        "check the name, the network and your access, or give a folder"
    )
