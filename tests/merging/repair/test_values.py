"""The values of heads: found, mixed by the patterns that stand, and fitted anew."""

from __future__ import annotations

import pytest
import torch

from mka.merging.merge import merge
from mka.merging.repair import repairs
from mka.merging.repair.cuts import places_of
from mka.merging.repair.grafts import graft_of, owed, said
from mka.merging.repair.passes import batches_for, rows
from mka.merging.repair.values import _by_head, _present, _slices, values_of
from mka.merging.repair.work import Work
from mka.objects.plan import MergeGroup, MergePlan
from mka.objects.texts import Text, TextSet
from tests.merging.models import LAYERS, model_of
from tests.merging.repair.test_linear import missing_at_the_end
from tests.merging.repair.texts import TEXTS

CUT = MergePlan(LAYERS, (MergeGroup((3,), method="drop"),))
SET = TextSet(tuple(map(Text, TEXTS)), "texts")
FULL = {"llama": {"num_key_value_heads": 4}, "gpt2": {}, "gpt_neox": {}, "phi3": {"num_key_value_heads": 4}}
VALUES = {
    "llama": "self_attn.v_proj",
    "gpt2": "attn.c_attn",
    "gpt_neox": "attention.query_key_value",
    "phi3": "self_attn.qkv_proj",
}


def attention(family, **config):
    model = model_of(family, **(FULL[family] | config))
    work = Work(model, merge(model, CUT).model, places_of(CUT), batches_for(model, SET), lambda *_: None, None)
    return work, graft_of(work, work.places[2], work.writers(work.places[2])[0])


@pytest.mark.parametrize("family", FULL)
def test_what_heads_mix_times_their_maps_is_what_attention_writes(family):
    work, graft = attention(family)
    values = values_of(work, graft)
    assert values.path == VALUES[family]
    batch = work.batches[0]
    seen = owed(work, graft, batch)
    mixed = said(graft.part, seen.calls, _slices(work, graft, values))[1:]
    at = batch.mask.bool()
    blocks, present = _present(work, graft, values)
    found = _by_head(graft, values, work, mixed, at).double() @ present
    torch.testing.assert_close(found, rows(seen.calls["writer"].states, at).double(), rtol=1e-4, atol=1e-5)
    assert len(blocks) == 4 + (graft.part.writer.bias is not None) and blocks[-1].stop == len(present)


def test_values_with_a_constant_that_has_no_place_stay():
    work, graft = attention("llama", attention_bias=True)
    assert values_of(work, graft) is not None
    graft.part.writer.module.bias = None
    assert values_of(work, graft) is None


@pytest.mark.parametrize("family", ["llama", "gpt_neox"])
def test_heads_that_carry_more_leave_less_missing(family, monkeypatch):
    model = model_of(family, **FULL[family])
    texts = [f"{text} {text[::-1]}" for text in TEXTS] + TEXTS
    rich = merge(model, CUT, repair="transplant", calibration=texts).model
    monkeypatch.setattr(repairs, "values_of", lambda work, graft: None)
    plain = merge(model, CUT, repair="transplant", calibration=texts).model
    assert missing_at_the_end(model, rich, family) < missing_at_the_end(model, plain, family)
