"""Plans from words and from strategies."""

from __future__ import annotations

import numpy as np
import pytest

from mka.errors import BadInput
from mka.models.loaded import LoadedModel
from mka.objects.plan import MergeGroup, MergePlan
from mka.objects.similarity import Similarity
from mka.workflows import planning
from tests.workflows.builders import sentences


def a_similarity(model: str, text_hashes: tuple[str, ...] = ("a", "b")) -> Similarity:
    """Four layers; the pair (2, 3) is most alike."""
    values = np.eye(4)
    for layer, value in enumerate((0.9, 0.2, 0.7)):
        values[layer, layer + 1] = values[layer + 1, layer] = value
    return Similarity(values, "npib", (0, 1), True, model=model, calibration_key="k", text_hashes=text_hashes)


def test_groups_in_words() -> None:
    assert planning.parse_groups("18-21,25-26", 32) == [[18, 19, 20, 21], [25, 26]]
    assert planning.parse_groups(" 1 - 2 ", 3) == [[1, 2]]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "is no group of layers; write groups as first-last"),
        ("1-2,", "is no group"),
        ("3", "is no group"),
        ("2-1", "does not rise"),
        ("2-2", "does not rise"),
        ("2-4", r"names layer 4, but the model has layers 0\.\.3"),
        ("1-999999999", "names layer 999999999"),
        ("-1-2", "is no group"),
        ("a-b", "is no group"),
    ],
)
def test_words_that_are_no_groups(words: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        planning.parse_groups(words, 4)


def test_each_strategy_has_its_measure() -> None:
    assert planning.measure_of("mka") == "npib"
    assert planning.measure_of("mka-code") == "npib-code"
    assert planning.measure_of("mka", "cosine") == "cosine"
    assert planning.measure_of("shortgpt") == "block-influence" and planning.measure_of("angular") == "angular"
    assert planning.measure_of("greedy") is planning.measure_of("laco", "npib") is None
    assert planning.measure_of("truncate") is None
    assert planning.measure_of("truncate", "cosine") is None
    with pytest.raises(BadInput, match="strategy 'best' is unknown; use one of mka, mka-code, truncate"):
        planning.measure_of("best")


def test_a_plan_by_hand_and_by_strategy(tiny_llama: LoadedModel) -> None:
    by_hand = planning.by_hand(tiny_llama, "1-3")
    assert [group.layers for group in by_hand.groups] == [(1, 2, 3)]
    assert by_hand.fingerprint == tiny_llama.fingerprint

    made = planning.by_strategy(tiny_llama, "mka", 1, similarity=a_similarity(tiny_llama.fingerprint))
    assert [(group.layers, group.weights) for group in made.groups] == [((2, 3), pytest.approx((0.7, 0.3)))]
    assert made.provenance.text_hashes == ("a", "b")

    saved = planning.savings(tiny_llama, made)
    layer = sum(weight.numel() for weight in tiny_llama.stack.layers[0].parameters())
    assert saved.layers == (4, 3)
    assert saved.parameters[0] - saved.parameters[1] == layer


@pytest.mark.parametrize("strategy", ["greedy", "laco"])
def test_a_plan_by_trying_is_what_the_score_of_its_paper_leads_to(tiny_llama: LoadedModel, strategy: str) -> None:
    from mka.evaluation.agreement import agreement, final_states
    from mka.evaluation.perplexity import perplexity
    from mka.merging.merge import merge
    from mka.objects.texts import Text, TextSet

    texts = TextSet(tuple(map(Text, sentences(8))), "lands")
    scorer = planning.scorer(tiny_llama, strategy, texts)
    one = MergePlan(4, (MergeGroup((2,), method="drop"),))
    merged = merge(tiny_llama, one).model
    by_hand = {
        "greedy": -perplexity(merged, texts).value,
        "laco": agreement(final_states(tiny_llama, texts), final_states(merged, texts)),
    }
    assert scorer.score(one) == pytest.approx(by_hand[strategy], rel=1e-6)

    made = planning.by_trying(tiny_llama, strategy, 1, texts, seed=4)
    assert made.removed == 1 and made.fingerprint == tiny_llama.fingerprint
    known = made.provenance
    assert (known.strategy, known.seed, known.text_hashes) == (strategy, 4, texts.hashes)
    assert known.measure == {"greedy": "perplexity", "laco": "output-cosine"}[strategy]
    if strategy == "greedy":
        worse = [MergePlan(4, (MergeGroup((layer,), method="drop"),)) for layer in range(4)]
        assert scorer.score(made) == max(map(scorer.score, worse))


def test_a_strategy_that_tries_nothing_has_no_score(tiny_llama: LoadedModel) -> None:
    from mka.objects.texts import Text, TextSet

    with pytest.raises(BadInput, match="'mka' tries no plans; those that do are laco, greedy"):
        planning.scorer(tiny_llama, "mka", TextSet((Text("a"),), "one"))


def test_the_similarity_of_another_model_needs_to_be_asked_for(tiny_llama: LoadedModel) -> None:
    foreign = a_similarity("0" * 16)
    with pytest.raises(BadInput, match="another model"):
        planning.by_strategy(tiny_llama, "mka", 1, similarity=foreign)
    made = planning.by_strategy(tiny_llama, "mka", 1, similarity=foreign, any_model=True)
    assert made.provenance.text_hashes == ("a", "b")
    with pytest.raises(BadInput, match="another model"):
        planning.by_hand(tiny_llama, "1-2", similarity=foreign)
    assert planning.by_hand(tiny_llama, "1-2", similarity=foreign, any_model=True).provenance.text_hashes == ("a", "b")


def test_an_analysis_gives_what_it_holds(tiny_llama: LoadedModel) -> None:
    from mka.objects.texts import Text, TextSet
    from mka.workflows.analysis import analyze

    texts = TextSet(tuple(map(Text, sentences(8))), "lands")
    analysis = analyze(tiny_llama, texts, measures=("npib", "cosine"), limit=6, seed=2)
    assert planning.similarity_from(analysis, "cosine") is analysis.similarities["cosine"]
    with pytest.raises(BadInput, match="holds npib, cosine, not npib-code; analyze again with --measure npib-code"):
        planning.similarity_from(analysis, "npib-code")
