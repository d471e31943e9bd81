"""A network that trains, kept from it for a while."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mka.models.evaluating import evaluating


def modes(network: nn.Module) -> list[bool]:
    return [module.training for module in network.modules()]


def test_nothing_drops_out_and_each_module_is_as_it_was_afterwards() -> None:
    network = nn.Sequential(nn.Dropout(0.5), nn.Sequential(nn.Dropout(0.5)).eval())
    other, x = nn.Dropout(0.5), torch.ones(64)
    before = modes(network)
    assert before == [True, True, False, False], "some train and some do not"
    with evaluating(network, other):
        assert torch.equal(network(x), x) and torch.equal(other(x), x)
    assert modes(network) == before and other.training
    with pytest.raises(KeyError), evaluating(network):
        raise KeyError
    assert modes(network) == before
