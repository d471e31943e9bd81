"""Strategies that try plans, on scores worked out by hand."""

from __future__ import annotations

import math

import pytest

from mka.errors import BadInput, Cancelled
from mka.objects.plan import MergeGroup, MergePlan, Provenance
from mka.objects.progress import Cancel
from mka.planning.guided import GUIDED, LADDER, Scorer, greedy, laco
from mka.planning.planner import plan


def lost(made: MergePlan) -> set[int]:
    return {layer for group in made.groups for layer in group.layers}


def value_of(*values):
    """Scores a deletion by minus the sum of what the deleted layers are worth."""
    return lambda made: -sum(values[layer] for layer in lost(made))


def test_greedy_deletes_the_least_valuable_layer_each_time():
    score = value_of(9, 2, 5, 1, 7)
    assert [lost(greedy(5, k, score)) for k in (1, 2, 3, 4)] == [{3}, {1, 3}, {1, 2, 3}, {1, 2, 3, 4}]
    assert [group.layers for group in greedy(5, 3, score).groups] == [(1, 2, 3)]
    assert greedy(5, 2, score).provenance.strategy == "greedy"


def test_greedy_is_greedy_and_not_best():
    """Alone 1 costs least; the pair 2, 3 would cost nothing, but is not found once 1 is gone."""
    costs = {frozenset({2, 3}): 0.0, frozenset({1}): 1.0}
    made = greedy(4, 2, lambda one: -costs.get(frozenset(lost(one)), 2.0 + max(lost(one)) / 10))
    assert 1 in lost(made) and lost(made) == {0, 1}


def test_greedy_gives_ties_to_the_later_layer():
    assert lost(greedy(6, 2, lambda made: 0.0)) == {4, 5}


def test_what_has_no_score_is_never_chosen_while_something_has_one():
    score = value_of(9, 2, 5, math.nan, 7)
    assert lost(greedy(5, 1, score)) == {1}


def test_greedy_passes_over_what_the_model_refuses():
    def score(made: MergePlan) -> float:
        if made.layer_map != tuple((layer,) for layer in range(made.layers_after)):
            raise BadInput("only the last layers can go")
        return 0.0

    assert lost(greedy(6, 3, score)) == {3, 4, 5}

    def refuse(made: MergePlan) -> float:
        raise BadInput("no layer can go")

    with pytest.raises(BadInput, match="greedy finds no layer to remove after 0: no layer can go"):
        greedy(6, 1, refuse)


@pytest.mark.parametrize("strategy", [greedy, laco])
def test_they_say_how_far_they_are_and_can_be_stopped(strategy):
    said: list[tuple[str, int, int]] = []
    strategy(8, 3, lambda made: 0.0, progress=lambda *step: said.append(step))
    assert said[0][1] == 0 and said[-1][1] == said[-1][2]
    assert [step[1] for step in said] == sorted(step[1] for step in said)
    cancel = Cancel()
    cancel.request()
    with pytest.raises(Cancelled):
        strategy(8, 3, lambda made: 0.0, cancel=cancel)


def test_greedy_tries_every_layer_that_is_left():
    tried: list[MergePlan] = []

    def score(made: MergePlan) -> float:
        tried.append(made)
        return 0.0

    greedy(6, 3, score)
    assert len(tried) == 6 + 5 + 4


def test_laco_merges_the_first_window_from_the_back_where_all_stays_alike():
    """C = 4 and 12 layers: the first window begins at 12 - 1 - 4 = 7."""
    (group,) = laco(12, 3, lambda made: 1.0).groups
    assert group == MergeGroup((7, 8, 9, 10), method="rdsc")
    (shorter,) = laco(12, 1, lambda made: 1.0).groups
    assert shorter == MergeGroup((7, 8), method="rdsc")


def test_laco_goes_on_towards_the_front_through_what_it_has_merged():
    """After 7-10 became one, the model has the layers 0..6, [7-10], 11, and the window at 6 takes all three; the plan
    names their coefficients: 6 - 1 times itself, and all of the sum (-2, 1, 1, 1), and of 11."""
    (group,) = laco(12, 5, lambda made: 1.0).groups
    assert group == MergeGroup((6, 7, 8, 9, 10, 11), (-1.0, -2.0, 1.0, 1.0, 1.0, 1.0), method="rdsc")


def test_nested_sums_are_the_papers_merge_done_twice():
    theta = [float(2**layer) for layer in range(12)]
    inner = theta[7] + sum(theta[layer] - theta[7] for layer in (8, 9, 10))
    outer = theta[6] + (inner - theta[6]) + (theta[11] - theta[6])
    (group,) = laco(12, 5, lambda made: 1.0).groups
    assert sum(c * theta[layer] for layer, c in zip(group.layers, group.weights_of(None), strict=True)) == outer


def test_laco_takes_the_highest_threshold_at_which_enough_goes():
    """At 7 the merge leaves .80, at 6 .90, at all others .10: with .85 as the threshold the window at 6 is taken."""

    def score(made: MergePlan) -> float:
        return {7: 0.80, 6: 0.90}.get(made.groups[-1].layers[0], 0.10)

    (group,) = laco(12, 3, score).groups
    assert group.layers == (6, 7, 8, 9)
    (lower,) = laco(12, 3, lambda made: score(made) - 0.2).groups
    assert lower.layers == (6, 7, 8, 9), "only the order counts"
    assert 0.85 in LADDER and 0.05 in LADDER and LADDER[-1] == -math.inf


def test_laco_asks_the_same_plan_once():
    asked: list[str] = []

    def score(made: MergePlan) -> float:
        asked.append(made.key)
        return 0.0

    laco(12, 3, score)
    assert len(asked) == len(set(asked))


@pytest.mark.parametrize("depth", [2, 3, 5, 12])
def test_laco_removes_as_many_as_asked_for_where_it_can(depth):
    for remove in range(1, depth):
        try:
            made = laco(depth, remove, lambda one: 0.0)
        except BadInput as refusal:
            assert depth == 5 and remove == 4, "the one window ends before the last layer"
            assert "laco can remove 3 of these 5 layers, not 4" in str(refusal)
        else:
            assert made.removed == remove


def test_laco_passes_over_what_the_model_refuses_and_says_how_far_it_comes():
    def score(made: MergePlan) -> float:
        if any(8 in group.layers for group in made.groups):
            raise BadInput("layer 8 is of another type")
        return 0.0

    assert laco(12, 3, score).groups == (MergeGroup((4, 5, 6, 7), method="rdsc"),)

    def refuse(made: MergePlan) -> float:
        raise BadInput("no")

    with pytest.raises(BadInput, match="laco can remove 0 of these 12 layers, not 3"):
        laco(12, 3, refuse)
    with pytest.raises(BadInput, match="laco can remove 0 of these 12 layers"):
        laco(12, 3, lambda made: math.nan)


@pytest.mark.parametrize("name", GUIDED)
def test_a_plan_tells_what_judged_it(name):
    scorer = Scorer(lambda made: 0.0, "perplexity", 5, "key", ("a", "b"))
    made = plan(6, strategy=name, remove=2, score=scorer)
    assert made.provenance == Provenance(name, "perplexity", 5, "key", ("a", "b"))
    assert plan(6, strategy=name, remove=2, score=scorer, seed=3).provenance.seed == 3
    assert plan(6, strategy=name, remove=2, score=lambda made: 0.0).provenance == Provenance(name)
    assert GUIDED[name].sentence.endswith(".")


@pytest.mark.parametrize("name", GUIDED)
def test_without_a_score_or_a_number_they_are_refused(name):
    with pytest.raises(BadInput, match=rf"{name} tries plans, so it needs a score .*scorer\(model, strategy, texts\)"):
        plan(6, strategy=name, remove=2)
    with pytest.raises(BadInput, match="name a number"):
        plan(6, strategy=name, score=lambda made: 0.0)
    for wrong in (0, 6, "2"):
        with pytest.raises(BadInput, match=f"{name} can remove 1 to 5 of 6 layers"):
            plan(6, strategy=name, remove=wrong, score=lambda made: 0.0)
