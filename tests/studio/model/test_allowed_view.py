"""Which plans a model allows, as the Model page says it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mka.models.summary import summarize
from mka.objects.model_summary import LayerSummary, ModelSummary, Refusal, TensorSummary
from mka.planning.allowed import allowed
from mka.studio.model.allowed_view import NO, PARTLY, UNKNOWN, YES, Answer, averaging, deleting, strategies
from tests.merging.models import model_of
from tests.studio.builders import a_summary

TENSORS = ((TensorSummary("mlp.up.weight", (4, 2), "MLP"),), (TensorSummary("mlp.experts.up", (3, 4, 2), "experts"),))


def of_kinds(types: str, *, experts: str = "", refusals: tuple[Refusal, ...] = ()) -> ModelSummary:
    """One layer per letter, s for sliding and f for full; those whose number is in `experts` hold some."""
    names = {"s": "sliding_attention", "f": "full_attention"}
    layers = tuple(
        LayerSummary(i, names[kind], 100, 400, int(str(i) in experts), str(i) in experts)
        for i, kind in enumerate(types)
    )
    known = replace(a_summary(len(types)), per_layer=layers, layer_tensors=TENSORS, refusals=refusals)
    return replace(known, layer_types=tuple(layer.type for layer in layers))


def answers(summary: ModelSummary) -> tuple[Answer, Answer, Answer]:
    found = allowed(summary)
    return averaging(summary, found), deleting(summary, found), strategies(found)


def test_a_plain_model_allows_everything():
    average, delete, strategy = answers(of_kinds("ffff"))
    assert average == Answer(YES, ("All 4 layers are of one type and shape, so any of them can be averaged.",))
    assert delete.mark == YES and delete.why[0] == "Any layer can be deleted, of whatever type."
    most = {"mka": 2, "mka-code": 3, "truncate": 3, "shortgpt": 3, "angular": 3}
    assert strategy == Answer(YES, tuple(f"{name}: at most {count} layers." for name, count in most.items()))


def test_mixed_types_name_the_runs_and_the_first_pair_that_cannot():
    average, _, strategy = answers(of_kinds("ssfsss"))
    assert average == Answer(
        PARTLY,
        (
            "Neighbours can be averaged within layers 0–1, 3–5.",
            "Layers 1 and 2 cannot: layer 1 is sliding attention, layer 2 is full attention.",
        ),
    )
    assert strategy.why[:2] == ("mka: at most 2 layers.", "mka-code: at most 2 layers.")


def test_layers_that_alternate_can_be_averaged_only_apart():
    average, _, strategy = answers(of_kinds("sfsf"))
    assert average.mark == PARTLY and average.why[0].startswith("No two neighbours can be averaged")
    assert average.why[-1] == "Layers of one kind that stand apart can, such as 0, 2."
    assert strategy.mark == PARTLY and strategy.why[0].startswith("mka: none. After the first layer")


def test_experts_say_what_a_plan_must_say():
    average, delete, strategy = answers(of_kinds("fffff", experts="234"))
    assert average.why[1] == (
        "Layers 1 and 2 cannot: mlp.up.weight is (4, 2) in layer 1 and nothing in layer 2."
    ) and average.why[2].startswith("Layers 2–4 hold experts")
    assert '"experts": "by-index"' in average.why[2] and average.mark == PARTLY and delete.mark == YES
    assert strategy.why[0].startswith("mka: none.") and strategy.why[1].startswith("mka-code: none.")


def test_layers_that_must_stay_say_why():
    why = "the config field 'x' makes every layer compute with its own number; use another"
    average, delete, strategy = answers(of_kinds("ffff", refusals=(Refusal((0, 1, 2), why),)))
    assert delete == Answer(
        PARTLY,
        ("Only the last layers can be deleted.", "The config field 'x' makes every layer compute with its own number; "
         "use another."),
    )  # fmt: skip
    assert average.mark == PARTLY and "must end with the last layer" in average.why[-1]
    assert strategy.why[0] == "mka: at most 2 layers; a plan is refused where it picks others."


def test_where_no_layer_can_go_deletions_say_so():
    _, delete, strategy = answers(of_kinds("fff", refusals=(Refusal((0, 1, 2), "it is so"),)))
    assert delete.mark == NO
    assert strategy.why[2:] == (
        "truncate: none. The last layer cannot go.",
        "shortgpt: none. No layer after the first can go.",
        "angular: none. No layer after the first can go.",
    )


@pytest.mark.parametrize(("types", "said"), [("f", "nothing to average"), ("sf", "No two neighbours")])
def test_small_models(types: str, said: str):
    average, _, strategy = answers(of_kinds(types))
    assert average.mark == NO and said in average.why[0]
    assert strategy.why[0].startswith("mka: none.")


def test_an_old_description_is_not_guessed_from():
    average, delete, _ = answers(a_summary(6))
    assert delete.mark == UNKNOWN and "open the model to find out" in delete.why[0]
    assert "open the model to find out" in average.why[-1]


def test_the_configs_own_fields_are_named():
    summary = summarize(model_of("gemma3"))
    assert "layer_types" in deleting(summary, allowed(summary)).why[1]
