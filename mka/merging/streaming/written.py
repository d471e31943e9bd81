"""Whether a written folder holds what its config describes: every name, shape and dtype, read back from the disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from mka.errors import BadInput, RunFailed
from mka.merging.streaming.source import FLOATING
from mka.merging.streaming.tensor_plan import Target
from mka.models.checks import read_config
from mka.models.files import StoredTensor, stored_tensors, weight_files
from mka.models.weightless import stored_form, weightless


def check_written(folder: Path, targets: Sequence[Target], dtype: torch.dtype) -> None:
    """RunFailed where a tensor is missing, left over, or of another shape or dtype than `targets` and the network of
    the folder's own config, built anew on the meta device, have it."""
    try:
        config = read_config(folder, trust_remote_code=False)
        found = {tensor.name: tensor for tensor in stored_tensors(weight_files(folder))}
        network = weightless(config, dtype)
    except BadInput as error:
        raise RunFailed(f"the merged model cannot be read back ({error}); nothing was written") from error
    asked, planned = stored_form(network), {target.name: target for target in targets}
    spare = set(network.all_tied_weights_keys or {})
    wrong = sorted((asked.keys() ^ found.keys()) - spare | (planned.keys() ^ found.keys()))
    wrong += [name for name, tensor in found.items() if name in planned and not _fits(tensor, planned[name], asked)]
    if wrong:
        raise RunFailed(
            f"the merged model is not what its config describes: {wrong[0]} is missing, left over or of another shape "
            "or dtype; nothing was written"
        )


def _fits(found: StoredTensor, planned: Target, asked: Mapping[str, Tensor]) -> bool:
    if (found.shape, found.dtype) != (planned.shape, planned.dtype):
        return False
    described = asked.get(found.name)
    if described is None:  # tied, and stored nevertheless
        return True
    numbers = described.is_floating_point() == (found.dtype in FLOATING)
    return numbers and tuple(described.shape) == found.shape
