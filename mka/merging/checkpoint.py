"""A merged model as a folder that any tool loads: weights, tokenizer, configs, plan, receipt and card."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from transformers import GenerationConfig, PreTrainedModel
from transformers.utils import logging as transformers_logging

from mka.errors import RunFailed
from mka.merging.card import CARD, model_card
from mka.merging.folders import check_place, check_space, taking_place
from mka.merging.merged import MergedModel
from mka.merging.verification import Agreement, verify
from mka.models.files import first_line
from mka.models.lineage import PLAN
from mka.objects.jsonable import jsonable
from mka.objects.plan import MergePlan
from mka.objects.progress import Cancel, Progress, silent
from mka.objects.receipt import Receipt
from mka.objects.report import Report
from mka.planning.files import plan_text

RECEIPT, GENERATION = "mka-receipt.json", "generation_config.json"
SHARD = "5GB"
SMALL_FILES = 1_000_000
"""Bytes kept free for what is written beside the weights."""
STEPS = 3
"""Write, reload and compare, take the place."""


def save(
    merged: MergedModel,
    folder: str | Path,
    *,
    overwrite: bool = False,
    report: Report | None = None,
    progress: Progress = silent,
    cancel: Cancel | None = None,
) -> Receipt:
    """Write a Hugging Face folder: safetensors, tokenizer, config, generation config, card, plan and receipt.

    It is written beside its place, loaded again and compared with `merged` in memory (see `verification.py`), and
    only then renamed. Returns the receipt with `verified` and `folder` set. `report` puts figures into the card.

    Raises BadInput for a folder that exists, unless `overwrite` and it holds a model other than the source and
    nothing else; RunFailed for a disk that fills or refuses, for a folder that came to exist meanwhile and for a
    model that does not come back as it was; Cancelled. In each case nothing is left behind and what stood there
    stays.
    """
    folder = Path(folder).expanduser()
    check_place(folder, overwrite=overwrite, source=merged.source.network.name_or_path or "")
    check_space(folder, merged.receipt.bytes_after + SMALL_FILES)
    with taking_place(folder, overwrite=overwrite) as fresh:
        _step(0, progress, cancel)
        _write_model(merged, fresh)
        _step(1, progress, cancel)
        agreed = verify(merged.model, fresh, merged.source)
        _step(2, progress, cancel)
        receipt = replace(merged.receipt, verified=agreed.difference, folder=str(folder))
        write_papers(fresh, merged.plan, receipt, agreed, name=folder.name, report=report)
        _open_to_readers(fresh)
    progress("save", STEPS, STEPS)
    return receipt


def write_papers(
    folder: Path,
    plan: MergePlan,
    receipt: Receipt,
    agreed: Agreement | None,
    *,
    name: str,
    report: Report | None = None,
) -> None:
    """Plan, receipt and card of a checkpoint called `name`; `agreed` is None where it was not loaded again."""
    card = model_card(plan, receipt, report, name=name, tolerance=None if agreed is None else agreed.tolerance)
    (folder / PLAN).write_text(plan_text(plan), encoding="utf-8", errors="backslashreplace")
    (folder / RECEIPT).write_text(json.dumps(jsonable(receipt), indent=2) + "\n", encoding="utf-8")
    (folder / CARD).write_text(card, encoding="utf-8", errors="backslashreplace")


def _step(done: int, progress: Progress, cancel: Cancel | None) -> None:
    if cancel is not None:
        cancel.check()
    progress("save", done, STEPS)


def _write_model(merged: MergedModel, folder: Path) -> None:
    network = merged.model.network
    try:
        with _without_bar(), _generation_config_written_to(folder, network):
            network.save_pretrained(folder, max_shard_size=SHARD)
            merged.model.tokenizer.save_pretrained(folder)
    except (ValueError, TypeError, RuntimeError, MemoryError) as error:  # what transformers raises for its own reasons
        raise RunFailed(f"the model cannot be written ({first_line(error)}); nothing was left behind") from error


def _open_to_readers(folder: Path) -> None:
    """Give the weights, which are written for their owner alone, the permissions of the other files."""
    mode = (folder / CARD).stat().st_mode
    for weights in folder.glob("*.safetensors"):
        weights.chmod(mode)


@contextmanager
def _generation_config_written_to(folder: Path, network: PreTrainedModel) -> Iterator[None]:
    """Write the generation config as it is.

    transformers loads configs whose sampling settings contradict each other, as published models have them, but
    refuses to save them; so it is given a plain one to save, and the model's own is put in its place.
    """
    own = network.generation_config
    network.generation_config = GenerationConfig()
    try:
        yield
    finally:
        network.generation_config = own
    if own is not None:
        own.to_json_file(folder / GENERATION)


@contextmanager
def _without_bar() -> Iterator[None]:
    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()
