"""From text to token rows, from rows to batches, from batches to log-probabilities.

    text -> windows(...) -> Row, Row, ... -> batches(...) -> forward(...) -> log_probabilities(...)

Every task of the room reads a model through these functions, so that padding, special tokens and
dtypes are treated alike in all figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from mka.errors import BadInput
from mka.models.padding import padded, running

if TYPE_CHECKING:
    from mka.models.loaded import LoadedModel

CPU_TOKENS = 512
"""Padded tokens of a batch on a CPU: larger ones leave its caches and are slower."""
ACCELERATOR_TOKENS = 8192
LONGEST_WINDOW = 2048
"""Windows stay this short even where the model's context is longer, so that logits fit in memory."""


@dataclass(frozen=True)
class Row:
    """One sequence to run: the tokens from `first` on are scored, each given all tokens before it.

    owner:     index of what the row belongs to (text, or question option)
    position:  place in its text of the row's first scored token, special tokens not counted
    """

    ids: tuple[int, ...]
    first: int
    owner: int
    position: int = 0


def encode(tokenizer: Any, text: str) -> tuple[int, ...]:
    """The text's own tokens, no special token added."""
    return tuple(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])


def leading_specials(tokenizer: Any) -> tuple[int, ...]:
    """What the tokenizer itself puts before a text (usually BOS); empty where it puts nothing."""
    probe = "a"
    bare, full = encode(tokenizer, probe), tuple(tokenizer(probe, verbose=False)["input_ids"])
    for start in range(len(full) - len(bare) + 1):
        if full[start : start + len(bare)] == bare:
            return full[:start]
    return ()


def context_length(model: LoadedModel) -> int:
    """Longest row that is run: the model's positions, at most LONGEST_WINDOW, at least 2."""
    positions = getattr(model.stack.text_config, "max_position_embeddings", None)
    return max(2, min(int(positions), LONGEST_WINDOW)) if positions else LONGEST_WINDOW


def windows(ids: Sequence[int], specials: Sequence[int], context: int, owner: int) -> list[Row]:
    """Cut one text into rows of at most `context` tokens in which every token is scored once.

    The first row is the special tokens and the text's beginning; without special tokens the first
    token is context only, since nothing stands before it. Each later row is the special tokens and
    the last token of the row before, which is context, and then new tokens.
    """
    lead = tuple(specials) if len(specials) < context - 1 else ()
    start = 0 if lead else 1
    rows = []
    while start < len(ids):
        given = lead + tuple(ids[max(0, start - 1) : start])
        end = start + context - len(given)
        rows.append(Row(given + tuple(ids[start:end]), len(given), owner, start))
        start = end
    return rows


def text_rows(model: LoadedModel, texts: Sequence[str]) -> list[Row]:
    """The rows of all texts; BadInput when no token of them can be scored."""
    specials, context = leading_specials(model.tokenizer), context_length(model)
    rows = [
        row
        for owner, text in enumerate(texts)
        for row in windows(encode(model.tokenizer, text), specials, context, owner)
    ]
    if not rows:
        raise BadInput("the evaluation texts hold no token to predict; give at least one text that is not empty")
    return rows


def batches(rows: Sequence[Row], tokens: int) -> list[list[Row]]:
    """Rows sorted by length in batches of at most `tokens` padded tokens, at least one row each."""
    out: list[list[Row]] = []
    for row in sorted(rows, key=lambda row: len(row.ids)):
        # Sorted upwards, so this row is the batch's longest and sets its width.
        if out and (len(out[-1]) + 1) * len(row.ids) <= tokens:
            out[-1].append(row)
        else:
            out.append([row])
    return out


def batch_tokens(model: LoadedModel) -> int:
    """The batch size in padded tokens that suits the model's device."""
    return CPU_TOKENS if torch.device(model.device).type == "cpu" else ACCELERATOR_TOKENS


def forward(model: LoadedModel, rows: Sequence[Row]) -> torch.Tensor:
    """Logits (rows, longest row, vocabulary) at the model's dtype; right padding, which the mask hides."""
    ids, mask = padded([row.ids for row in rows])
    with running(model.network, ids), torch.inference_mode():
        out = model.network(input_ids=ids.to(model.device), attention_mask=mask.to(model.device), use_cache=False)
    logits: torch.Tensor = out.logits
    return logits


def log_probabilities(logits: torch.Tensor) -> torch.Tensor:
    """Log-softmax over the last axis in float32, or float64 where the model is; never in half precision."""
    return torch.log_softmax(logits if logits.dtype == torch.float64 else logits.float(), dim=-1)


def scored(logits: torch.Tensor, index: int, row: Row) -> torch.Tensor:
    """Of one row of a batch, the logits (scored tokens, vocabulary) that predict its scored tokens."""
    return logits[index, row.first - 1 : len(row.ids) - 1]


def token_log_probabilities(logits: torch.Tensor, index: int, row: Row) -> torch.Tensor:
    """float64 (scored tokens,): log-probability in nats of each scored token of one row of a batch."""
    target = torch.tensor(row.ids[row.first :], device=logits.device)
    picked = log_probabilities(scored(logits, index, row)).gather(-1, target[:, None])[:, 0]
    return picked.double().cpu()
