"""What a link comes back to: plans and analyzed models, to the bit; anything else in their place is nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mka.objects.plan import MergeGroup, MergePlan, Provenance
from mka.store import Store, key_of
from mka.workflows.analysis_files import Analysis
from mka.workflows.desks import PLAN_ID, KeptModel, keep_model, keep_plan, kept_model, kept_plan, plan_id
from mka.workflows.opening import Opening
from tests.studio.builders import a_summary, an_analysis, on_other_texts, sure

PLAN = MergePlan(
    6,
    (MergeGroup((1, 2), (0.1, 0.9)), MergeGroup((4,), method="drop")),
    fingerprint="f" * 16,
    source="demo",
    provenance=Provenance(measure="npib", calibration_key="key", text_hashes=("h1", "h2")),
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def only_file(store: Store) -> Path:
    (entry,) = store.entries()
    return entry.path


def test_a_plan_comes_back_with_the_texts_that_chose_its_layers(store: Store):
    name = keep_plan(store, PLAN)
    assert PLAN_ID.fullmatch(name) and name == plan_id(PLAN)
    assert kept_plan(store, name) == PLAN


def test_plans_that_do_the_same_but_saw_other_texts_are_two(store: Store):
    blind = replace(PLAN, provenance=Provenance())
    assert blind.key == PLAN.key and plan_id(blind) != plan_id(PLAN)
    assert kept_plan(store, keep_plan(store, blind)) != kept_plan(store, keep_plan(store, PLAN))


def test_a_plan_is_written_once(store: Store):
    keep_plan(store, PLAN)
    only_file(store).write_bytes(b"touched")
    keep_plan(store, PLAN)
    assert only_file(store).read_bytes() == b"touched"


def test_what_is_not_kept_or_another_plan_is_none(store: Store):
    assert kept_plan(store, plan_id(PLAN)) is None
    other = replace(PLAN, groups=())
    keep_plan(store, other)
    place = only_file(store)
    name = keep_plan(store, PLAN)
    mine = next(entry.path for entry in store.entries() if entry.path != place)
    mine.write_bytes(place.read_bytes())
    assert kept_plan(store, name) is None and not mine.exists()


def test_a_file_that_says_another_plan_than_its_name_is_dropped(store: Store):
    for content in (replace(PLAN, groups=()).to_json(), {"format": "another"}):
        store.put("plan", key_of({"plan": plan_id(PLAN)}), content, {})
        assert kept_plan(store, plan_id(PLAN)) is None and store.entries() == ()


def test_nothing_is_kept_where_the_store_is_off(tmp_path: Path):
    off = Store(tmp_path / "store", 0)
    assert kept_plan(off, keep_plan(off, PLAN)) is None
    keep_model(off, KeptModel(a_summary(), Opening(), ()))
    assert kept_model(off, "demo") is None and not off.root.exists()


def test_a_model_comes_back_with_every_analysis(store: Store):
    first = an_analysis()
    first = replace(first, similarities=first.similarities | {"npib": sure(first.similarities["npib"])})
    model = KeptModel(a_summary(), Opening(dtype="bfloat16", revision="main"), (first, on_other_texts(an_analysis())))
    keep_model(store, model)
    found = kept_model(store, "demo")
    assert found is not None
    assert (found.summary, found.opening) == (model.summary, model.opening)
    assert len(found.analyses) == 2
    for mine, theirs in zip(found.analyses, model.analyses, strict=True):
        same(mine, theirs)


def same(mine: Analysis, theirs: Analysis) -> None:
    """Field by field and to the bit."""
    for one in ("calibration", "calibration_key", "text_hashes", "points", "kind", "seed", "summary", "split"):
        assert getattr(mine, one) == getattr(theirs, one), one
    for name, similarity in theirs.similarities.items():
        np.testing.assert_array_equal(mine.similarities[name].values, similarity.values)
        assert (mine.similarities[name].uncertainty is None) == (similarity.uncertainty is None)
    for name, embedding in theirs.embeddings.items():
        for array in ("coordinates", "unaligned", "spectrum"):
            np.testing.assert_array_equal(getattr(mine.embeddings[name], array), getattr(embedding, array))
    assert mine.layer_maps.keys() == theirs.layer_maps.keys()


def test_a_model_that_is_kept_again_takes_the_place_of_the_first(store: Store):
    keep_model(store, KeptModel(a_summary(), Opening(), (an_analysis(),)))
    keep_model(store, KeptModel(a_summary(), Opening(), ()))
    found = kept_model(store, "demo")
    assert found is not None and found.analyses == ()


def test_models_are_told_apart_by_source_and_fingerprint(store: Store):
    first, second = (replace(a_summary(), fingerprint=letter * 16) for letter in "12")
    for summary in (first, second):
        keep_model(store, KeptModel(summary, Opening(), ()))
    found = [kept_model(store, "demo", one.fingerprint) for one in (first, second)]
    assert [one.summary for one in found if one] == [first, second]
    latest = kept_model(store, "demo")
    assert latest is not None and latest.summary == second
    assert kept_model(store, "demo", "3" * 16) is None
    assert kept_model(store, "../../etc/passwd") is None
    assert kept_model(store, "demo ") is None


def test_a_note_of_the_latest_that_is_no_note_is_forgotten(store: Store):
    keep_model(store, KeptModel(a_summary(), Opening(), ()))
    (entry,) = [entry for entry in store.entries() if entry.kind == "desk-latest"]
    store.put("desk-latest", entry.path.stem.removeprefix("desk-latest-"), {}, {})
    assert kept_model(store, "demo") is None
    assert [entry.kind for entry in store.entries()] == ["desk"]


def test_a_model_of_another_format_is_forgotten(store: Store):
    keep_model(store, KeptModel(a_summary(), Opening(), ()))
    (key,) = [one.path.stem.removeprefix("desk-") for one in store.entries() if one.kind == "desk"]
    whole = store.get("desk", key)
    assert whole is not None
    for meta in ({**whole.meta, "format": "mka-desk/0"}, {**whole.meta, "summary": {}}, {}):
        store.put("desk", key, meta, {})
        assert kept_model(store, "demo") is None and not store.holds("desk", key)
