"""The factors of a layer's curvature against sums written out, and that steps divided by it are of even size."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from mka.merging.repair import curvature as module
from mka.merging.repair.curvature import Curvature, projections_of


class Two(nn.Module):
    """A linear map, a bend and another one, and a third that never runs."""

    def __init__(self, kind):
        super().__init__()
        make = nn.Linear if kind == "linear" else lambda i, o: Conv1D(o, i)
        self.first, self.second, self.idle = make(3, 4), make(4, 6), make(2, 2)

    def forward(self, x):
        return self.second(torch.tanh(self.first(x)))


def looked(kind):
    torch.manual_seed(0)
    layer, x = Two(kind), torch.randn(2, 50, 3)
    found = Curvature(layer)
    root = torch.rand(2, 50, 1) + 0.5
    found.look(lambda: layer(x), root, torch.Generator().manual_seed(1))
    return layer, x, root, found


@pytest.mark.parametrize("kind", ["linear", "conv1d"])
def test_a_slope_is_divided_by_the_sums_over_inputs_and_pulls(kind, monkeypatch):
    monkeypatch.setattr(module, "DAMPING", 0.0)
    layer, x, root, found = looked(kind)
    turn = (lambda w: w.T) if kind == "conv1d" else (lambda w: w)
    first, second = (turn(one.weight.detach()).double() for one in (layer.first, layer.second))
    hidden = torch.tanh(x.double() @ first.T + layer.first.bias.detach())
    error = torch.randn(2, 50, 6, generator=torch.Generator().manual_seed(1)).double() * root
    pull = ((error @ second) * (1 - hidden**2)).reshape(-1, 4)
    inputs, outputs = x.double().reshape(-1, 3), pull
    slope = torch.randn(4, 3).double()
    by_hand = torch.linalg.inv(outputs.T @ outputs / 100) @ slope @ torch.linalg.inv(inputs.T @ inputs)
    bias = torch.randn(4).double()
    divided = found.flattened()({"first.weight": turn(slope), "first.bias": bias, "idle.weight": torch.ones(2, 2)})
    assert torch.allclose(turn(divided["first.weight"]), by_hand, rtol=1e-4)
    assert torch.allclose(divided["first.bias"], torch.linalg.inv(outputs.T @ outputs / 100) @ bias / 100, rtol=1e-4)
    assert not divided["idle.weight"].any()


@pytest.mark.parametrize("tokens", [(50, 50), (30, 70)])
def test_pieces_of_texts_add_up(tokens, monkeypatch):
    """Of two pieces: the sums over the tokens of both, whichever comes last and however long they are."""
    monkeypatch.setattr(module, "DAMPING", 0.0)
    torch.manual_seed(3)
    layer = Two("linear")
    found, inputs, pulls = Curvature(layer), [], []
    chance, again = (torch.Generator().manual_seed(1) for _ in range(2))
    for count in tokens:
        x = torch.randn(1, count, 3)
        found.look(lambda x=x: layer(x), torch.ones(1, count, 1), chance)
        error = torch.randn(1, count, 6, generator=again).double()
        hidden = torch.tanh(layer.first(x)).detach().double()
        inputs.append(x[0].double())
        pulls.append(((error @ layer.second.weight.detach().double()) * (1 - hidden**2))[0])
    x, g, n = torch.cat(inputs), torch.cat(pulls), sum(tokens)
    slope, bias = torch.randn(4, 3).double(), torch.randn(4).double()
    divided = found.flattened()({"first.weight": slope, "first.bias": bias})
    outputs = torch.linalg.inv(g.T @ g / n)
    assert torch.allclose(divided["first.weight"], outputs @ slope @ torch.linalg.inv(x.T @ x), rtol=1e-4)
    assert torch.allclose(divided["first.bias"], outputs @ bias / n, rtol=1e-4)


def test_a_linear_layer_is_solved_in_one_division():
    """Of one linear map and an error that counts alike everywhere, the curvature is the very product."""
    torch.manual_seed(2)
    layer = nn.Sequential(nn.Linear(5, 3, bias=False))
    x, y = torch.randn(1, 4000, 5), torch.randn(1, 4000, 3)
    found = Curvature(layer)
    found.look(lambda: layer(x), torch.ones(1, 4000, 1), torch.Generator().manual_seed(0))
    left = (y - layer(x))[0].detach()
    slope = {"0.weight": left.T @ x[0]}
    change = found.flattened()(slope)["0.weight"]
    exact = torch.linalg.lstsq(x[0], left).solution.T
    assert (change - exact).norm() < 0.1 * exact.norm()


def test_projections_are_linear_maps_of_either_kind():
    assert list(projections_of(Two("linear"))) == list(projections_of(Two("conv1d"))) == ["first", "second", "idle"]


def test_what_a_map_of_zeros_hides_is_left_alone():
    """A pull of nothing has no inverse; as in blocks that were put in to do nothing yet (LLaMA Pro)."""
    layer = Two("linear")
    nn.init.zeros_(layer.second.weight)
    found = Curvature(layer)
    found.look(lambda: layer(torch.ones(1, 4, 3)), torch.ones(1, 4, 1), torch.Generator().manual_seed(0))
    slope = {name: torch.ones_like(value) for name, value in layer.named_parameters()}
    divided = found.flattened()(slope)
    assert not any(divided[name].any() for name in ("first.weight", "first.bias", "idle.weight"))
    assert all(divided[name].isfinite().all() and divided[name].any() for name in ("second.weight", "second.bias"))


def test_what_is_given_nothing_is_left_alone():
    """As behind a map of zeros: inputs of nothing have no inverse either."""
    layer = Two("linear")
    found = Curvature(layer)
    found.look(lambda: layer(torch.zeros(1, 4, 3)), torch.ones(1, 4, 1), torch.Generator().manual_seed(0))
    divided = found.flattened()({name: torch.ones_like(value) for name, value in layer.named_parameters()})
    assert not divided["first.weight"].any() and not divided["idle.weight"].any()
    assert divided["second.weight"].isfinite().all() and divided["second.weight"].any()
