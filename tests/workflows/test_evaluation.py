"""Evaluations: the free controls against slicing the model, and no text that calibrated the plan."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mka.errors import BadInput, Cancelled
from mka.evaluation.perplexity import perplexity
from mka.merging.checkpoint import save
from mka.merging.merge import merge
from mka.models.lineage import own_plan
from mka.models.loaded import LoadedModel
from mka.models.loading import load
from mka.objects.plan import MergePlan, Provenance
from mka.objects.progress import Cancel
from mka.objects.texts import Question, QuestionSet, Text, TextSet
from mka.planning.files import write_plan
from mka.planning.planner import plan
from mka.workflows.evaluation import evaluate
from mka.workflows.material import gather
from tests.tiny import tiny_model_folder
from tests.workflows.builders import sentences, text_file

TEXTS = TextSet(tuple(map(Text, sentences(6))), "lands")
QUESTIONS = QuestionSet(
    tuple(Question(f"Land {i} is", ("red", "blue", "big", "old"), i % 4, "lands") for i in range(4)), (), "asked"
)


def planned(model: LoadedModel, groups: list[list[int]], calibration: list[str]) -> MergePlan:
    """A plan by hand that names calibration texts."""
    hashes = tuple(Text(one).hash for one in calibration)
    return replace(plan(model, groups=groups), provenance=Provenance(text_hashes=hashes))


def sliced(model: LoadedModel, layers: list[int]) -> LoadedModel:
    """The same model with other layers, by taking them out of a deep copy's list."""
    network = copy.deepcopy(model.network)
    kept = torch.nn.ModuleList([network.model.layers[layer] for layer in layers])
    for index, layer in enumerate(kept):
        layer.self_attn.layer_idx = index
    network.model.layers = kept
    network.config.num_hidden_layers = len(layers)
    return replace(model, network=network)


@pytest.fixture(scope="module")
def merged_folder(tiny_llama: LoadedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of the tiny model with layers 1 and 2 merged, calibrated on sentences 100 to 104."""
    folder = tmp_path_factory.mktemp("checkpoints") / "m"
    save(merge(tiny_llama, planned(tiny_llama, [[1, 2]], sentences(5, first=100))), folder)
    return folder


def test_a_merged_model_is_measured_beside_its_source_and_the_controls(tiny_llama: LoadedModel) -> None:
    stages: list[str] = []
    report = evaluate(
        merge(tiny_llama, plan(tiny_llama, groups=[[0, 1, 2]])),
        texts=TEXTS,
        questions=QUESTIONS,
        progress=lambda stage, done, total: stages.append(stage),
    )
    assert report.baseline is not None and report.baseline.perplexity is not None
    assert report.result.cost.layers == 2
    assert report.baseline.perplexity.value == perplexity(tiny_llama, TEXTS).value
    assert set(report.controls) == {"truncate", "drop-keep-last"}
    for name, layers in (("truncate", [0, 1]), ("drop-keep-last", [0, 3])):
        measured = report.controls[name].perplexity
        assert measured is not None
        assert measured.value == pytest.approx(perplexity(sliced(tiny_llama, layers), TEXTS).value, rel=1e-6)
        assert report.controls[name].divergence is not None
        assert report.controls[name].generations == ()
    assert report.result.generations and report.result.choices is not None
    assert (report.text_source, report.question_source, report.source) == ("lands", "asked", tiny_llama.source)
    assert {"merged: perplexity", f"{tiny_llama.source}: choices", "truncate: divergence"} <= set(stages)


def test_a_model_against_itself_has_not_moved(tiny_llama: LoadedModel) -> None:
    report = evaluate(tiny_llama, ("divergence",), texts=TEXTS, baseline=tiny_llama)
    assert report.result.divergence is not None
    assert (report.result.divergence.kl, report.result.divergence.top1) == (0.0, 1.0)
    assert report.controls == {}
    assert "no fewer layers than its baseline" in report.verdict


def test_without_a_baseline_nothing_is_compared_and_it_says_so(tiny_llama: LoadedModel) -> None:
    report = evaluate(tiny_llama, texts=TEXTS)
    assert report.result.perplexity is not None
    assert report.result.choices is None and report.result.divergence is None and report.baseline is None
    assert "No baseline was named" in report.verdict
    for task in ("divergence", "generation"):
        with pytest.raises(BadInput, match=f"{task} compares with the unmerged model; name it with --against"):
            evaluate(tiny_llama, (task,), texts=TEXTS)


def test_another_baseline_than_the_merged_model_is_named(tiny_llama: LoadedModel) -> None:
    merged = merge(tiny_llama, plan(tiny_llama, groups=[[1, 2]]))
    said = "is not known to be the model that was merged, so the difference may not be the merge's alone."
    assert said not in evaluate(merged, ("perplexity",), texts=TEXTS).verdict
    foreign = replace(plan(tiny_llama, groups=[[1, 2]]), fingerprint="1" * 16)
    assert said not in evaluate(merge(tiny_llama, foreign, any_model=True), ("perplexity",), texts=TEXTS).verdict
    other = replace(tiny_llama, source="other", fingerprint="0" * 16)
    assert f"The baseline other {said}" in evaluate(merged, ("perplexity",), texts=TEXTS, baseline=other).verdict


def test_controls_can_be_left_out(tiny_llama: LoadedModel) -> None:
    merged = merge(tiny_llama, plan(tiny_llama, groups=[[1, 2]]))
    report = evaluate(merged, ("perplexity",), texts=TEXTS, controls=False)
    assert report.controls == {} and report.baseline is not None


def test_a_control_that_cannot_be_made_does_not_stop_the_evaluation(tmp_path: Path) -> None:
    """Where attention is scaled by the layer's number, layers may go from the end only."""
    scaled = load(tiny_model_folder(tmp_path, "gpt2", scale_attn_by_inverse_layer_idx=True), device="cpu")
    report = evaluate(merge(scaled, plan(scaled, strategy="truncate", remove=1)), ("perplexity",), texts=TEXTS)
    assert set(report.controls) == {"truncate"} and set(report.refused_controls) == {"drop-keep-last"}
    assert "The control drop-keep-last cannot be made: " in report.verdict
    assert "scale_attn_by_inverse_layer_idx" in report.refused_controls["drop-keep-last"]


def test_a_checkpoint_of_another_tool_is_compared_by_depth(tiny_llama: LoadedModel) -> None:
    shorter = replace(sliced(tiny_llama, [0, 1, 3]), source="elsewhere")
    shorter = replace(shorter, stack=type(tiny_llama.stack).of(shorter.network))
    report = evaluate(shorter, ("perplexity",), texts=TEXTS, baseline=tiny_llama)
    kept_last = report.controls["drop-keep-last"].perplexity
    assert report.result.perplexity is not None and kept_last is not None
    assert report.result.perplexity.value == pytest.approx(kept_last.value, rel=1e-6)
    assert report.plan_key == ""


def test_no_text_of_the_calibration_judges_the_merge(tiny_llama: LoadedModel) -> None:
    merged = merge(tiny_llama, planned(tiny_llama, [[1, 2]], [TEXTS.texts[0].text]))
    with pytest.raises(BadInput, match="1 of the texts of this evaluation also calibrated the plan"):
        evaluate(merged, ("perplexity",), texts=TEXTS)
    stem = QUESTIONS.questions[0].stem
    merged = merge(tiny_llama, planned(tiny_llama, [[1, 2]], [f"{stem} red"]))
    with pytest.raises(BadInput, match="1 of the 4 questions of this evaluation"):
        evaluate(merged, ("choices",), questions=QUESTIONS)


def test_nor_for_a_checkpoint_made_earlier(tiny_llama: LoadedModel, merged_folder: Path) -> None:
    loaded = load(merged_folder, device="cpu")
    report = evaluate(loaded, ("perplexity",), texts=TEXTS, baseline=tiny_llama)
    assert set(report.controls) == {"truncate", "drop-keep-last"}
    seen = TextSet((*TEXTS.texts, Text(sentences(1, first=102)[0] + "\n")), "lands")
    with pytest.raises(BadInput, match="1 of the texts"):
        evaluate(loaded, ("perplexity",), texts=seen, baseline=tiny_llama)


def test_nor_for_a_checkpoint_of_a_checkpoint(merged_folder: Path, tmp_path: Path) -> None:
    first = load(merged_folder, device="cpu")
    save(merge(first, planned(first, [[0, 1]], sentences(1, first=200))), tmp_path / "again")
    kept = own_plan(tmp_path / "again")
    assert kept is not None and len(kept.provenance.text_hashes) == 6
    for number in (102, 200):
        with pytest.raises(BadInput, match="1 of the texts"):
            evaluate(
                load(tmp_path / "again", device="cpu"),
                ("perplexity",),
                texts=TextSet(tuple(map(Text, sentences(1, first=number))), "lands"),
            )


def test_a_plan_inherits_nothing_from_an_unmerged_model(tiny_llama: LoadedModel) -> None:
    made = planned(tiny_llama, [[1, 2]], ["a"])
    assert tiny_llama.made_by is None and tiny_llama.text_hashes == ()
    assert merge(tiny_llama, made).plan is made


def test_nor_for_merges_chained_in_memory_or_with_a_plan_named_anew(tiny_llama: LoadedModel) -> None:
    first = merge(tiny_llama, planned(tiny_llama, [[1, 2]], sentences(1, first=102))).model
    second = merge(first, planned(first, [[0, 1]], sentences(1, first=200)))
    assert len(second.plan.provenance.text_hashes) == 2
    elsewhere = planned(tiny_llama, [[1, 2, 3]], ["no text of these"])
    for number in (102, 200):
        texts = TextSet(tuple(map(Text, sentences(1, first=number))), "lands")
        for subject, named in ((second, None), (second.model, None), (second, elsewhere), (second.model, elsewhere)):
            with pytest.raises(BadInput, match="1 of the texts"):
                evaluate(subject, ("perplexity",), texts=texts, plan=named)


def test_a_plan_saved_beside_the_model_that_it_is_for_forbids_nothing(tmp_path: Path) -> None:
    folder = tiny_model_folder(tmp_path)
    model = load(folder, device="cpu")
    write_plan(planned(model, [[1, 2]], [TEXTS.texts[0].text]), folder / "mka-plan.json")
    report = evaluate(load(folder, device="cpu"), ("perplexity",), texts=TEXTS)
    assert report.result.perplexity is not None and report.plan_key == ""


def test_more_shots_than_exemplars_are_refused_before_anything_is_measured(tiny_llama: LoadedModel) -> None:
    with pytest.raises(BadInput, match="99 shots asked, but subject 'lands' has 0"):
        evaluate(tiny_llama, texts=TEXTS, questions=QUESTIONS, shots=99, progress=_never)
    assert gather(("perplexity",), compared=False, texts=TEXTS, questions=QUESTIONS, shots=99).questions is None


def _never(stage: str, done: int, total: int) -> None:
    pytest.fail(f"{stage} was begun")


def test_a_text_file_as_data_serves_what_needs_texts(tmp_path: Path) -> None:
    source = text_file(tmp_path / "lands.txt", sentences(3))
    assert gather(None, compared=False, data=source).tasks == ("perplexity",)
    assert gather(None, compared=True, data=source).tasks == ("perplexity", "divergence", "generation")
    with pytest.raises(BadInput, match="is no csv file"):
        gather(("perplexity", "choices"), compared=False, data=source)


def test_a_plan_that_leads_elsewhere_is_refused(tiny_llama: LoadedModel) -> None:
    with pytest.raises(BadInput, match=r"the plan leads to 3 layers, but .* has 4; merge the model by its plan first"):
        evaluate(tiny_llama, ("perplexity",), texts=TEXTS, plan=plan(tiny_llama, groups=[[1, 2]]))


def test_tasks_without_their_data(tiny_llama: LoadedModel) -> None:
    with pytest.raises(BadInput, match="choices needs questions to ask; give --questions or --data"):
        evaluate(tiny_llama, ("choices",), texts=TEXTS)
    with pytest.raises(BadInput, match=r"unknown tasks \['mmlu'\]"):
        evaluate(tiny_llama, ("mmlu",), texts=TEXTS)


def test_a_cancelled_evaluation_ends(tiny_llama: LoadedModel) -> None:
    cancel = Cancel()
    cancel.request()
    with pytest.raises(Cancelled):
        evaluate(tiny_llama, ("perplexity",), texts=TEXTS, cancel=cancel)
