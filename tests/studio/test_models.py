"""The one loaded model of the process: evicted before another is read, and merged once per plan."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace
from pathlib import Path

import pytest

from mka.errors import BadInput
from mka.objects.plan import MergeGroup, MergePlan
from mka.objects.progress import Cancel, silent
from mka.studio.models import ModelStore
from tests.tiny import tiny_model_folder

PLAN = MergePlan(4, (MergeGroup((1, 2), (0.5, 0.5)),))


def merged(store: ModelStore, source: Path, plan: MergePlan):
    return store.merged(str(source), plan, progress=silent, cancel=Cancel())


def test_a_model_is_read_once_and_anew_when_it_is_opened(tiny_llama_folder: Path):
    store = ModelStore()
    first = store.model(str(tiny_llama_folder))
    assert store.model(str(tiny_llama_folder)) is first
    assert store.opened(str(tiny_llama_folder)) is not first


def test_one_model_at_a_time_is_in_memory(tiny_llama_folder: Path, tmp_path: Path):
    store = ModelStore()
    before = weakref.ref(store.model(str(tiny_llama_folder)).network)
    after = weakref.ref(merged(store, tiny_llama_folder, PLAN).model.network)
    with pytest.raises(BadInput):
        store.model(str(tmp_path / "none"))
    gc.collect()
    assert before() is None and after() is None


def test_a_plan_is_merged_once(tiny_llama_folder: Path):
    store = ModelStore()
    first = merged(store, tiny_llama_folder, PLAN)
    assert merged(store, tiny_llama_folder, PLAN) is first
    other = merged(store, tiny_llama_folder, replace(PLAN, groups=(MergeGroup((2, 3), (0.5, 0.5)),)))
    assert other is not first and other.plan.groups[0].layers == (2, 3)


def test_the_model_held_goes_by_its_files_as_they_were_when_it_was_read(tmp_path: Path):
    folder = tiny_model_folder(tmp_path, layers=2)
    store = ModelStore()
    before = store.on_demand(str(folder))
    held = store.model(str(folder))
    config = folder / "config.json"
    config.write_text(config.read_text() + " ")
    assert store.on_demand(str(folder)).identity == before.identity is not None
    assert store.on_demand(str(folder)).open(silent) is held
    store.evict()
    assert store.on_demand(str(folder)).identity != before.identity
