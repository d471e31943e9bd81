from __future__ import annotations

from dataclasses import replace

import pytest

from mka.errors import BadInput
from mka.merging.card import model_card, source_name, with_figures
from mka.merging.merge import merge
from mka.objects.plan import MergeGroup, MergePlan, Provenance
from mka.objects.receipt import Repaired
from mka.objects.repairs import REPAIRS
from mka.objects.report import Choices, Cost, Perplexity, Report, Result, SubjectAccuracy
from tests.merging.models import LAYERS, model_of

GROUPS = (
    MergeGroup((1, 2), (0.62, 0.38), tensors="projections"),
    MergeGroup((3,), method="drop"),
    MergeGroup((4, 5), method="keep", layer=5),
)
PLAN = MergePlan(LAYERS, GROUPS, provenance=Provenance("mka", "npib", 3, "key", ("a", "b")))


def result(name, perplexity, accuracy):
    return Result(
        name,
        Cost(3, 1000, 4000, float("nan")),
        perplexity=Perplexity(perplexity, 0.05, 900, 9),
        choices=Choices(
            accuracy, (accuracy - 0.02, accuracy + 0.02), 0.3, (0.2, 0.4), 120, 0, {"s": SubjectAccuracy(0.5, 0.3, 120)}
        ),
    )


REPORT = Report(
    result("merged", 3.25, 0.81),
    result("before", 2.5, 0.97),
    {"truncate": result("truncate", 4.75, 0.5)},
    verdict="It beats the best free control.",
    plan_key=PLAN.key,
    source="owner/name",
    seed=11,
    text_source="demo",
    question_source="demo",
)


@pytest.fixture(scope="module")
def receipt():
    made = merge(model_of(), PLAN).receipt
    return replace(made, verified=0.0, folder="out/m", source="owner/name@main")


def card(receipt, report=None, plan=PLAN):
    return model_card(plan, receipt, report, name="m", tolerance=1e-6)


def test_it_names_the_layers_whose_heads_or_neurons_stand_elsewhere_now(receipt):
    mended = Repaired("model.layers.2.mlp.up_proj.weight", 0.1, 0.5)
    assert "layers that are gone" not in card(replace(receipt, repair="linear", repaired=(mended,)))
    moved = replace(mended, given=((3, 7), (5, 1)))
    text = card(replace(receipt, repair="transplant", repaired=(mended, moved)))
    assert "Heads or neurons of layers that are gone (3, 5) stand in some of them." in text


def test_it_says_of_every_repair_what_is_true_of_all(receipt):
    """A refit is no closed form, but its steps are no training either: no label and no loss of the model."""
    mended = Repaired("model.layers.2.mlp.up_proj.weight", 0.0, 0.5)
    for name in REPAIRS:
        text = card(replace(receipt, repair=name, repaired=(mended,)))
        assert f"Repaired by `{name}`, without training, from the activations" in text and "closed form" not in text


def test_it_tells_the_plan_and_the_sizes(receipt):
    text = card(receipt)
    assert "| 1, 2 | averaged into one, weight matrices only | 0.62, 0.38 |" in text
    assert "| 3 | deleted | – |" in text and "| 4, 5 | replaced by one of them, layer 5 | – |" in text
    assert "3 of its 6 decoder layers removed" in text
    assert f"| parameters | {receipt.parameters_before:,} | {receipt.parameters_after:,} |" in text
    assert "| strategy | mka |" in text and "| seed | 3 |" in text and "| calibration texts | 2 |" in text
    assert PLAN.key in text and receipt.hash in text and receipt.source_fingerprint in text and "torch 2" in text


def test_every_way_of_merging_has_its_words(receipt):
    groups = (
        MergeGroup((0, 1), (0.25, 0.75), method="slerp", kinds={"mlp": (1, 0)}),
        MergeGroup((2, 3, 4), method="rdsc"),
    )
    text = card(receipt, plan=MergePlan(LAYERS, groups))
    assert "| 0, 1 | interpolated on the sphere into one | 0.25, 0.75; mlp 1, 0 |" in text
    assert "| 2, 3, 4 | made one by adding their differences to the first | – |" in text


def test_what_is_doubtful_is_said(receipt):
    assert "**Doubtful:** why." in card(replace(receipt, warnings=("why",))) and "Doubtful" not in card(receipt)


def test_figures_stand_beside_those_of_the_baseline_and_the_controls(receipt):
    text = card(receipt, REPORT)
    assert "| this model | 3 | 3.25 ± 0.05 | 81.0 % (79.0–83.0, n = 120, 0-shot) | – | – |" in text
    assert "| the model before | 3 | 2.5 ± 0.05 | 97.0 %" in text and "| control: truncate | 3 | 4.75" in text
    assert (
        "It beats the best free control." in text and "Measured with seed 11 on texts demo and questions demo" in text
    )


def test_without_figures_it_says_that_nothing_was_measured(receipt):
    assert "Nothing was measured when this folder was written." in card(receipt)


def test_figures_are_put_into_a_card_that_was_written_without(receipt):
    assert with_figures(card(receipt), REPORT) == card(receipt, REPORT) == with_figures(card(receipt, REPORT), REPORT)
    with pytest.raises(BadInput, match="no part 'What it cost'"):
        with_figures("# Another model\n", REPORT)


def test_a_hub_model_is_named_as_the_base_and_for_its_licence(receipt):
    text = card(receipt)
    assert (
        'base_model: "owner/name"\n' in text.split("---")[1] and "made of those of owner/name@main; its licence" in text
    )


def test_a_folder_is_named_without_its_path(receipt, tmp_path):
    text = card(replace(receipt, source=str(tmp_path / "mine")))
    assert "base_model" not in text and str(tmp_path) not in text and "mine with 3 of its 6" in text
    assert source_name("demo") == "the demo model of MKA"


def test_an_empty_plan_is_told_as_such(receipt):
    assert "The plan is empty" in card(replace(receipt, layers_after=6), plan=MergePlan(LAYERS))


def test_tables_are_tables(receipt):
    for line in card(receipt, REPORT).splitlines():
        if line.startswith("|"):
            assert line.endswith("|") and line.count("|") >= 3
