"""What a model was merged by before."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from mka.errors import BadInput
from mka.models.lineage import heir, own_plan, plan_behind
from mka.models.loading import load
from mka.objects.plan import MergeGroup, MergePlan, Provenance
from tests.tiny import tiny_model_folder

GROUPS = (MergeGroup((1, 2), (0.5, 0.5)),)


def plan_of(*texts, groups=GROUPS, fingerprint=None):
    return MergePlan(5, groups, fingerprint=fingerprint, provenance=Provenance(text_hashes=texts))


def keep(plan, folder):
    (folder / "mka-plan.json").write_text(json.dumps(plan.to_json()))


def test_a_model_carries_the_plan_of_its_folder(tmp_path, monkeypatch):
    folder = tiny_model_folder(tmp_path)
    assert load(folder).made_by is None and own_plan(folder) is None
    keep(plan_of("a", "b"), folder)
    assert load(folder).made_by == own_plan(folder) == plan_behind(str(folder)) == plan_of("a", "b")
    assert load(folder).text_hashes == ("a", "b")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert plan_behind(f"~/{folder.name}") == load(f"~/{folder.name}").made_by == plan_of("a", "b")
    assert plan_behind("owner/name") is plan_behind("./nowhere") is plan_behind("demo") is None


def test_a_model_of_the_hub_does_so_too(tmp_path, monkeypatch):
    folder = tiny_model_folder(tmp_path)
    keep(plan_of("a"), folder)
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name, **asked: str(folder))
    assert load("owner/name").text_hashes == ("a",)


def test_a_plan_for_the_model_itself_did_not_make_it(tmp_path):
    folder = tiny_model_folder(tmp_path)
    own = load(folder).fingerprint
    keep(plan_of("a", fingerprint=own), folder)
    assert own_plan(folder) is None
    empty = plan_of("a", groups=(), fingerprint=own)  # which leaves the model as it was, with all that calibrated it
    keep(empty, folder)
    assert own_plan(folder) == empty


@pytest.mark.parametrize(
    ("content", "said"), [("{", "cannot be read as JSON"), ("[]", "holds list"), ("{}", "not a merge plan")]
)
def test_a_malformed_plan_is_refused_by_its_name(tmp_path, content, said):
    folder = tiny_model_folder(tmp_path)
    (folder / "mka-plan.json").write_text(content)
    with pytest.raises(BadInput, match=said) as refusal:
        load(folder)
    assert str(folder) in str(refusal.value) and "mka-plan.json" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_an_heir_names_each_text_once_and_changes_nothing_else():
    plan = plan_of("b", "c")
    assert heir(plan, None) is plan
    assert heir(plan, plan_of("a", "b")) == replace(plan, provenance=Provenance(text_hashes=("b", "c", "a")))
