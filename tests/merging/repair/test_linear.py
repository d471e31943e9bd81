"""Linear repairs against numpy on all activations at once, and where nothing or everything can be repaired."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mka.errors import BadInput, Cancelled, RunFailed
from mka.merging.merge import merge
from mka.objects.plan import MergeGroup, MergePlan
from mka.objects.progress import Cancel
from mka.planning.strategies import truncate
from tests.merging.models import LAYERS, loaded, logits, model_of, same_state
from tests.merging.repair.texts import TEXTS, by_length, explicit
from tests.tiny import tiny_network

DOWN = {
    "llama": "mlp.down_proj",
    "gpt2": "mlp.c_proj",
    "gpt_neox": "mlp.dense_4h_to_h",
    "phi": "mlp.fc2",
    "qwen3": "mlp.down_proj",
}
CUT = MergePlan(LAYERS, (MergeGroup((3, 4), method="drop"),))


def lstsq(x, y, w, penalty):
    """Weighted ridge as numpy's least squares with more rows."""
    strength = penalty * (w[:, None] * x * x).sum() / x.shape[1]
    rows = np.vstack([np.sqrt(w)[:, None] * x, np.sqrt(strength) * np.eye(x.shape[1])])
    return np.linalg.lstsq(rows, np.vstack([np.sqrt(w)[:, None] * y, np.zeros((x.shape[1], y.shape[1]))]), rcond=None)[
        0
    ]


def activations(model, plan, name, layer=2, target=4):
    """All tokens of the texts at once: input of the projection, its output, what is missing, weights."""
    bare = merge(model, plan).model
    ours, wanted = explicit(bare, layer, name), explicit(model, target, name)
    goal = np.concatenate(wanted["out"])
    x, put = np.concatenate(ours["in"]), np.concatenate(ours["put"])
    return x, put, goal - np.concatenate(ours["out"]), 1 / (goal**2).mean(axis=1)


def stored(model, layer, name):
    module = model.stack.layers[layer].get_submodule(name)
    matrix = module.weight.double().numpy()
    bias = None if module.bias is None else module.bias.double().numpy()
    return matrix if type(module).__name__ == "Conv1D" else matrix.T, bias


@pytest.mark.parametrize("family", DOWN)
def test_a_cut_is_numpys_least_squares_added_to_the_projection(family):
    model, name = model_of(family), DOWN[family]
    made = merge(model, CUT, repair="linear-cut", calibration=TEXTS)
    x, _, missing, w = activations(model, CUT, name)
    before, bias = stored(model, 2, name)
    if bias is not None:
        x = np.hstack([x, np.ones((len(x), 1))])
    penalty = made.receipt.repaired[0].strength
    found = lstsq(x, missing, w, penalty)
    after, new_bias = stored(made.model, 2, name)
    np.testing.assert_allclose(after, before + found[: len(before)], atol=2e-4)
    if bias is not None:
        np.testing.assert_allclose(new_bias, bias + found[-1], atol=2e-4)
    assert np.abs(found).max() > 0.01


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_replacemes_form_turns_the_projections_output(family):
    model, name = model_of(family), DOWN[family]
    made = merge(model, CUT, repair="replaceme", calibration=TEXTS)
    _, put, missing, w = activations(model, CUT, name)
    turn = np.eye(16) + lstsq(put, missing, w, made.receipt.repaired[0].strength)
    before, bias = stored(model, 2, name)
    after, new_bias = stored(made.model, 2, name)
    np.testing.assert_allclose(after, before @ turn, atol=2e-4)
    if bias is not None:
        np.testing.assert_allclose(new_bias, bias @ turn, atol=2e-4)


@pytest.mark.parametrize("family", ["llama", "gpt_neox", "gpt2"])
def test_the_penalty_is_the_best_on_every_fourth_text(family):
    model, name = model_of(family), DOWN[family]
    made = merge(model, CUT, repair="linear-cut", calibration=TEXTS).receipt.repaired[0]
    bare = merge(model, CUT).model
    ours, wanted = explicit(bare, 2, name), explicit(model, 4, name)
    order = by_length(model)
    held, fitted = order[::4], [number for place, number in enumerate(order) if place % 4]

    def of(numbers):
        goal = np.concatenate([wanted["out"][i] for i in numbers])
        x = np.concatenate([ours["in"][i] for i in numbers])
        if stored(model, 2, name)[1] is not None:
            x = np.hstack([x, np.ones((len(x), 1))])
        return x, goal - np.concatenate([ours["out"][i] for i in numbers]), 1 / (goal**2).mean(axis=1)

    x, y, w = of(held)
    none = (w[:, None] * y**2).sum()
    errors = {}
    for penalty in (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0):
        errors[penalty] = (w[:, None] * (y - x @ lstsq(*of(fitted), penalty)) ** 2).sum()
    best = min(errors, key=errors.get)
    assert made.strength == best and made.left == pytest.approx(errors[best] / none, rel=1e-3)


def silent_layers(network, *layers):
    """Layers that add nothing but what a linear map of the down-projection's input of the layer before them does."""
    for layer in layers:
        for name in ("self_attn.o_proj", "mlp.down_proj"):
            network.model.layers[layer].get_submodule(name).weight.data.zero_()
    return network


def test_what_was_there_by_a_linear_map_comes_back_whole():
    """Cut a model in whose uncut twin the down-projection before the cut holds more: the repair finds that more."""
    network = silent_layers(tiny_network("llama", LAYERS), 3, 4)
    model = loaded(network)
    more = torch.randn(16, 32, generator=torch.Generator().manual_seed(1)) * 0.3
    down = network.model.layers[2].mlp.down_proj
    # The removed layer 3 puts out `more` times the down-projection's input of layer 2, by a hook in its place.
    kept = {}
    down.register_forward_hook(lambda module, args, output: kept.update(read=args[0]))
    network.model.layers[3].mlp.register_forward_hook(lambda module, args, output: output + kept["read"] @ more.T)
    made = merge(model, CUT, repair="linear-cut", calibration=TEXTS)
    after = made.model.stack.layers[2].mlp.down_proj.weight
    torch.testing.assert_close(after, down.weight + more, atol=5e-3, rtol=0)
    assert made.receipt.repaired[0].left < 1e-4
    assert (logits(made.model) - logits(model)).abs().max() < 0.02 * logits(model).abs().max()


def test_nothing_missing_changes_nothing():
    model = loaded(silent_layers(tiny_network("llama", LAYERS), 3, 4))
    made = merge(model, CUT, repair="linear", calibration=TEXTS)
    assert made.receipt.repaired == () and made.receipt.changes == ()
    assert same_state(made.model.network, merge(model, CUT).model.network)


def test_every_writer_from_the_first_cut_on_in_its_turn():
    model = model_of("llama")
    made = merge(model, CUT, repair="linear", calibration=TEXTS)
    names = [one.name for one in made.receipt.repaired]
    order = [f"model.layers.{place}.{name}.weight" for place in (2, 3) for name in ("self_attn.o_proj", DOWN["llama"])]
    assert names == [name for name in order if name in names] and len(names) >= 3
    changed = {change.name: change for change in made.receipt.changes}
    assert set(changed) == set(names)
    assert changed[order[-1]].sources == ("model.layers.5.mlp.down_proj.weight",)
    before = model.stack.layers[2].self_attn.o_proj.weight.double()
    moved = (made.model.stack.layers[2].self_attn.o_proj.weight.double() - before).norm() / before.norm()
    assert changed[order[0]].relative_change == pytest.approx(float(moved), rel=1e-6)


def missing_at_the_end(model, merged, family="llama"):
    ours, wanted = (explicit(one, one.stack.depth - 1, DOWN[family]) for one in (merged, model))
    goal = np.concatenate(wanted["out"])
    return float((((goal - np.concatenate(ours["out"])) ** 2).sum(1) / (goal**2).sum(1)).mean())


def test_each_repair_leaves_less_missing_than_the_one_before():
    model = model_of("llama")
    left = [
        missing_at_the_end(model, merge(model, CUT, repair=repair, calibration=texts).model)
        for repair, texts in (("none", None), ("linear-cut", TEXTS), ("linear", TEXTS))
    ]
    assert left[0] > left[1] > left[2]


def test_averaged_layers_are_repaired_too_and_the_receipt_says_what_of():
    model = model_of("llama")
    plan = MergePlan(LAYERS, (MergeGroup((2, 3), (0.5, 0.5)),))
    made = merge(model, plan, repair="linear-cut", calibration=TEXTS)
    name = "model.layers.2.mlp.down_proj.weight"
    (change,) = (change for change in made.receipt.changes if change.name == name)
    assert change.sources == ("model.layers.2.mlp.down_proj.weight", "model.layers.3.mlp.down_proj.weight")
    assert [one.name for one in made.receipt.repaired] == [name]
    after, before = (one.stack.layers[2].mlp.down_proj.weight.double() for one in (made.model, model))
    assert change.relative_change == pytest.approx(float((after - before).norm() / before.norm()), rel=1e-6)


def test_the_source_stays_as_it_was():
    model = model_of("gpt2")
    before = {name: tensor.clone() for name, tensor in model.network.state_dict().items()}
    merge(model, CUT, repair="linear", calibration=TEXTS)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.network.state_dict().items())
    assert not any(module._forward_hooks for module in model.network.modules())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_halves_are_summed_wide_and_stored_as_they_were(dtype):
    model = loaded(tiny_network("llama", LAYERS).to(dtype))
    made = merge(model, CUT, repair="linear-cut", calibration=TEXTS)
    assert made.receipt.repaired and {p.dtype for p in made.model.network.parameters()} == {dtype}
    assert made.receipt.repaired[0].left < 1


def test_memory_does_not_grow_with_the_number_of_tokens(monkeypatch):
    """Everything a fit keeps between two batches is as large as the features are, whatever the texts."""
    from mka.merging.repair import linear
    from mka.merging.repair.ridge import Sums

    kept = []

    class Watched(Sums):
        def add(self, x, y, weights):
            super().add(x, y, weights)
            kept.append(sum(value.numel() for value in vars(self).values() if isinstance(value, torch.Tensor)))

    monkeypatch.setattr(linear, "Sums", Watched)
    merge(model_of("llama"), CUT, repair="linear-cut", calibration=[text + " and more" * 4 for text in TEXTS])
    assert len(kept) > 4 and set(kept) == {32 * 32 + 32 * 16 + 16}


def test_a_stopped_repair_says_how_far_it_is():
    cancel, told = Cancel(), []

    def progress(stage, done, total):
        told.append((stage, done, total))
        if stage == "repair" and done == 2:
            cancel.request()

    with pytest.raises(Cancelled):
        merge(model_of("llama"), CUT, repair="linear", calibration=TEXTS, progress=progress, cancel=cancel)
    assert [done for stage, done, _ in told if stage == "repair"] == [0, 0, 1, 2]


def test_a_model_that_puts_out_nan_is_told():
    network = tiny_network("llama", LAYERS)
    network.model.layers[4].mlp.down_proj.weight.data[0, 0] = torch.nan
    with pytest.raises(RunFailed, match="NaN or infinity"):
        merge(loaded(network), CUT, repair="linear-cut", calibration=TEXTS)


def test_words_that_do_not_fit_are_refused():
    model, made = model_of("llama"), truncate(LAYERS, 1)
    with pytest.raises(BadInput, match="repair 'magic' is unknown; use one of none, scale, linear"):
        merge(model, made, repair="magic", calibration=TEXTS)
    with pytest.raises(BadInput, match="the repair linear is worked out from calibration texts; name them with --cal"):
        merge(model, made, repair="linear")
    with pytest.raises(BadInput, match="read by a repair only"):
        merge(model, made, calibration="demo")
    with pytest.raises(BadInput, match="nothing stands before that cut"):
        merge(model, MergePlan(LAYERS, (MergeGroup((0,), method="drop"),)), repair="linear", calibration=TEXTS)


def test_an_empty_plan_is_repaired_by_leaving_it():
    made = merge(model_of("llama"), MergePlan(LAYERS), repair="linear", calibration=TEXTS)
    assert made.receipt.repaired == () and made.receipt.changes == ()


def test_the_plan_that_comes_out_names_the_repair_and_its_texts():
    model = model_of("llama")
    asked = MergePlan(LAYERS, CUT.groups, repair="linear-cut")
    made = merge(model, asked, calibration=TEXTS)
    assert made.plan.repair == made.receipt.repair == "linear-cut" and made.receipt.plan_key == made.plan.key
    assert len(set(made.plan.provenance.text_hashes)) == len(TEXTS) == len(made.model.text_hashes)
    without = merge(model, asked, repair="none")
    assert without.plan.repair == "none" and without.plan.provenance.text_hashes == ()
