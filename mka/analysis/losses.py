"""How badly the model foresees a token: its negative log-probability in nats, given all tokens before it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import torch
from torch import Tensor

from mka.models.loaded import LoadedModel
from mka.models.padding import running

KEEP = "logits_to_keep"
"""How transformers' causal models are told the places whose logits are wanted."""
ROWS = 128
"""Logits that become float32 at once, so that besides a batch's logits there is no second copy of them."""


def run_batch(model: LoadedModel, ids: Tensor, mask: Tensor, texts: Tensor, tokens: Tensor) -> Tensor:
    """Run one right-padded batch through the whole network, once; the losses of m of its tokens, float64 (m,).

    ids, mask:      int64 (b, t)
    texts, tokens:  int64 (m,), loss i is that of token tokens[i] >= 1 of text texts[i] of the batch

    The network's own head makes the logits, with whatever it does to them (caps, scales), and only where a loss
    is asked for if it can be told so. Without any loss to give (m = 0) the head is left out. RunFailed where the
    model fails.
    """
    device = model.network.device
    given = {"input_ids": ids.to(device), "attention_mask": mask.to(device), "use_cache": False}
    with running(model.network, ids):
        if not len(texts):
            model.stack.base(**given)
            return torch.empty(0, dtype=torch.float64)
        columns = tokens - 1
        if KEEP in inspect.signature(model.network.forward).parameters:
            kept, columns = torch.unique(columns, return_inverse=True)
            given[KEEP] = kept.to(device)
        logits = model.network(**given).logits
        return torch.cat(list(_losses(logits, texts, columns, ids[texts, tokens])))


def _losses(logits: Tensor, texts: Tensor, columns: Tensor, foreseen: Tensor) -> Iterator[Tensor]:
    for part in torch.arange(len(texts)).split(ROWS):
        rows = logits[texts[part].to(logits.device), columns[part].to(logits.device)]
        # Never in half precision: a loss of 8 would be told to 1/16 at best.
        rows = rows if rows.dtype == torch.float64 else rows.float()
        target = foreseen[part].to(logits.device)[:, None]
        yield (rows.logsumexp(dim=-1) - rows.gather(-1, target)[:, 0]).double().cpu()
