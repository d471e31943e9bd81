"""Texts of a hub's dataset, read by the `datasets` library, which is imported only when one is asked for."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mka.data.records import Record, texts_of
from mka.errors import BadInput
from mka.objects.texts import Text

Rows = Iterable[Mapping[str, Any]]
Load = Callable[..., Rows]

FILES = (".txt", ".jsonl", ".csv", ".json", ".tsv", ".parquet", ".gz", ".zip")
"""What a mistyped file ends in; no such word is asked for at a hub."""
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_ID = re.compile(
    rf"(?P<name>{_NAME}/{_NAME})(@(?P<revision>[^@#:\s]+))?(#(?P<config>[^@#:\s]+))?(:(?P<split>[^@#:\s][^@#\s]*))?"
)


@dataclass(frozen=True)
class HubDataset:
    """OWNER/NAME[@REVISION][#CONFIG][:SPLIT]; empty words where they were left out."""

    name: str
    revision: str = ""
    config: str = ""
    split: str = ""


def hub_dataset(word: str) -> HubDataset | None:
    """What the word names at a hub, whether it is there or not; None where it has another form, as a file's name.

    BadInput for OWNER/NAME alone where a folder OWNER stands here: most likely a path with a slip in it, and such a
    word is not sent to anyone.
    """
    matched = _ID.fullmatch(word)
    if matched is None or matched["name"].lower().endswith(FILES):
        return None
    if matched["name"] == word and os.path.isdir(os.path.dirname(word)):
        raise BadInput(
            f"there is no file or folder {word}, though there is a folder {os.path.dirname(word)}; check the path, or "
            f"for the hub's dataset {word} name its split too, as in {word}:train"
        )
    return HubDataset(**{name: matched[name] or "" for name in ("name", "revision", "config", "split")})


def texts_of_hub(
    dataset: HubDataset, word: str, split: str, field: str | None, load: Load | None = None
) -> tuple[Text, ...]:
    """The texts of one split, `dataset.split` or else `split`; records without text are passed over.

    word:  as the user wrote it, for errors: there is no file of that name either
    load:  `datasets.load_dataset` where None; it is called with path, name, revision and split

    The split is downloaded whole, once, into the library's cache. Code of a dataset never runs. Raises BadInput
    where the library is missing, and for whatever it cannot load, as without a network.
    """
    neither = f"there is no file or folder {word}, and as a dataset of the hub it cannot be read"
    if load is None:
        load = _library(neither)
    part = dataset.split or split
    try:
        rows = load(dataset.name, name=dataset.config or None, revision=dataset.revision or None, split=part)
        records = [Record(f"record {number}", dict(row)) for number, row in enumerate(rows, start=1)]
    except Exception as error:  # the library has no family of errors
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise BadInput(
            f"{neither} (split {part!r}: {reason}); check the path, the id, its split (as in {dataset.name}:train) "
            "and the network"
        ) from error
    return texts_of(f"the split {part!r} of {dataset.name}", records, field, holes=True)


def _library(neither: str) -> Load:
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise BadInput(
            f"{neither} without the datasets library; check the path, or install it: pip install 'mka[datasets]'"
        ) from error
    load: Load = load_dataset
    return load
