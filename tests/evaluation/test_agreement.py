from __future__ import annotations

import math

import pytest
import torch

from mka.errors import BadInput, Cancelled
from mka.evaluation.agreement import agreement, final_states
from mka.merging.merge import merge
from mka.objects.plan import MergeGroup, MergePlan
from mka.objects.progress import Cancel
from mka.objects.texts import Text, TextSet
from tests.merging.models import LAYERS, loaded, model_of
from tests.tiny import tiny_network

TEXTS = TextSet((Text("a fox"), Text("the river is long and slow"), Text("b")), "by hand")


def test_the_states_are_those_before_the_head_without_padding():
    model = model_of()
    found = final_states(model, TEXTS)
    assert [one.shape for one in found] == [(2, 16), (6, 16), (27, 16)], "a byte each and BOS"
    ids = torch.tensor([model.tokenizer("the river is long and slow")["input_ids"]])
    with torch.no_grad():
        alone = model.network.model(input_ids=ids).last_hidden_state[0]
    torch.testing.assert_close(found[2], alone, rtol=1e-4, atol=1e-5)


def test_agreement_by_hand():
    ours = [torch.tensor([[1.0, 0.0], [0.0, 0.0]]), torch.tensor([[3.0, 4.0]])]
    theirs = [torch.tensor([[0.0, 1.0], [0.0, 0.0]]), torch.tensor([[3.0, 0.0]])]
    assert agreement(ours, theirs) == pytest.approx((0 + 0.6) / 2)
    assert agreement(ours, ours) == pytest.approx(1)
    assert math.isnan(agreement(ours, [ours[0], torch.full((1, 2), math.nan)]))


def test_a_model_agrees_with_itself_and_less_with_what_is_left_of_it():
    model = model_of()
    before = final_states(model, TEXTS)
    same = merge(model, MergePlan(LAYERS)).model
    less = merge(model, MergePlan(LAYERS, (MergeGroup((1, 2, 3), method="drop"),))).model
    assert agreement(final_states(same, TEXTS), before) == pytest.approx(1)
    assert agreement(final_states(less, TEXTS), before) < 0.99


def test_it_can_be_stopped():
    cancel = Cancel()
    cancel.request()
    with pytest.raises(Cancelled):
        final_states(model_of(), TEXTS, cancel=cancel)


def test_a_model_that_hides_its_states_is_refused():
    network = tiny_network("llama", LAYERS)
    forward = network.forward
    network.forward = lambda **given: forward(**{**given, "output_hidden_states": False})
    with pytest.raises(BadInput, match="does not give its hidden states"):
        final_states(loaded(network), TEXTS)


def test_a_model_that_trains_gives_the_states_of_one_that_does_not():
    resting, training = model_of("gpt2", 2), model_of("gpt2", 2)
    training.network.train()
    pairs = zip(final_states(training, TEXTS), final_states(resting, TEXTS), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs) and training.network.training
