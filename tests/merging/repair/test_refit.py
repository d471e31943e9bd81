"""Gauss-Newton steps of MLPs against dense least squares, and what they must never do."""

from __future__ import annotations

import pytest
import torch

from mka.merging.merge import merge
from mka.merging.repair import refit as refitting
from mka.merging.repair.cuts import places_of
from mka.merging.repair.grafts import graft_of
from mka.merging.repair.passes import batches_for
from mka.merging.repair.refit import Sample, Tokens, _Mlp, _sample, _step, refit, refits
from mka.merging.repair.work import Work
from mka.objects.plan import MergeGroup, MergePlan
from mka.objects.texts import Text, TextSet
from tests.merging.models import LAYERS, model_of
from tests.merging.repair.test_linear import missing_at_the_end
from tests.merging.repair.texts import TEXTS

CUT = MergePlan(LAYERS, (MergeGroup((3,), method="drop"),))
SET = TextSet(tuple(map(Text, TEXTS)), "texts")
FAMILIES = ["llama", "gpt2", "gpt_neox"]


def mlp_of(family):
    model = model_of(family)
    work = Work(model, merge(model, CUT).model, places_of(CUT), batches_for(model, SET), lambda *_: None, None)
    return work, graft_of(work, work.places[2], work.writers(work.places[2])[-1])


def tokens(mlp, off, seed, number=120):
    chance = torch.Generator().manual_seed(seed)
    read = torch.randn(number, 16, generator=chance)
    wanted = mlp.written(mlp.weights(), read) + off * torch.randn(number, 16, generator=chance)
    return Tokens(read, wanted, 0.5 + torch.rand(number, 1, generator=chance))


@pytest.mark.parametrize("family", FAMILIES)
@torch.no_grad()
def test_a_step_is_the_least_squares_change_of_the_linear_mlp(family, monkeypatch):
    monkeypatch.setattr(refitting, "STEPS", 300)
    work, graft = mlp_of(family)
    mlp = _Mlp(graft, work.layer(graft.place))
    some = tokens(mlp, 1e-3, 1)
    start = {name: value.clone() for name, value in mlp.weights().items()}
    slopes = torch.func.jacrev(lambda weights: mlp.written(weights, some.read))(start)
    dense = torch.cat([slopes[name].reshape(120 * 16, -1) for name in start], dim=1).double()
    rooted = dense * some.root.double().repeat_interleave(16, dim=0)
    owed = ((some.wanted - mlp.written(start, some.read)) * some.root).double().reshape(-1)
    best = owed - rooted @ torch.linalg.lstsq(rooted, owed[:, None], driver="gelsd").solution[:, 0]
    moved = _step(mlp, Sample(some, some))
    left = (some.wanted - mlp.written(moved, some.read)) * some.root
    assert best.norm() < 0.9 * owed.norm()
    assert 0.999 < float(left.double().norm() / best.norm()) < 1.02


@torch.no_grad()
def test_a_step_ends_where_held_out_tokens_gain_no_more():
    work, graft = mlp_of("llama")
    mlp = _Mlp(graft, work.layer(graft.place))
    fitted, held = tokens(mlp, 0.5, 2), tokens(mlp, 0.0, 3)
    moved = _step(mlp, Sample(fitted, held))
    assert all(torch.equal(value, mlp.weights()[name]) for name, value in moved.items())


def test_only_what_is_better_on_held_out_tokens_is_taken_over(monkeypatch):
    work, graft = mlp_of("llama")
    before = {name: value.clone() for name, value in work.merged.network.state_dict().items()}
    monkeypatch.setattr(refitting, "_step", lambda mlp, sample: {n: 9 * v for n, v in mlp.weights().items()})
    refit(work, graft)
    assert all(torch.equal(value, before[name]) for name, value in work.merged.network.state_dict().items())
    assert not work.done


@pytest.mark.parametrize("family", FAMILIES)
def test_an_mlp_that_reads_anew_leaves_less_missing(family):
    texts = [f"{text} {text[::-1]}" for text in TEXTS] + TEXTS
    model = model_of(family, **({"num_key_value_heads": 4} if family == "llama" else {}))
    moved, refitted = (merge(model, CUT, repair=name, calibration=texts).model for name in ("transplant", "refit"))
    assert missing_at_the_end(model, refitted, family) < missing_at_the_end(model, moved, family)


def test_what_is_kept_of_the_tokens_is_bounded(monkeypatch):
    work, graft = mlp_of("llama")
    everything = _sample(work, graft)
    held = sum(int(batch.held.sum()) for batch in work.batches)
    assert len(everything.held.read) == held > 100
    monkeypatch.setattr(refitting, "ROOM", 4 * (2 * 16 + 1) * 50)
    some = _sample(work, graft)
    kept = sum(one.numel() * 4 for part in (some.fitted, some.held) for one in (part.read, part.wanted, part.root))
    assert 0.5 * refitting.ROOM < kept < 2 * refitting.ROOM and len(some.held.read)


def test_attention_and_what_reads_more_than_its_token_are_left_alone():
    work, _ = mlp_of("gpt_neox")
    first, last = (graft_of(work, work.places[2], writer) for writer in work.writers(work.places[2]))
    assert refits(work, last) and not refits(work, first)


@torch.no_grad()
def test_an_mlp_that_should_write_nothing_and_does_keeps_what_it_reads():
    work, graft = mlp_of("llama")
    mlp = _Mlp(graft, work.layer(graft.place))
    mlp.shell.down_proj.weight.zero_()
    some = tokens(mlp, 0.0, 4)
    assert all(torch.equal(value, mlp.weights()[name]) for name, value in _step(mlp, Sample(some, some)).items())
