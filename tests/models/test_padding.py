"""Sequences of several lengths as one batch."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mka.errors import RunFailed
from mka.models.padding import padded, running


def test_short_rows_are_filled_on_the_right_and_masked() -> None:
    ids, mask = padded([(5, 6, 7), (8,)])
    assert ids.tolist()[0] == [5, 6, 7] and ids.tolist()[1][0] == 8
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]] and ids.dtype == mask.dtype == torch.int64


def test_a_model_that_fails_is_told_in_one_line() -> None:
    with (
        pytest.raises(RunFailed, match=r"failed on a batch of 2 x 3 tokens: no memory; use fewer"),
        running(nn.Identity(), torch.zeros(2, 3)),
    ):
        raise RuntimeError("no memory\nsecond line")
