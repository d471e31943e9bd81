"""A model folder as a streamed merge reads it: every stored tensor, and the network that its config describes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from transformers import PreTrainedModel

from mka.errors import BadInput
from mka.models.checks import check_tokenizer, read_config
from mka.models.files import StoredTensor, stored_tensors, weight_files
from mka.models.fingerprint import fingerprint_files
from mka.models.lineage import own_plan
from mka.models.loading import STORED, check_complete, stored_dtype
from mka.models.locate import HubModel, fetch, resolve
from mka.models.stack import DecoderStack
from mka.models.weightless import stored_form, weightless
from mka.objects.plan import MergePlan

FLOATING: Mapping[str, torch.dtype] = STORED
"""What headers call the dtypes that can be averaged."""


@dataclass(frozen=True)
class StreamSource:
    """A model on disk, none of it loaded.

    word:     what the user gave: "demo", a folder, a hub id
    network:  what its config describes, on the meta device, at the dtype of most of the weights
    tensors:  name in the files -> where it is stored; those alone that the network has a place for
    made_by:  the plan that it was merged by before, None where MKA did not merge it
    """

    word: str
    folder: Path
    network: PreTrainedModel
    stack: DecoderStack
    tensors: Mapping[str, StoredTensor]
    dtype: torch.dtype
    fingerprint: str
    made_by: MergePlan | None


def open_source(source: str | Path, revision: str | None = None) -> StreamSource:
    """Read config and headers, and compare them; BadInput for whatever `mka.load` would refuse of them.

    Also where the files go by other names than transformers would write, which it alone knows how to read, and for
    pickles whose tensors do not lie in them byte by byte.
    """
    place = resolve(source, revision)
    folder = fetch(place) if isinstance(place, HubModel) else place
    config = read_config(folder, trust_remote_code=False)
    files = weight_files(folder)
    stored = {tensor.name: tensor for tensor in stored_tensors(files)}
    _check_in_one_piece(stored.values())
    check_tokenizer(folder)
    dtype = stored_dtype(files)
    network = weightless(config, dtype)
    return StreamSource(
        word=str(source),
        folder=folder,
        network=network,
        stack=DecoderStack.of(network),
        tensors=_with_a_place(folder, network, stored),
        dtype=dtype,
        fingerprint=fingerprint_files(files),
        made_by=own_plan(folder),
    )


def _with_a_place(
    folder: Path, network: PreTrainedModel, stored: Mapping[str, StoredTensor]
) -> dict[str, StoredTensor]:
    """The stored tensors that the network has a place for; BadInput where it lacks one or has none for one.

    Left out is what the class says it ignores, and other names of a tensor that the network has once. A tied tensor
    that is stored nevertheless stays.
    """
    asked = stored_form(network)
    tied = set(network.all_tied_weights_keys or {})
    missing = sorted(asked.keys() - stored.keys())
    unexpected = sorted(stored.keys() - asked.keys() - tied)
    ignored = set(_matching(unexpected, network._keys_to_ignore_on_load_unexpected or ()))
    if missing and unexpected:
        raise BadInput(
            f"the weights of {folder} go by names that a streamed merge does not know, such as {unexpected[0]} where "
            f"{missing[0]} was expected; merge in memory (without --stream)"
        )
    shapes = [(name, stored[name].shape, tuple(asked[name].shape)) for name in sorted(asked.keys() & stored.keys())]
    mismatched = [one for one in shapes if one[1] != one[2]]
    check_complete(folder, missing, mismatched, [name for name in unexpected if name not in ignored])
    _check_dtypes(folder, asked, stored)
    first = {stored[name].same_as or name for name in asked}
    again = {name for name in stored.keys() - asked.keys() if (stored[name].same_as or name) in first}
    return {name: tensor for name, tensor in stored.items() if name not in ignored | again}


def _check_in_one_piece(stored: Iterable[StoredTensor]) -> None:
    """BadInput for tensors that no bytes of their file are."""
    for tensor in stored:
        if tensor.loose:
            raise BadInput(
                f"the tensor {tensor.name} cannot be copied out of {tensor.file}: {tensor.loose}; "
                "merge in memory (without --stream)"
            )


def _matching(names: Iterable[str], patterns: Iterable[str]) -> list[str]:
    return [name for name in names if any(re.search(pattern, name) for pattern in patterns)]


def _check_dtypes(folder: Path, asked: Mapping[str, Tensor], stored: Mapping[str, StoredTensor]) -> None:
    """Numbers where the network has numbers: codes of a quantisation that no config tells of would pass as weights."""
    for name, tensor in asked.items():
        if tensor.is_floating_point() != (stored[name].dtype in FLOATING):
            raise BadInput(
                f"the weight {name} of {folder} is stored as {stored[name].dtype}, but its config asks for "
                f"{str(tensor.dtype).removeprefix('torch.')}; use the model as it was before it was quantised"
            )
