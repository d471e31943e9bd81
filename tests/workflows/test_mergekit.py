"""Configs of mergekit as files, and against mergekit itself where it is installed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from mka.errors import BadInput
from mka.merging.merge import merge
from mka.models.loading import load
from mka.objects.plan import MergeGroup, MergePlan
from mka.planning.planner import plan
from mka.workflows.mergekit import config_text, plan_of, read_config
from tests.cli.runner import mka, refused
from tests.merging.models import same_state
from tests.tiny import tiny_model_folder

PYTHON = "MKA_MERGEKIT_PYTHON"
"""Environment variable that names the Python of an environment with mergekit 0.1.5 and a torch and transformers of its
own, since its pins need not be ours."""

SPELLINGS = "\n# mergekit takes a model once in a sum: path, path/. and path/./. are one folder, named anew.\n"

AVERAGE = [MergeGroup((1, 2, 4), (0.5, 0.2, 0.3))]
METHODS = {
    "passthrough": [MergeGroup((1,), method="drop"), MergeGroup((3, 4), method="keep", layer=4)],
    "a later layer kept first": [MergeGroup((1, 4), method="keep", layer=4)],
    "average": AVERAGE,
    "average of the first and the last": [MergeGroup((0, 1), (0.25, 0.75)), MergeGroup((4, 5), (0.6, 0.4))],
    "rdsc": [MergeGroup((0, 1), method="rdsc"), MergeGroup((2, 3, 4), method="rdsc")],
    "slerp": [MergeGroup((0, 1), (0.5, 0.5), "slerp"), MergeGroup((3, 5), (0.3, 0.7), "slerp")],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tiny_model_folder(tmp_path_factory.mktemp("mergekit"), layers=6, dtype="bfloat16")


ROUNDING = 2.0**-22
"""Of the largest summand: where summands cancel, both sums hold float32's rounding and no digit besides."""


def steps_apart(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """How many bfloat16 numbers lie between the elements of two tensors: their bits, counted on from the lowest."""
    places = []
    for tensor in (one, other):
        bits = tensor.view(torch.int16).int()
        places.append(torch.where(bits < 0, -32768 - bits, bits))
    return (places[0] - places[1]).abs()


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Within one unit in the last place, or where the sum cancels, within float32's rounding of summands below 1."""
    return bool(((steps_apart(one, other) <= 1) | ((one.double() - other.double()).abs() <= ROUNDING)).all())


def test_steps_between_numbers_of_bfloat16():
    one = torch.tensor([1.0, -1.0, 0.0, -0.0], dtype=torch.bfloat16)
    other = torch.tensor([1.0 + 2**-7, -1.0 - 2**-7, -0.0, 0.0], dtype=torch.bfloat16)
    assert steps_apart(one, one).tolist() == [0, 0, 0, 0]
    assert steps_apart(one, other).tolist() == [1, 1, 0, 0]
    assert not same(one, one + torch.tensor([2**-6, 0, 0, 0]).bfloat16())


@pytest.mark.skipif(not os.environ.get(PYTHON), reason=f"{PYTHON} names no Python with mergekit 0.1.5")
@pytest.mark.parametrize("name", METHODS)
def test_mergekit_makes_the_same_tensors(folder, tmp_path, name):
    model = load(str(folder), dtype="bfloat16")
    made = plan(model, groups=METHODS[name])
    config = tmp_path / "merge.yaml"
    config.write_text(config_text(made), encoding="utf-8")
    run = [
        os.environ[PYTHON],
        "-c",
        "from mergekit.scripts.run_yaml import main; main()",
        str(config),
        str(tmp_path / "out"),
    ]
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(run, capture_output=True, text=True, timeout=240, env=kept, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    theirs = {}
    for part in (tmp_path / "out").glob("*.safetensors"):
        theirs |= load_file(part)
    ours = merge(model, made).model.network.state_dict()
    assert theirs.keys() <= ours.keys() and len(theirs) >= len(ours) - 1, "a tied head may be left out"
    for tensor, value in theirs.items():
        assert value.dtype == torch.bfloat16 and same(value, ours[tensor]), tensor


@pytest.mark.parametrize("name", [name for name in METHODS if name != "slerp"])
def test_there_and_back_the_merged_model_is_the_same_to_the_bit(folder, name):
    model = load(str(folder))
    made = plan(model, groups=METHODS[name])
    back = plan_of(yaml.safe_load(config_text(made)), model)
    assert back.fingerprint == model.fingerprint
    assert same_state(merge(model, back).model.network, merge(model, made).model.network)


def test_the_model_is_the_plans_or_the_one_that_is_named(folder, tmp_path, monkeypatch):
    nameless = MergePlan(6, tuple(AVERAGE))
    named = yaml.safe_load(config_text(nameless, str(folder)))
    assert named["slices"][1]["sources"][2]["model"] == f"{folder}/./."
    assert SPELLINGS in config_text(nameless, str(folder))
    monkeypatch.chdir(folder.parent)
    assert yaml.safe_load(config_text(nameless, folder.name)) == named, "absolute, wherever mergekit runs"
    with pytest.raises(BadInput, match="the plan names no model, and a config of mergekit must; name it with --model"):
        config_text(nameless)
    with pytest.raises(BadInput, match="owner/name is a hub id; download it"):
        config_text(nameless, "owner/name")
    dropped = MergePlan(6, (MergeGroup((1,), method="drop"), MergeGroup((3, 4), method="keep", layer=4)))
    assert SPELLINGS not in config_text(dropped, str(folder))
    assert (
        yaml.safe_load(config_text(dropped, "owner/name@main"))["slices"][0]["sources"][0]["model"] == "owner/name@main"
    )
    odd = tmp_path / "a+b"
    odd.mkdir()
    with pytest.raises(BadInput, match=r"mergekit reads @ and \+ in .*a\+b as a revision or an adapter"):
        config_text(nameless, str(odd))


def test_a_file_that_is_no_config_is_refused(tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("a: [1,\nb: 2", encoding="utf-8")
    for path, why in ((bad, "is no YAML"), (tmp_path / "none", "no such file"), (tmp_path, "cannot be read")):
        with pytest.raises(BadInput, match=why) as refusal:
            read_config(path)
        assert "\n" not in str(refusal.value)


def test_the_command_goes_both_ways(folder, tmp_path):
    made, config, back = (tmp_path / name for name in ("plan.json", "merge.yaml", "back.json"))
    assert mka("plan", folder, "--groups", "1-3", "--out", made).code == 0
    seen = mka("convert", made, "--to", "mergekit", "--out", config, "--json", "-")
    assert seen.json["config"] == config.read_text(encoding="utf-8")
    assert "exists; choose another file or say --overwrite" in refused(
        mka("convert", made, "--to", "mergekit", "--out", config)
    )
    assert "written:" in mka("convert", made, "--to", "mergekit", "--out", config, "--overwrite").out
    answer = mka("convert", config, "--from", "mergekit", "--out", back, "--json", "-").json
    assert [group["layers"] for group in answer["groups"]] == [[1, 2, 3]] and answer["savings"]["layers"] == [6, 4]
    assert "6 layers become 4" in mka("convert", config, "--from", "mergekit", "--out", back, "--overwrite").out
    for ways in ((), ("--to", "mergekit", "--from", "mergekit"), ("--to", "other")):
        assert "--to mergekit or --from mergekit" in refused(mka("convert", made, *ways, "--out", tmp_path / "x"))
