"""A streamed merge: a folder and a plan become a folder, and at no time is the model in memory."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from transformers import GenerationConfig, PreTrainedModel

from mka.errors import BadInput
from mka.merging import verification
from mka.merging.checkpoint import GENERATION, SHARD, SMALL_FILES, write_papers
from mka.merging.crew import ahead, crew
from mka.merging.folders import TOKENIZER, check_place, check_space, taking_place
from mka.merging.layer_merge import check_group, doubt
from mka.merging.ledger import Ledger, Noted, change
from mka.merging.merge import merge
from mka.merging.receipts import Changes
from mka.merging.streaming.passes import OpenFiles
from mka.merging.streaming.pieces import Bench, ranges, reserve
from mka.merging.streaming.shards import Layout, Shard, lay_out
from mka.merging.streaming.source import StreamSource, open_source
from mka.merging.streaming.tensor_plan import Target, TensorPlan, tensor_plan
from mka.merging.streaming.written import check_written
from mka.models.lineage import heir
from mka.models.loading import load
from mka.models.weightless import weightless
from mka.objects.plan import MergePlan
from mka.objects.progress import Cancel, Progress, silent
from mka.objects.receipt import Receipt, TensorChange
from mka.planning.files import check_fits

STAGE = "stream"


def merge_checkpoint(
    folder: str | Path,
    plan: MergePlan,
    out: str | Path,
    *,
    overwrite: bool = False,
    verify: bool = False,
    any_model: bool = False,
    revision: str | None = None,
    progress: Progress = silent,
    cancel: Cancel | None = None,
) -> Receipt:
    """Merge a model on disk into a new folder, file to file, without loading it.

    Writes what `merge` and `save` would: an averaged layer's tensors to the bit, every other tensor's own bytes, the
    shards and index of transformers, tokenizer, configs, plan, receipt and card. Each tensor keeps the dtype it is
    stored in. Before the folder takes its place, every name, shape and dtype in it is compared with the network that
    its config describes, built without weights.

    folder:   a model folder, "demo" or a hub id
    verify:   also load both models, merge in memory and compare logits, as `save` does; needs room for both
    Others as in `merge` and `save`. `progress` counts tensors.

    Raises BadInput for whatever `load`, `merge` and `save` refuse, for a plan with a repair, which needs activations,
    and for files whose names transformers alone can read; RunFailed for a disk that fills or refuses and for a folder
    that does not hold what its config describes; Cancelled. In each case nothing is left behind.
    """
    out = Path(out).expanduser()
    if plan.repair != "none":
        raise BadInput(f"the plan asks for the repair {plan.repair!r}; a repair needs activations: leave --stream out")
    source = open_source(folder, revision)
    check_place(out, overwrite=overwrite, source=str(source.folder))
    job = _job(source, plan, any_model)
    check_space(out, job.layout.nbytes + SMALL_FILES)
    with taking_place(out, overwrite=overwrite) as fresh:
        _write_configs(job.network, source.folder, fresh)
        changes = _write_weights(job, fresh, progress, cancel)
        check_written(fresh, job.tensors.targets, source.dtype)
        receipt = replace(_receipt(job, changes), folder=str(out))
        agreed = _reloaded(source, job.plan, fresh) if verify else None
        if agreed is not None:
            receipt = replace(receipt, verified=agreed.difference)
        write_papers(fresh, job.plan, receipt, agreed, name=out.name)
    return receipt


@dataclass(frozen=True)
class _Job:
    """What is to be written, told before anything is.

    network: of the new config, on the meta device
    """

    source: StreamSource
    plan: MergePlan
    network: PreTrainedModel
    config_changes: tuple[tuple[str, str, str], ...]
    tensors: TensorPlan
    layout: Layout


def _job(source: StreamSource, plan: MergePlan, any_model: bool) -> _Job:
    plan = heir(plan, source.made_by)
    stack = source.stack
    check_fits(plan, depth=stack.depth, fingerprint=source.fingerprint, any_model=any_model)
    for group in plan.groups:
        check_group(group, list(stack.layers), stack.layer_types)
    config, config_changes = stack.remap_config(source.network.config, plan.layer_map)
    network = weightless(config, source.dtype)
    tensors = tensor_plan(source, plan, network)
    layout = lay_out(tensors.targets, parameters=network.num_parameters(), largest=SHARD)
    return _Job(source, plan, network, config_changes, tensors, layout)


def _write_configs(network: PreTrainedModel, source: Path, folder: Path) -> None:
    """Config, generation config and tokenizer, as `save` would write them."""
    network.config.architectures = [type(network).__name__]
    network.config.dtype = str(network.dtype).removeprefix("torch.")
    network.config.save_pretrained(folder)
    if network.can_generate():
        _generation_config(source).to_json_file(folder / GENERATION)
    for pattern in TOKENIZER:
        for path in sorted(source.glob(pattern.rstrip("/"))):
            if path.is_dir():
                shutil.copytree(path, folder / path.name)
            else:
                shutil.copyfile(path, folder / path.name)


def _generation_config(source: Path) -> GenerationConfig:
    """The source's own, or what its config says of generating, as transformers reads it with a model."""
    if (source / GENERATION).is_file():
        return GenerationConfig.from_pretrained(source, local_files_only=True)
    return GenerationConfig.from_pretrained(
        source, config_file_name="config.json", _from_model_config=True, local_files_only=True
    )


def _write_weights(job: _Job, folder: Path, progress: Progress, cancel: Cancel | None) -> Changes:
    """Write every shard and the index; what changed, and its hash."""
    steps = _steps(len(job.tensors.targets), progress, cancel)
    next(steps)
    with ExitStack() as opened:
        files = OpenFiles(opened)
        outs = [opened.enter_context((folder / shard.file).open("xb", buffering=0)) for shard in job.layout.shards]
        with crew() as workers:
            ledger, notes = Ledger(workers), list[list[Noted]]()
            numbers, bench = [out.fileno() for out in outs], Bench(files, ledger)
            copying = _copy(job.layout.shards, numbers, bench, workers)
            merging = _merge(job, numbers, bench, notes)
            for tensors, begun in ahead(_by_turns(copying, merging)):
                for future in begun:
                    future.result()
                steps.send(tensors)
    if job.layout.index is not None:
        name, text = job.layout.index
        (folder / name).write_text(text, encoding="utf-8")
    return Changes(tuple(map(_change, job.tensors.changed, notes)), ledger.hash)


Begun = tuple[int, Sequence[Future[Any]]]
"""A number of tensors, and the work that is to be done until they stand in their files."""


def _copy(shards: Sequence[Shard], outs: Sequence[int], bench: Bench, workers: ThreadPoolExecutor) -> Iterator[Begun]:
    """Begin every shard: its place on the disk, its header, and what of it is copied."""
    for shard, out in zip(shards, outs, strict=True):
        reserve(out, shard.nbytes)
        os.write(out, shard.header)
        for one in ranges(shard):
            yield one.tensors, [workers.submit(bench.copy, one, out)]


def _merge(job: _Job, outs: Sequence[int], bench: Bench, notes: list[list[Noted]]) -> Iterator[Begun]:
    """Begin every tensor that changes, and keep what is noted of it."""
    places = {
        target.name: (out, place)
        for shard, out in zip(job.layout.shards, outs, strict=True)
        for place, target in shard.offsets
    }
    for target in job.tensors.changed:
        notes.append(bench.merge(target, *places[target.name]))
        yield 1, notes[-1]


def _by_turns(copying: Iterator[Begun], merging: Iterator[Begun]) -> Iterator[Begun]:
    """One of each, so that one worker copies while others merge: a file takes what is copied from one at a time."""
    for pair in zip_longest(copying, merging):
        yield from (begun for begun in pair if begun is not None)


def _steps(total: int, progress: Progress, cancel: Cancel | None) -> Generator[None, int, None]:
    """Send it the number of tensors that are done more."""
    done = 0
    while True:
        if cancel is not None:
            cancel.check()
        progress(STAGE, done, total)
        done += yield


def _change(target: Target, notes: Sequence[Noted]) -> TensorChange:
    names = tuple(stored.name for stored in target.sources)
    return TensorChange(target.name, names, target.weights, change(notes))


def _receipt(job: _Job, changes: Changes) -> Receipt:
    source, plan = job.source, job.plan
    places = [place[0] for place in plan.layer_map]
    layers = list(source.stack.layers)
    return Receipt(
        plan_key=plan.key,
        source=source.word,
        source_fingerprint=source.fingerprint,
        layers_before=plan.depth,
        layers_after=len(places),
        parameters_before=source.network.num_parameters(),
        parameters_after=job.network.num_parameters(),
        bytes_before=sum(tensor.end - tensor.begin for tensor in source.tensors.values()),
        bytes_after=sum(target.nbytes for target in job.tensors.targets),
        layer_map=plan.layer_map,
        removed=tuple(layer for layer in range(plan.depth) if layer not in places),
        renumbered=tuple((old, new) for new, old in enumerate(places) if old != new),
        config_changes=job.config_changes,
        changes=changes.told,
        shared_tensors=sum(target.copied for target in job.tensors.targets),
        hash=changes.hash,
        warnings=tuple(filter(None, (doubt(group, layers) for group in plan.groups))),
    )


def _reloaded(source: StreamSource, plan: MergePlan, folder: Path) -> verification.Agreement:
    """The folder loaded, beside its source loaded and merged in memory."""
    model = load(source.folder, device="cpu")
    return verification.verify(merge(model, plan, any_model=True).model, folder, model)
