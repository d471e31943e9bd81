"""Perplexity: how surprised the model is by text that it should find ordinary."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from mka.evaluation.batches import batch_tokens, batches, forward, text_rows, token_log_probabilities
from mka.evaluation.uncertainty import clustered_mean
from mka.objects.progress import Cancel, Progress, silent
from mka.objects.report import Perplexity
from mka.objects.texts import TextSet

if TYPE_CHECKING:
    from mka.models.loaded import LoadedModel


def perplexity(
    model: LoadedModel,
    texts: TextSet,
    *,
    tokens_per_batch: int | None = None,
    progress: Progress = silent,
    cancel: Cancel | None = None,
) -> Perplexity:
    """exp of the mean negative log-likelihood (nats) per real token, each text a document of its own.

    Tokens are scored behind the special tokens that the tokenizer itself adds (BOS is given, never
    predicted); without any, a text's first token is context only. Texts longer than the context are
    cut as :func:`mka.evaluation.batches.windows` says. `stderr` is by the delta method, value times
    the standard error of the mean, with texts as clusters; NaN for one text. A value beyond float64
    is inf, and a model that puts out NaN has perplexity NaN.
    """
    rows = text_rows(model, [text.text for text in texts.texts])
    sums, counts = np.zeros(len(texts.texts)), np.zeros(len(texts.texts))
    todo = batches(rows, tokens_per_batch or batch_tokens(model))
    for done, batch in enumerate(todo):
        if cancel is not None:
            cancel.check()
        progress("perplexity", done, len(todo))
        logits = forward(model, batch)
        for index, row in enumerate(batch):
            sums[row.owner] -= token_log_probabilities(logits, index, row).sum().item()
            counts[row.owner] += len(row.ids) - row.first
    progress("perplexity", len(todo), len(todo))
    read = counts > 0
    pieces = Counter(row.owner for row in rows)
    return from_losses(sums[read], counts[read], split=sum(1 for count in pieces.values() if count > 1))


def from_losses(sums: np.ndarray, counts: np.ndarray, *, split: int = 0) -> Perplexity:
    """Perplexity from each text's summed negative log-likelihood (nats) and its number of tokens, both (texts,)."""
    mean, error = clustered_mean(sums, counts)
    try:
        value = math.exp(mean)
    except OverflowError:
        value = math.inf
    stderr = math.inf if math.isinf(value) else value * error
    return Perplexity(value=value, stderr=stderr, tokens=int(counts.sum()), texts=len(sums), split=split)
