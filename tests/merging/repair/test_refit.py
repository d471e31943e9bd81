"""Gauss-Newton steps of a layer against dense least squares, and what they must never do."""

from __future__ import annotations

from itertools import pairwise
from math import inf
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from mka.errors import BadInput, Cancelled
from mka.merging.merge import merge
from mka.merging.repair import passes
from mka.merging.repair import refit as refitting
from mka.merging.repair.cuts import places_of
from mka.merging.repair.passes import batches_for, run_up_to
from mka.merging.repair.refit import Fitted, Sample, _sample, _step, check_refits, refit
from mka.merging.repair.work import Work
from mka.objects.plan import MergeGroup, MergePlan
from mka.objects.progress import Cancel
from mka.objects.texts import Text, TextSet
from tests.merging.models import LAYERS, loaded, model_of, same_state
from tests.merging.repair.test_linear import missing_at_the_end
from tests.merging.repair.texts import TEXTS
from tests.tiny import tiny_network

CUT = MergePlan(LAYERS, (MergeGroup((3,), method="drop"),))
SET = TextSet(tuple(map(Text, TEXTS)), "texts")
FAMILIES = ["llama", "gpt2", "gpt_neox", "qwen3"]


def work_of(family="llama", plan=CUT):
    model = model_of(family)
    return Work(model, merge(model, plan).model, places_of(plan), batches_for(model, SET), lambda *_: None, None)


def rows_that_count(piece, values):
    return values[piece.root[..., 0] > 0]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_sample_is_what_the_layer_is_given_and_what_the_source_has_behind_the_cut(family):
    work = work_of(family)
    place = work.places[2]
    sample = _sample(work, place)
    for pieces, kind in ((sample.fitted, "fitted"), (sample.held, "held")):
        counted = [getattr(batch, kind) for batch in work.batches]
        source = [run_up_to(work.source, batch, work.source.stack.layers[3]) for batch in work.batches]
        merged = [run_up_to(work.merged, batch, work.merged.stack.layers[2]) for batch in work.batches]
        layer = Fitted(work.layer(place))
        with torch.no_grad():
            mine = torch.cat([rows_that_count(one, layer.put_out(layer.weights, one) / one.root) for one in pieces])
        wanted = torch.cat([rows_that_count(one, one.wanted) for one in pieces])
        roots = torch.cat([rows_that_count(one, one.root)[:, 0] for one in pieces])
        assert torch.allclose(wanted, torch.cat([x[at] for x, at in zip(source, counted, strict=True)]), atol=1e-4)
        assert torch.allclose(mine, torch.cat([x[at] for x, at in zip(merged, counted, strict=True)]), atol=1e-4)
        assert torch.allclose(roots, 1 / wanted.square().mean(dim=1).sqrt())


@pytest.mark.parametrize("family", FAMILIES)
@torch.no_grad()
def test_a_step_is_the_least_squares_change_of_the_linear_layer(family, monkeypatch):
    """Of what reads first and what writes last, so that the dense problem, of torch's own slopes, can be solved."""
    monkeypatch.setattr(refitting, "STEPS", 60)
    work = work_of(family)
    layer = Fitted(work.layer(work.places[2]))
    names = list(layer.weights)
    layer.weights = {name: layer.weights[name] for name in (names[0], names[-1])}
    some = _sample(work, work.places[2]).held[:1]
    slopes = torch.func.jacrev(lambda weights: layer.put_out(weights, some[0]))(layer.weights)
    numbers = some[0].wanted.numel()
    dense = torch.cat([slopes[name].reshape(numbers, -1) for name in layer.weights], dim=1).double()
    # Near enough for the true layer to be linear as far as a step goes: half of it can be reached, and half is noise.
    chance = torch.Generator().manual_seed(3)
    reached = dense @ torch.randn(dense.shape[1], generator=chance).double()
    noise = torch.randn(numbers, generator=chance).double() * (dense.abs().sum(dim=1) > 0)
    off = 1e-2 * (reached / reached.norm() + noise / noise.norm())
    aim = layer.put_out(layer.weights, some[0]) + off.reshape(some[0].wanted.shape).float()
    owed = (aim - layer.put_out(layer.weights, some[0])).double().reshape(-1)
    best = owed - dense @ torch.linalg.lstsq(dense, owed[:, None], driver="gelsd").solution[:, 0]
    piece = refitting.Piece(some[0].args, some[0].kwargs, aim / some[0].root.clamp_min(1e-9), some[0].root)
    weights, _ = _step(work, layer, Sample([piece], [piece]), float("inf"), 0)
    left = layer.left(weights, piece).double().norm()
    assert best.norm() < 0.9 * owed.norm()
    assert 0.999 < float(left / best.norm()) < 1.02


@pytest.mark.parametrize("family", ["llama", "gpt2"])
@torch.no_grad()
def test_errors_go_back_the_way_that_changes_come_ahead(family, monkeypatch):
    """<J v, e> = <v, J' e> over several pieces; and J v is the difference that a short step makes."""
    monkeypatch.setattr(refitting, "AT_ONCE", 256)
    work = work_of(family)
    layer, pieces = Fitted(work.layer(work.places[2])), _sample(work, work.places[2]).held
    chance = torch.Generator().manual_seed(5)
    drawn = lambda like: torch.randn(like.shape, generator=chance)  # noqa: E731
    toward, errors = (
        {name: drawn(value) for name, value in layer.weights.items()},
        [drawn(one.wanted) for one in pieces],
    )
    ahead, back = [layer.ahead(toward, piece) for piece in pieces], layer.back(pieces, errors)
    product = lambda ones, others: sum(float((a.double() * b).sum()) for a, b in zip(ones, others, strict=True))  # noqa: E731
    assert len(pieces) > 1 and set(back) == set(layer.weights)
    assert product(ahead, errors) == pytest.approx(product(toward.values(), [back[name] for name in toward]), rel=1e-3)
    step = {name: value + 1e-3 * toward[name] for name, value in layer.weights.items()}
    less = {name: value - 1e-3 * toward[name] for name, value in layer.weights.items()}
    for piece, found in zip(pieces, ahead, strict=True):
        difference = (layer.put_out(step, piece) - layer.put_out(less, piece)) / 2e-3
        assert (difference - found).norm() < 1e-2 * found.norm()


@torch.no_grad()
def test_a_step_ends_where_held_out_texts_gain_no_more():
    work = work_of()
    layer = Fitted(work.layer(work.places[2]))
    sample = _sample(work, work.places[2])
    met = [
        refitting.Piece(one.args, one.kwargs, layer.put_out(layer.weights, one) / one.root.clamp_min(1e-9), one.root)
        for one in sample.held
    ]
    missed = layer.missed(layer.weights, met)
    weights, after = _step(work, layer, Sample(sample.fitted, met), missed, 0)
    assert after == missed and all(torch.equal(value, layer.weights[name]) for name, value in weights.items())


@torch.no_grad()
def test_a_step_tells_what_is_missed_of_held_out_texts():
    work = work_of()
    layer, sample = Fitted(work.layer(work.places[2])), _sample(work, work.places[2])
    before = layer.missed(layer.weights, sample.held)
    weights, after = _step(work, layer, sample, before, 0)
    assert after == pytest.approx(layer.missed(weights, sample.held), rel=1e-9) and after < before


@torch.no_grad()
def test_a_layer_that_misses_nothing_stays():
    work = work_of()
    layer = Fitted(work.layer(work.places[2]))
    met = [
        refitting.Piece(one.args, one.kwargs, torch.zeros_like(one.wanted), torch.zeros_like(one.root))
        for one in _sample(work, work.places[2]).fitted
    ]
    weights, missed = _step(work, layer, Sample(met, met), 0.0, 0)
    assert missed == 0 and all(torch.equal(value, layer.weights[name]) for name, value in weights.items())


def test_only_what_is_better_on_held_out_texts_is_taken_over(monkeypatch):
    work = work_of()
    before = {name: value.clone() for name, value in work.merged.network.state_dict().items()}
    worse = lambda work, layer, sample, missed, seed: ({n: 9 * v for n, v in layer.weights.items()}, missed)  # noqa: E731
    monkeypatch.setattr(refitting, "_step", worse)
    refit(work, work.places[2])
    assert all(torch.equal(value, before[name]) for name, value in work.merged.network.state_dict().items())
    assert not work.done


@pytest.mark.parametrize(
    ("shares", "rounds"), [((0.5, 0.5, 0.5, 0.5, 0.5), 4), ((0.5, 0.98, 0.995, 0.5), 3), ((1.0, 0.5), 1)]
)
def test_rounds_go_on_while_each_takes_a_hundredth_of_what_is_missed(shares, rounds, monkeypatch):
    left, seen = iter(shares), []

    def told(work, layer, sample, missed, seed):
        seen.append((seed, missed))
        return layer.weights, missed * next(left)

    monkeypatch.setattr(refitting, "_step", told)
    work = work_of()
    refit(work, work.places[2])
    assert [seed for seed, _ in seen] == list(range(rounds))
    assert [later / missed for (_, missed), (_, later) in pairwise(seen)] == pytest.approx(shares[: rounds - 1])


def test_the_source_and_other_layers_stay_and_what_moved_is_noted():
    work = work_of()
    source = {name: value.clone() for name, value in work.source.network.state_dict().items()}
    before = {name: value.clone() for name, value in work.merged.network.state_dict().items()}
    refit(work, work.places[2])
    after = work.merged.network.state_dict()
    moved = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert all(torch.equal(value, source[name]) for name, value in work.source.network.state_dict().items())
    assert moved == set(work.done) and len(moved) == 7
    assert all(name.startswith("model.layers.2.") and "norm" not in name for name in moved)
    assert all(one.strength == 0 and 0 < one.left < 1 for one in work.done.values())


@pytest.mark.parametrize("family", FAMILIES)
def test_a_layer_that_is_fitted_leaves_less_missing(family):
    texts = [f"{text} {text[::-1]}" for text in TEXTS] + TEXTS
    model = model_of(family, **({"num_key_value_heads": 4} if family == "llama" else {}))
    moved, refitted = (merge(model, CUT, repair=name, calibration=texts).model for name in ("transplant", "refit"))
    assert missing_at_the_end(model, refitted, family) < missing_at_the_end(model, moved, family)
    assert not same_state(refitted.network, moved.network)


def test_a_merged_layer_is_fitted_as_one_that_stayed_is():
    plan = MergePlan(LAYERS, (MergeGroup((2, 3), (0.5, 0.5)),))
    model = model_of()
    plain, refitted = merge(model, plan).model, merge(model, plan, repair="refit", calibration=TEXTS).model
    assert missing_at_the_end(model, refitted, "llama") < missing_at_the_end(model, plain, "llama")


def test_what_is_kept_of_the_texts_is_bounded(monkeypatch):
    work = work_of()
    everything = _sample(work, work.places[2])
    counted = sum(int((one.root > 0).sum()) for one in everything.held)
    assert counted == sum(int(batch.held.sum()) for batch in work.batches) > 100
    size = lambda sample: sum(4 * one.wanted.numel() for part in (sample.fitted, sample.held) for one in part)  # noqa: E731
    monkeypatch.setattr(refitting, "ROOM", 2 * size(everything))
    some = _sample(work, work.places[2])
    assert size(some) < refitting.ROOM / 3 and len(some.held) and len(some.fitted)


def test_every_batch_that_was_reckoned_is_told_as_done():
    told = []
    model = model_of()
    merge(model, CUT, repair="refit", calibration=TEXTS, progress=lambda *one: told.append(one))
    done, totals = zip(*(one[1:] for one in told if one[0] == "repair"), strict=True)
    assert list(done) == sorted(done) and set(totals) == {done[-1]} and len(set(done)) > 10


def test_a_layer_that_torch_cannot_differentiate_is_refused_by_name(monkeypatch):
    class Fused(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

    work = work_of()
    mlp = work.layer(work.places[2]).mlp
    plain = type(mlp).forward
    monkeypatch.setattr(type(mlp), "forward", lambda self, x: Fused.apply(plain(self, x)))
    with pytest.raises(BadInput, match=r"layer 2 of LlamaForCausalLM cannot be refitted.*transplant or linear"):
        check_refits(work, work.places[2])


def test_memory_that_runs_out_is_not_told_as_a_fault_of_the_layer(monkeypatch):
    def full(self, toward, piece):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Fitted, "ahead", full)
    work = work_of()
    with pytest.raises(torch.OutOfMemoryError):
        check_refits(work, work.places[2])


@torch.no_grad()
def test_a_layer_that_is_solved_exactly_is_done(monkeypatch):
    """Of one number, by one step: w = 2; no slope is left to divide by."""
    same = SimpleNamespace(flattened=lambda: dict)
    monkeypatch.setattr(Fitted, "curvature", lambda self, pieces, seed: same)
    layer = Fitted(nn.Sequential(nn.Linear(1, 1, bias=False)))
    one = torch.ones(1, 1, 1)
    piece = refitting.Piece((one,), {}, 2 * one, one)
    weights, missed = _step(work_of(), layer, Sample([piece], [piece]), float("inf"), 0)
    assert float(weights["0.weight"]) == 2 and missed == 0


@torch.no_grad()
def test_one_step_solves_a_linear_layer_whose_inputs_are_of_sizes_far_apart(monkeypatch):
    """Each piece shows other inputs, those of the first three times as large: the slope alone, or divided by the
    curvature of one piece, would leave a twelfth or more."""
    monkeypatch.setattr(refitting, "STEPS", 1)
    chance, layer = torch.Generator().manual_seed(0), Fitted(nn.Sequential(nn.Linear(6, 3, bias=False)))
    wanted, one = torch.randn(6, 3, generator=chance), torch.ones(1, 400, 1)
    shown = torch.tensor([[3.0, 3, 3, 0, 0, 0], [0, 0, 0, 1, 1, 1]])
    given = [torch.randn(1, 400, 6, generator=chance) * sizes for sizes in shown]
    pieces = [refitting.Piece((x,), {}, x @ wanted, one) for x in given]
    layer.weights = {"0.weight": torch.zeros(3, 6)}
    _, left = _step(work_of(), layer, Sample(pieces, pieces), float("inf"), 0)
    assert left < 0.02 * layer.missed(layer.weights, pieces)


def test_a_layer_behind_a_map_of_zeros_is_fitted_without_what_the_map_hides():
    work = work_of()
    work.put("model.layers.2.self_attn.o_proj.weight", torch.zeros(16, 16), 0.0, 1.0)
    refit(work, work.places[2])
    moved = {name for name, one in work.done.items() if one.left < 1}
    assert "model.layers.2.self_attn.o_proj.weight" in moved and "model.layers.2.mlp.up_proj.weight" in moved
    assert all(value.isfinite().all() for value in work.merged.network.state_dict().values())


@pytest.mark.parametrize(
    ("family", "dtype"), [("llama", torch.bfloat16), ("llama", torch.float16), ("gpt2", torch.float32)]
)
def test_a_layer_is_judged_as_it_is_stored(family, dtype):
    """With its biases, where it has any."""
    model = loaded(tiny_network(family, LAYERS).to(dtype))
    work = Work(model, merge(model, CUT).model, places_of(CUT), batches_for(model, SET), lambda *_: None, None)
    place = work.places[2]
    held = _sample(work, place).held
    before, _ = Fitted(work.layer(place)), refit(work, place)
    after = Fitted(work.layer(place))
    left = after.missed(after.weights, held) / before.missed(before.weights, held)
    assert left < 1 and all(one.left == pytest.approx(left, rel=1e-9) for one in work.done.values())


def test_what_rounding_makes_worse_is_not_taken_over(monkeypatch):
    """A gain of less than bfloat16 can hold."""
    model = loaded(tiny_network("llama", LAYERS).to(torch.bfloat16))
    work = Work(model, merge(model, CUT).model, places_of(CUT), batches_for(model, SET), lambda *_: None, None)

    def hair(work, layer, sample, missed, seed):
        return {name: value * (1 + 1e-6) for name, value in layer.weights.items()}, missed * (1 - 1e-6)

    monkeypatch.setattr(refitting, "_step", hair)
    refit(work, work.places[2])
    assert not work.done


def test_masks_of_long_texts_are_reckoned_too(monkeypatch):
    """Kept of each piece: how the layer is called, what is wanted, and as much twice while the layer is fitted."""
    monkeypatch.setattr(passes, "BATCH_TOKENS", 256)
    network = tiny_network("llama", LAYERS)
    network.set_attn_implementation("eager")  # whose masks are of float32
    model, texts = loaded(network), TextSet(tuple(map(Text, TEXTS[:8] + [str(n) * 120 for n in range(24)])), "texts")
    work = Work(model, merge(model, CUT).model, places_of(CUT), batches_for(model, texts), lambda *_: None, None)

    def kept():
        sample = _sample(work, work.places[2])
        pieces = [*sample.fitted, *sample.held]
        masks = sum(4 * one.kwargs["attention_mask"].numel() for one in pieces)
        return masks + sum(4 * (one.args[0].numel() + 3 * one.wanted.numel()) for one in pieces)

    everything = kept()
    monkeypatch.setattr(refitting, "ROOM", everything / 2)
    assert kept() <= 1.2 * refitting.ROOM  # a text is kept whole or not at all


def test_whoever_cancels_waits_for_one_piece_of_the_texts(monkeypatch):
    monkeypatch.setattr(refitting, "AT_ONCE", 64)
    work, cancel, runs = work_of(), Cancel(), []
    work.cancel = cancel
    work.source.stack.layers[0].register_forward_hook(lambda *_: (runs.append(1), cancel.request(), None)[2])
    with pytest.raises(Cancelled):
        refit(work, work.places[2])
    assert len(runs) == 1


def test_whoever_cancels_a_step_waits_for_one_piece_of_it(monkeypatch):
    monkeypatch.setattr(refitting, "AT_ONCE", 64)
    monkeypatch.setattr(refitting, "STEPS", 1)
    work = work_of()
    sample, layer = _sample(work, work.places[2]), Fitted(work.layer(work.places[2]))
    put_out, cancels = layer.put_out, []

    def counted(*given):
        cancels.pop().request() if len(cancels) == 1 else cancels.pop()
        return put_out(*given)

    monkeypatch.setattr(layer, "put_out", counted)
    fitted, held = len(sample.fitted), len(sample.held)
    assert min(fitted, held) > 2
    # The curvature, what is left, its slope, ahead, what is missed, and the slope of what is left then.
    for last in (1, fitted + 1, 2 * fitted + 1, 3 * fitted + 1, 4 * fitted + 1, 4 * fitted + held + 1):
        work.cancel = Cancel()
        cancels[:] = [work.cancel] * last
        with pytest.raises(Cancelled):
            _step(work, layer, sample, inf, seed=0)
        assert not cancels
