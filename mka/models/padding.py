"""Token sequences of several lengths as one batch, and what holds while a network runs on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from mka.errors import RunFailed
from mka.models.evaluating import evaluating


def padded(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Ids and mask, int64 (rows, longest row), right-padded; the mask is 0 at padding.

    Any valid id pads: the mask keeps padding out of attention, and no figure reads its places.
    """
    width = max(map(len, rows))
    ids, mask = (torch.zeros(len(rows), width, dtype=torch.long) for _ in range(2))
    for index, row in enumerate(rows):
        ids[index, : len(row)] = torch.tensor(row)
        mask[index, : len(row)] = 1
    return ids, mask


@contextmanager
def running(network: nn.Module, ids: Tensor) -> Iterator[None]:
    """`network` in evaluation mode; RunFailed in one line where it fails on the batch `ids` (rows, tokens)."""
    try:
        with evaluating(network):
            yield
    except (RuntimeError, IndexError) as error:  # out of memory is a RuntimeError
        reason = (str(error).splitlines() or [""])[0]
        raise RunFailed(
            f"the model failed on a batch of {ids.shape[0]} x {ids.shape[1]} tokens: {reason}; "
            "use fewer or shorter texts, or check that tokenizer and model belong together"
        ) from error
