"""The script that repeats the work: it runs, and does what the studio did."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mka.models.loaded import LoadedModel
from mka.models.summary import summarize
from mka.objects.plan import MergeGroup, MergePlan, Provenance
from mka.objects.run import Trial
from mka.planning.files import read_plan
from mka.studio.export.scripts import script
from mka.studio.plan.proposals import propose
from mka.studio.visits.desk import Desk
from mka.workflows.analysis import analyze
from mka.workflows.opening import Opening
from tests.studio.builders import a_desk, a_summary, an_analysis

ROOT = Path(__file__).parents[2]
PLANNED = MergePlan(6, (MergeGroup((1, 2), (0.7, 0.3)),), fingerprint="f" * 16)


def run(text: str, folder: Path) -> str:
    """Run a script in a process of its own; returns what it printed."""
    (folder / "again.py").write_text(text, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "again.py"], cwd=folder, env=environment, capture_output=True, text=True, timeout=240,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def desk(tiny_llama: LoadedModel, tiny_llama_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A tiny model, analyzed by a measure of its hidden states."""
    texts = tmp_path_factory.mktemp("texts") / "calibration.txt"
    texts.write_text("\n\n".join(f"Text {n} says that {n} and {n} are {2 * n}." for n in range(8)) + "\n")
    made = analyze(tiny_llama, str(texts), measures=("cosine",), limit=6, subsamples=0, seed=0)
    return Desk(summarize(tiny_llama), made, opening=Opening(dtype="float32", device="cpu"))


@pytest.fixture
def unseen(tmp_path: Path) -> Path:
    """Texts that no calibration has read."""
    file = tmp_path / "unseen.txt"
    file.write_text("\n\n".join(f"Another {n} of {n + 1} things was seen." for n in range(4)) + "\n")
    return file


def test_it_runs_and_saves_the_plan_as_it_stood(desk: Desk, unseen: Path, tmp_path: Path):
    assert desk.analysis is not None
    seen = Provenance("manual", "cosine", 0, desk.analysis.calibration_key, desk.analysis.text_hashes)
    made = MergePlan(4, (MergeGroup((1, 2), (0.7, 0.3)),), desk.summary.fingerprint, desk.summary.source,
                     provenance=seen)  # fmt: skip
    trial = Trial(("perplexity",), str(unseen), 4, 0)
    said = run(script(desk, made, trial, "out"), tmp_path)
    assert read_plan(tmp_path / "out" / "mka-plan.json") == made
    adjacent = [round(float(value), 3) for value in desk.similarities["cosine"].adjacent]
    assert f"neighbours: {adjacent}" in said, "the analysis is repeated as it was"
    assert "perplexity goes from" in said and "saved in" in said
    assert json.loads((tmp_path / "out" / "config.json").read_text())["num_hidden_layers"] == 3


def test_a_repair_is_repeated_on_the_same_texts(desk: Desk, tmp_path: Path):
    made = replace(propose(desk, "truncate", 1), repair="linear")
    assert desk.analysis is not None and desk.analysis.n_texts == 6
    assert "other weights" not in run(script(desk, made, None, "out"), tmp_path)
    written = read_plan(tmp_path / "out" / "mka-plan.json")
    assert written.repair == "linear" and set(written.provenance.text_hashes) == set(desk.analysis.text_hashes)
    for texts, said in (
        (replace(desk.analysis, field="said"), "field='said'), limit=6)"),
        (None, "calibration_texts(load_texts('demo'))"),
    ):
        assert said in script(replace(desk, analysis=texts, summary=a_summary()), made, None, "out")


def test_a_strategys_plan_is_chosen_anew(desk: Desk, tmp_path: Path):
    made = propose(desk, "truncate", 1)
    text = script(desk, made, None, "out")
    assert "strategy='truncate', remove=1)" in text and "PLAN" not in text and "collect" not in text
    assert "other weights" not in run(text, tmp_path)
    assert read_plan(tmp_path / "out" / "mka-plan.json").groups == made.groups


def test_a_strategy_that_reads_an_analysis_is_given_it():
    desk = a_desk()
    text = script(desk, propose(desk, "mka", 2), None, "out")
    assert "activations = mka.collect(model, 'demo', limit=12, seed=0)" in text
    assert "strategy='mka', remove=2, similarity=similarity)" in text


def test_only_the_analysis_that_chose_the_layers_is_repeated():
    other = replace(PLANNED, provenance=Provenance("manual", "npib", text_hashes=("elsewhere",)))
    assert "collect" not in script(a_desk(), other, None, "out")
    assert "collect" not in script(a_desk(), PLANNED, None, "out"), "nobody looked at a picture"
    assert "collect" not in script(Desk(a_summary()), PLANNED, None, "out")


def test_a_reading_is_repeated_with_what_it_was_asked_for():
    deep = replace(an_analysis(), kind="tokens", per_text=3, longest=64, split="test")
    made = replace(PLANNED, provenance=Provenance("manual", "npib", text_hashes=("h1",)))
    text = script(Desk(a_summary(), deep), made, Trial(("choices",), "demo", 9, 2), "out")
    assert (
        "mka.collect(model, load_texts('demo', split='test'), limit=12, seed=0, points='tokens', per_text=3, "
        "longest=64)"
    ) in text
    assert "mka.evaluate(merged, ('choices',), data='demo', limit=9, shots=2)" in text
    compile(text, "script", "exec")
    named = Desk(a_summary(), replace(an_analysis(), calibration="texts.jsonl", field="body"))
    assert "mka.collect(model, load_texts('texts.jsonl', field='body'), limit=12" in script(named, made, None, "out")


def test_names_from_outside_are_quoted():
    desk = replace(a_desk(), summary=a_summary(source="a\"b'c\\d\n"))
    text = script(desk, PLANNED, None, "it's")
    compile(text, "script", "exec")
    assert repr("a\"b'c\\d\n") in text and repr("it's") in text


def test_how_the_model_was_opened_is_said():
    desk = replace(a_desk(), opening=Opening(dtype="bfloat16", revision="v2"))
    assert "mka.load('demo', revision='v2', dtype='bfloat16')" in script(desk, PLANNED, None, "out")
    assert "mka.load('demo')" in script(a_desk(), PLANNED, None, "out")
