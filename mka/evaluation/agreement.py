"""How much of a model's output is left after a merge, as LaCo judges it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mka.errors import BadInput
from mka.evaluation.batches import Row, batch_tokens, batches, text_rows
from mka.models.padding import padded, running
from mka.objects.progress import Cancel
from mka.objects.texts import TextSet

if TYPE_CHECKING:
    from mka.models.loaded import LoadedModel


def final_states(model: LoadedModel, texts: TextSet, *, cancel: Cancel | None = None) -> list[Tensor]:
    """What stands before the head at the tokens of each row of the texts: float32 (tokens, hidden), on the CPU.

    The rows are those of `mka.evaluation.batches.text_rows`, sorted by length. BadInput for a model that does not give
    its hidden states; memory is that of all tokens, so that a few texts are enough, as the paper takes.
    """
    found = []
    for batch in batches(text_rows(model, [text.text for text in texts.texts]), batch_tokens(model)):
        if cancel is not None:
            cancel.check()
        states = _forward(model, batch)
        found += [states[index, : len(row.ids)].float().cpu() for index, row in enumerate(batch)]
    return found


def agreement(ours: list[Tensor], theirs: list[Tensor]) -> float:
    """Mean over the rows of the cosine between two models' final states, each row's tokens one long vector; in [-1, 1].

    Algorithm 1 of Yang et al., LaCo, arXiv 2402.11187, as their code does it. NaN where a state is not finite or zero.
    """
    cosines = [
        torch.cosine_similarity(one.flatten().double(), other.flatten().double(), dim=0)
        for one, other in zip(ours, theirs, strict=True)
    ]
    return float(torch.stack(cosines).mean())


def _forward(model: LoadedModel, rows: list[Row]) -> Tensor:
    ids, mask = padded([row.ids for row in rows])
    with running(model.network, ids), torch.inference_mode():
        out = model.network(
            input_ids=ids.to(model.device),
            attention_mask=mask.to(model.device),
            use_cache=False,
            output_hidden_states=True,
        )
    if not out.hidden_states:
        raise BadInput("this model does not give its hidden states, which laco compares; choose another strategy")
    states: Tensor = out.hidden_states[-1]
    return states
