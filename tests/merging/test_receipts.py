from __future__ import annotations

import numpy as np
import pytest
import torch
from blake3 import blake3

from mka.merging.averaging import PIECE
from mka.merging.merge import merge
from mka.merging.receipts import digest_of, hash_tensors
from mka.objects.plan import MergeGroup, MergePlan
from tests.merging.models import LAYERS, arrays, model_of

GROUPS = (MergeGroup((1,), method="drop"), MergeGroup((2, 3, 4), (0.2, 0.0, 0.8)))


@pytest.fixture(scope="module")
def merged():
    return merge(model_of(), MergePlan(LAYERS, GROUPS))


def test_it_says_what_became_of_each_layer(merged):
    receipt = merged.receipt
    assert (receipt.layers_before, receipt.layers_after) == (6, 3)
    assert receipt.layer_map == ((0,), (2, 3, 4), (5,))
    assert receipt.removed == (1, 3, 4)
    assert receipt.renumbered == ((2, 1), (5, 2))
    assert receipt.config_changes == (("num_hidden_layers", "6", "3"),)
    assert (receipt.plan_key, receipt.source) == (merged.plan.key, "tiny")
    assert receipt.source_fingerprint == merged.source.fingerprint
    assert receipt.verified is None and receipt.folder == ""


def test_it_counts_parameters_bytes_and_shared_tensors(merged):
    receipt = merged.receipt
    for count, size, network in (
        (receipt.parameters_before, receipt.bytes_before, merged.source.network),
        (receipt.parameters_after, receipt.bytes_after, merged.model.network),
    ):
        assert count == network.num_parameters() and size == 4 * count
    assert receipt.shared_tensors == len(merged.model.network.state_dict()) - 9 == 2 * 9 + 3


def test_every_changed_tensor_is_told_with_its_sources_and_change(merged):
    before, after = arrays(merged.source.network), arrays(merged.model.network)
    changes = {change.name: change for change in merged.receipt.changes}
    assert set(changes) == {name for name in after if name.startswith("model.layers.1.")}
    for name, change in changes.items():
        rest = name.removeprefix("model.layers.1.")
        assert change.sources == (f"model.layers.2.{rest}", f"model.layers.4.{rest}") and change.weights == (0.2, 0.8)
        old = before[change.sources[0]]
        by_hand = np.linalg.norm(after[name] - old) / np.linalg.norm(old)
        assert change.relative_change == pytest.approx(by_hand, rel=1e-9) and by_hand > 0.05


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_hash_is_that_of_names_and_bytes(dtype):
    from tests.merging.models import loaded
    from tests.tiny import tiny_network

    merged = merge(loaded(tiny_network("gpt2", LAYERS).to(dtype)), MergePlan(LAYERS, GROUPS))
    state, whole = merged.model.network.state_dict(), blake3()
    for change in merged.receipt.changes:
        bytes_of_it = bytes(state[change.name].untyped_storage())
        whole.update(change.name.encode() + b"\0" + blake3(bytes_of_it).digest())
    assert len(merged.receipt.changes) == 12
    assert merged.receipt.hash == whole.hexdigest()[:16]


def test_a_piece_has_the_digest_that_blake3_is_published_with():
    """Of no bytes, and of the letters that its own site shows."""
    assert digest_of(torch.zeros(0)).hex() == "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
    letters = torch.tensor(list(b"abc"), dtype=torch.uint8)
    assert digest_of(letters).hex() == "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"


def test_a_long_tensor_is_hashed_in_pieces():
    """Row by row, wherever its numbers lie in memory."""
    turned = torch.arange(float(2 * PIECE + 6), dtype=torch.float32).view(2, PIECE + 3).T
    content = np.ascontiguousarray(turned.numpy()).tobytes()
    cut = [content[start : start + 4 * PIECE] for start in range(0, len(content), 4 * PIECE)]
    assert len(cut) == 3
    whole = blake3(b"name\0" + b"".join(blake3(part).digest() for part in cut) + b"other\0" + blake3(b"").digest())
    assert hash_tensors([("name", turned), ("other", torch.zeros(0))]) == whole.hexdigest()[:16]


def test_layers_that_were_alike_have_changed_by_nothing():
    model = model_of()
    model.stack.layers[3].load_state_dict(model.stack.layers[2].state_dict())
    receipt = merge(model, MergePlan(LAYERS, (MergeGroup((2, 3), (0.5, 0.5)),))).receipt
    assert len(receipt.changes) == 9 and {change.relative_change for change in receipt.changes} == {0.0}


def test_tied_tensors_count_once():
    tied = model_of("llama", tie_word_embeddings=True)
    receipt = merge(tied, MergePlan(LAYERS)).receipt
    assert receipt.parameters_before == tied.network.num_parameters() == receipt.parameters_after
    assert receipt.shared_tensors == len(list(tied.network.parameters()))
