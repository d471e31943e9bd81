"""Parameters over shared memory, and those that are one."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from mka.models.loading import load
from mka.models.own_memory import give_own_memory
from tests.pickled import with_pickle
from tests.tiny import tiny_model_folder


def test_what_overlaps_is_parted_and_the_rest_stays_where_it_is() -> None:
    room = torch.arange(12.0)
    views = {
        "whole": room[:6],
        "same": room[:6],
        "across": room[3:9].reshape(3, 2).T,
        "behind": room[9:],
        "none": room[:0],
    }
    network = nn.ParameterDict(views)
    network["again"] = network["behind"]
    give_own_memory(network)
    assert all(torch.equal(network[name], view) for name, view in views.items())
    assert [name for name, view in views.items() if network[name].data_ptr() == view.data_ptr()] in (
        ["whole", "behind", "none"],
        ["same", "behind", "none"],
    )
    assert network["again"] is network["behind"], "one parameter under two names"
    network["across"].data.zero_()
    assert torch.equal(room, torch.arange(12.0))


def test_a_pickles_head_is_its_own_unless_the_config_ties_it(tmp_path: Path) -> None:
    for tied in (False, True):
        folder = tiny_model_folder(tmp_path, tie_word_embeddings=tied)
        pickled = with_pickle(
            folder, tmp_path / f"{tied}", lambda held: held | {"lm_head.weight": held["model.embed_tokens.weight"]}
        )
        network = load(pickled, device="cpu").network
        head, entry = network.get_output_embeddings().weight, network.get_input_embeddings().weight
        assert torch.equal(head, entry) and (head is entry) == (head.data_ptr() == entry.data_ptr()) == tied
