"""Readers told anew, against numpy on all activations at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mka.merging.merge import merge
from mka.merging.repair.cuts import places_of
from mka.merging.repair.grafts import graft_of
from mka.merging.repair.passes import batches_for
from mka.merging.repair.readings import readings, tell_own, told_anew
from mka.merging.repair.work import Work
from mka.merging.repair.writers import matrix_of
from mka.objects.plan import MergeGroup, MergePlan
from mka.objects.texts import Text, TextSet
from tests.merging.models import LAYERS, model_of
from tests.merging.repair.test_linear import lstsq
from tests.merging.repair.texts import TEXTS, explicit

CUT = MergePlan(LAYERS, (MergeGroup((3,), method="drop"),))
SET = TextSet(tuple(map(Text, TEXTS)), "texts")
READERS = {"llama": "mlp.up_proj", "gpt2": "mlp.c_fc", "gpt_neox": "mlp.dense_h_to_4h"}


def work_of(model, plan=CUT):
    return Work(model, merge(model, plan).model, places_of(plan), batches_for(model, SET), lambda *_: None, None)


def by_hand(work, place, layer, path, penalty):
    """Matrix (and bias as a last row) that the reader `path` of a source layer is told at `place`."""
    ours, theirs = explicit(work.merged, place, path), explicit(work.source, layer, path)
    x, y = np.concatenate(ours["in"]), np.concatenate(theirs["put"])
    scale = (x * np.concatenate(theirs["in"])).sum(axis=0) / (x * x).sum(axis=0)
    reader = work.source.stack.layers[layer].get_submodule(path)
    known = scale[:, None] * matrix_of(reader).double().numpy()
    if reader.bias is not None:
        x, known = np.hstack([x, np.ones((len(x), 1))]), np.vstack([known, reader.bias.double().numpy()])
    return known + lstsq(x, y - x @ known, np.ones(len(x)), penalty)


@pytest.mark.parametrize("family", READERS)
def test_a_donor_reads_the_stream_before_the_cut(family):
    work = work_of(model_of(family))
    graft = graft_of(work, work.places[2], work.writers(work.places[2])[-1])
    found = readings(work, graft)
    told = found[3][READERS[family]]
    expected = by_hand(work, 2, 3, READERS[family], told.fit.penalty)
    width = len(told.matrix)
    np.testing.assert_allclose(told.matrix.numpy(), expected[:width], atol=1e-3 * abs(expected).max())
    reader = told_anew(work, graft, found)[0].get_submodule(READERS[family].split(".")[1])
    assert torch.equal(matrix_of(reader), told.matrix.float())
    if family != "llama":
        np.testing.assert_allclose(told.bias.numpy(), expected[width], atol=1e-3 * abs(expected).max())
        assert torch.equal(reader.bias, told.bias.float())


@pytest.mark.parametrize("family", READERS)
def test_a_layer_behind_the_cut_reads_the_stream_as_it_is_now(family):
    work = work_of(model_of(family))
    graft = graft_of(work, work.places[3], work.writers(work.places[3])[-1])
    assert graft.told and not graft.donors
    told = readings(work, graft)[4][READERS[family]]
    tell_own(work, graft, readings(work, graft)[4])
    now = matrix_of(work.layer(work.places[3]).get_submodule(READERS[family]))
    if told.fit.map is None:
        assert torch.equal(now, matrix_of(work.source.stack.layers[4].get_submodule(READERS[family])))
    else:
        assert torch.equal(now, told.matrix.float())


def test_what_reads_as_ever_is_told_nothing():
    work = work_of(model_of("llama"))
    first, last = (graft_of(work, work.places[2], writer) for writer in work.writers(work.places[2]))
    assert first is None or not first.told  # the stream that enters the layer before the first cut is the source's
    assert last.told
    assert graft_of(work, work.places[1], work.writers(work.places[1])[0]) is None


def test_a_sum_of_layers_is_told_nothing():
    plan = MergePlan(LAYERS, (MergeGroup((2, 3), (0.5, 0.5)), MergeGroup((5,), method="drop")))
    work = work_of(model_of("llama", num_key_value_heads=4), plan)
    assert graft_of(work, work.places[2], work.writers(work.places[2])[-1]) is None
    assert graft_of(work, work.places[3], work.writers(work.places[3])[-1]).told
