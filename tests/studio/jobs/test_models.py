"""The one loaded model of the process: found, then the one before it released, then read; and merged once per plan."""

from __future__ import annotations

import gc
import json
import weakref
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mka.data.calibration import calibration_texts
from mka.data.texts import load_texts
from mka.errors import BadInput, Cancelled
from mka.merging.merge import merge
from mka.models.loaded import LoadedModel
from mka.objects.plan import MergeGroup, MergePlan
from mka.objects.progress import Cancel, silent
from mka.studio.jobs.calibrating import read_texts
from mka.studio.jobs.models import NEEDS_KEPT, ModelStore
from mka.studio.jobs.work import open_anyway, open_model
from mka.studio.visits.desk import Calibration, OpenOrder
from mka.studio.visits.visit import Process
from mka.workflows.opening import Opening
from tests.tiny import tiny_model_folder
from tests.workflows.builders import sentences

PLAN = MergePlan(4, (MergeGroup((1, 2), (0.5, 0.5)),))


def merged(store: ModelStore, order: OpenOrder, plan: MergePlan, texts: Calibration | None = None):
    read = None if texts is None else read_texts(texts, "a test")
    return store.merged(order, plan, read, progress=silent, cancel=Cancel())


@pytest.fixture
def texts(tmp_path: Path) -> Calibration:
    """Twelve texts in one field of records, of which ten are read."""
    file = tmp_path / "texts.jsonl"
    file.write_text("".join(json.dumps({"said": text, "by": "x" * 90}) + "\n" for text in sentences(12)))
    return Calibration(str(file), "said", 10)


@pytest.fixture
def order(tiny_llama_folder: Path) -> OpenOrder:
    return OpenOrder(str(tiny_llama_folder))


@pytest.fixture
def broken(tiny_llama_folder: Path, tmp_path: Path) -> OpenOrder:
    """A folder that is found and cannot be loaded."""
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "config.json").write_text((tiny_llama_folder / "config.json").read_text())
    return OpenOrder(str(folder))


def test_a_model_is_read_once_and_anew_when_it_is_opened(order: OpenOrder):
    store = ModelStore()
    first = store.model(order)
    assert store.model(order) is first
    assert store.opened(order) is not first


def test_what_is_held_goes_by_how_it_was_opened(order: OpenOrder):
    store = ModelStore()
    small = replace(order, opening=Opening(dtype="bfloat16"))
    assert store.model(order).dtype == "float32" and store.held.order == order
    full = store.held.bytes
    assert store.model(small).dtype == "bfloat16" and store.held.order == small
    assert store.held.bytes == full / 2
    assert merged(store, small, PLAN).model.network.dtype == torch.bfloat16
    assert merged(store, order, PLAN).model.network.dtype == torch.float32
    assert store.on_demand(small).identity["dtype"] == "bfloat16"


def test_the_model_before_is_gone_when_the_next_is_read(order: OpenOrder, tmp_path: Path, monkeypatch):
    store, alive, load = ModelStore(), [], Opening.model
    before = weakref.ref(store.model(order).network)
    after = weakref.ref(merged(store, order, PLAN).model.network)
    assert before() is not None and after() is not None

    def looked(opening: Opening, source: str, **options) -> LoadedModel:
        alive.extend(one for one in (before(), after()) if one is not None)
        return load(opening, source, **options)

    monkeypatch.setattr(Opening, "model", looked)
    gc.disable()  # what a cycle keeps must be freed by the store, not by chance
    try:
        store.opened(OpenOrder(str(tiny_model_folder(tmp_path, layers=2))))
    finally:
        gc.enable()
    assert alive == []


def test_a_model_that_is_not_there_costs_nothing(order: OpenOrder, tmp_path: Path):
    store = ModelStore()
    held = store.model(order)
    with pytest.raises(BadInput, match="there is no folder"):
        store.opened(OpenOrder(str(tmp_path / "none")))
    assert store.model(order) is held


def test_a_model_that_cannot_be_loaded_leaves_nothing_and_the_next_job_reads_again(order: OpenOrder, broken: OpenOrder):
    store = ModelStore()
    before = weakref.ref(store.model(order).network)
    with pytest.raises(BadInput, match="holds no weights"):
        store.opened(broken)
    gc.collect()
    assert before() is None and store.held is None
    assert merged(store, order, PLAN).model.stack.depth == 3 and store.held.order == order


def test_it_says_what_it_releases(order: OpenOrder):
    store, stages = ModelStore(), []
    for _ in range(2):
        store.opened(order, progress=lambda stage, done, total: stages.append(stage))
    assert stages.count(f"releasing {order.source}") == 1
    assert stages.index("looking for the model") == 0


def test_a_plan_is_merged_once(order: OpenOrder):
    store = ModelStore()
    first = merged(store, order, PLAN)
    assert merged(store, order, PLAN) is first
    other = merged(store, order, replace(PLAN, groups=(MergeGroup((2, 3), (0.5, 0.5)),)))
    assert other is not first and other.plan.groups[0].layers == (2, 3)


def test_a_repaired_merge_is_that_of_the_library_on_the_same_texts(order: OpenOrder, texts: Calibration):
    store, asked = ModelStore(), replace(PLAN, repair="linear")
    made = merged(store, order, asked, texts)
    drawn = calibration_texts(load_texts(texts.source, field="said"), limit=10)
    alone = merge(store.model(order), asked, calibration=drawn)
    assert made.receipt.hash == alone.receipt.hash and made.receipt.repaired == alone.receipt.repaired != ()
    assert made.plan.provenance.text_hashes == drawn.hashes and len(drawn.hashes) == 10


def test_a_merge_is_repaired_anew_where_the_repair_or_its_texts_are_others(order: OpenOrder, texts: Calibration):
    store, asked = ModelStore(), replace(PLAN, repair="linear-cut")
    first = merged(store, order, asked, texts)
    assert merged(store, order, asked, texts) is first
    fewer = merged(store, order, asked, replace(texts, limit=5))
    assert fewer is not first and fewer.receipt.hash != first.receipt.hash
    assert merged(store, order, PLAN).receipt.repair == "none"


def test_a_repair_that_is_cancelled_leaves_no_merge(order: OpenOrder, texts: Calibration):
    store, cancel = ModelStore(), Cancel()

    def stop(stage: str, done: int, total: int) -> None:
        if stage == "repair":
            cancel.request()

    asked = replace(PLAN, repair="linear")
    with pytest.raises(Cancelled):
        store.merged(order, asked, read_texts(texts, "a test"), progress=stop, cancel=cancel)
    assert merged(store, order, asked, texts).receipt.repaired


def test_the_model_held_goes_by_its_files_as_they_were_when_it_was_read(tmp_path: Path):
    folder = tiny_model_folder(tmp_path, layers=2)
    store, order = ModelStore(), OpenOrder(str(folder))
    before = store.on_demand(order)
    held = store.model(order)
    config = folder / "config.json"
    config.write_text(config.read_text() + " ")
    assert store.on_demand(order).identity == before.identity is not None
    assert store.on_demand(order).open(silent) is held
    store.evict()
    assert store.on_demand(order).identity != before.identity


def test_how_much_models_need_is_remembered_of_the_last_ones():
    store = ModelStore()
    orders = [OpenOrder(f"owner/{number}") for number in range(NEEDS_KEPT + 1)]
    for number, order in enumerate(orders):
        store.note_need(order, number)
    assert list(store.needs) == orders[1:] and store.needs[orders[-1]] == NEEDS_KEPT


def test_opening_anyway_is_another_job_than_opening_what_fits(order: OpenOrder):
    process = Process()
    assert open_anyway(process, order).about != open_model(process, order).about
    assert open_anyway(process, order).about == open_anyway(process, order).about
