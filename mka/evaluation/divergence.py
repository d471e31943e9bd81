"""How far a model's next-token distribution has moved from its baseline's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from mka.errors import BadInput
from mka.evaluation.batches import batch_tokens, batches, forward, log_probabilities, scored, text_rows
from mka.evaluation.positions import AlongTexts
from mka.evaluation.uncertainty import clustered_mean
from mka.objects.progress import Cancel, Progress, silent
from mka.objects.report import Divergence
from mka.objects.texts import TextSet

if TYPE_CHECKING:
    from mka.models.loaded import LoadedModel

POSITIONS = 64
"""How many token positions `by_position` resolves."""


def divergence(
    model: LoadedModel,
    baseline: LoadedModel,
    texts: TextSet,
    *,
    tokens_per_batch: int | None = None,
    progress: Progress = silent,
    cancel: Cancel | None = None,
) -> Divergence:
    """KL(baseline || model) in nats per real token, and the share of tokens with the same top choice.

    Read at the same tokens as the perplexity, batch by batch through both models, so that the logits
    of the whole set are never held. `kl_stderr` has texts as clusters (NaN for one text).
    `by_position` is the mean KL of the first tokens of a text, up to POSITIONS, with its standard error
    over texts; NaN where no text has that token. `halves` compares the halves of these tokens.
    A model with itself gives exactly 0 and 1; a NaN logit makes `kl` NaN and never agrees. BadInput
    when the two do not share a vocabulary.
    """
    check_same_vocabulary(model, baseline)
    rows = text_rows(model, [text.text for text in texts.texts])
    n = len(texts.texts)
    sums, counts, agreed = np.zeros(n), np.zeros(n), 0
    along = AlongTexts(n, POSITIONS)
    todo = batches(rows, tokens_per_batch or batch_tokens(model))
    for done, batch in enumerate(todo):
        if cancel is not None:
            cancel.check()
        progress("divergence", done, len(todo))
        ours, theirs = forward(model, batch), forward(baseline, batch).to(model.device)
        _check_width(ours, theirs)
        for index, row in enumerate(batch):
            p, q = log_probabilities(scored(theirs, index, row)), log_probabilities(scored(ours, index, row))
            kl = token_kl(p, q).double().cpu().numpy()
            sums[row.owner] += kl.sum()
            counts[row.owner] += len(kl)
            agreed += int(_same_choice(p, q).sum())
            along.add(row.owner, row.position, kl)
    progress("divergence", len(todo), len(todo))
    read = counts > 0
    mean, error = clustered_mean(sums[read], counts[read])
    total = int(counts.sum())
    by_position, position_stderr = along.by_position()
    return Divergence(mean, error, agreed / total, total, by_position, position_stderr, along.halves())


def token_kl(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """KL(p || q) in nats of log-probabilities (tokens, vocabulary) -> (tokens,); inf where q is 0 and p is not."""
    mass = p.exp()
    # 0 log 0 = 0; NaN is not 0, so it stays. Rounding can leave a sum just below 0, which no KL is.
    return torch.where(mass == 0, 0.0, mass * (p - q)).sum(-1).clamp_min(0)


def check_same_vocabulary(model: LoadedModel, baseline: LoadedModel) -> None:
    """BadInput unless both tokenizers give every token the same id."""
    if model.tokenizer is baseline.tokenizer or model.tokenizer.get_vocab() == baseline.tokenizer.get_vocab():
        return
    raise BadInput(
        f"{model.source} and {baseline.source} have different vocabularies, so their distributions cannot be "
        "compared; take the unmerged model as baseline or leave the divergence out"
    )


def _check_width(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    if ours.shape[-1] != theirs.shape[-1]:
        raise BadInput(
            f"the model scores {ours.shape[-1]} tokens and its baseline {theirs.shape[-1]}; "
            "take the unmerged model as baseline or leave the divergence out"
        )


def _same_choice(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    known = ~(p.isnan().any(-1) | q.isnan().any(-1))
    return (p.argmax(-1) == q.argmax(-1)) & known
