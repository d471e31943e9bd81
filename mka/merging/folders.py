"""A folder that is written beside its place and takes it only when it is whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from mka.errors import BadInput, RunFailed
from mka.merging.leftovers import aside_of, clear_leftovers, held
from mka.models.files import first_line
from mka.places import beside, check_length, foreign, parents_made, standing_parent, taken

MARKER = "config.json"
WEIGHTS = ("*.safetensors", "*.bin")
TOKENIZER = tuple(
    """tokenizer*.json special_tokens_map.json added_tokens.json vocab.json vocab.txt merges.txt tekken.json *.model
    *.tiktoken chat_template.* additional_chat_templates/""".split()
)
"""What a tokenizer is made of."""
CHECKPOINT = (
    *TOKENIZER,
    *"""config.json generation_config.json *processor_config.json configuration_*.py modeling_*.py
    *.safetensors *.safetensors.index.json *.bin *.bin.index.json tokenization_*.py
    mka-plan.json mka-receipt.json README.md""".split(),
)
"""What a checkpoint is made of. A folder that holds anything else is never overwritten."""


def check_place(folder: Path, *, overwrite: bool, source: str) -> None:
    """BadInput where a checkpoint may not be written to `folder`; what killed runs to this place left is cleared.

    Nothing that exists is replaced unless `overwrite`; even then only an empty folder or one that holds a model and
    nothing else, and never the folder `source`, which the model was read from, nor one around it or in it. `source`
    may be no folder.
    """
    if folder.name in ("", ".."):
        raise BadInput(f"{str(folder)!r} names no folder to write; choose a name")
    check_length(folder)
    if any(0xD800 <= ord(letter) <= 0xDFFF for letter in str(folder)):
        raise BadInput(f"{folder} is no UTF-8, which tokenizers are written to alone; choose another name")
    _check_parent(folder)
    if source and Path(source).is_dir() and _real(folder).parent.is_relative_to(_real(source)):
        raise BadInput(f"{folder} would lie inside the model that is read, {source}; choose another place")
    clear_leftovers(folder, CHECKPOINT)
    if not os.path.lexists(folder):
        return
    if folder.is_symlink() or not folder.is_dir():
        raise BadInput(f"{folder} exists and is not a folder; choose another place")
    if not overwrite:
        raise BadInput(
            f"{folder} exists already; choose another folder or allow overwriting (--overwrite, or overwrite=True)"
        )
    if source and Path(source).is_dir() and _real(source).is_relative_to(_real(folder)):
        raise BadInput(f"{folder} holds the model that was merged; choose another folder")
    if any(folder.iterdir()):
        _check_checkpoint(folder)


def _check_parent(folder: Path) -> None:
    """The place is below folders that are there, or can be made, and that one may write to."""
    parent = next(parent for parent in folder.absolute().parents if os.path.lexists(parent))
    if parent.is_symlink() and not parent.exists():
        raise BadInput(f"{folder} would lie below {parent}, a link that leads nowhere; choose another place")
    if not parent.is_dir():
        raise BadInput(f"{folder} would lie below a file, {parent}; choose another place")
    if not os.access(parent, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        raise BadInput(f"{folder} cannot be written: you may not write to {parent}; choose another place")


def _real(path: str | Path) -> Path:
    """Without links. `Path.resolve` raises where they lead in a circle."""
    return Path(os.path.realpath(path))


def _check_checkpoint(folder: Path) -> None:
    if not (folder / MARKER).is_file() or not any(any(folder.glob(pattern)) for pattern in WEIGHTS):
        raise BadInput(
            f"{folder} holds files but no model ({MARKER} and weights), so it is not overwritten; choose another folder"
        )
    stranger = foreign(folder, CHECKPOINT)
    if stranger is not None:
        raise BadInput(
            f"{folder} also holds {stranger}, which is no part of a model, so it is not overwritten; "
            "move that, or choose another folder"
        )


def check_space(folder: Path, needed: int) -> None:
    """BadInput where the disk of `folder` has fewer than `needed` bytes left."""
    free = shutil.disk_usage(standing_parent(folder)).free
    if free < needed:
        raise BadInput(
            f"{folder} needs {needed / 1e6:,.0f} MB and the disk has {free / 1e6:,.0f} MB left; "
            "free some space or choose another place"
        )


@contextmanager
def taking_place(folder: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A new folder beside `folder` to write into, which takes its place when the block ends without an error.

    Without `overwrite` it takes the place of nothing but an empty folder that stood there from the beginning.
    RunFailed in one line where the disk refuses or the place is taken meanwhile. Whatever goes wrong, also on
    cancelling, what stood at `folder` stays and nothing else is left.
    """
    fresh = beside(folder)
    aside = aside_of(fresh)
    stood = os.path.lexists(folder)
    try:
        with parents_made(folder), _swept(folder, fresh, aside), held(fresh):
            yield fresh
            if overwrite and folder.exists():
                os.rename(folder, aside)
            elif os.path.lexists(folder) and not stood:
                raise taken(folder)
            os.rename(fresh, folder)  # which fails where the folder holds something
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or first_line(error)
        raise RunFailed(
            f"{folder} could not be written ({reason}); nothing was left behind, "
            "free some space or choose another place"
        ) from error


@contextmanager
def _swept(folder: Path, fresh: Path, aside: Path) -> Iterator[None]:
    """Put back what was moved `aside` unless something took its place, and remove what is left over."""
    try:
        yield
    finally:
        if aside.exists() and not folder.exists():
            os.rename(aside, folder)
        for leftover in (fresh, aside):
            shutil.rmtree(leftover, ignore_errors=True)
