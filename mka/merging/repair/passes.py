"""Calibration texts through a network, batch by batch, no further than is asked for.

Axes: b texts of a batch, t padded tokens, d features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from mka.analysis.collection import BATCH_TOKENS
from mka.analysis.reading import MEAN, batches_of, context_of, read_texts
from mka.errors import BadInput
from mka.models.loaded import LoadedModel
from mka.models.padding import padded, running
from mka.objects.texts import TextSet

HELD_EVERY = 4
"""Of every four texts one chooses the strength of a repair, and the other three make it."""


@dataclass(frozen=True)
class Batch:
    """Texts, right-padded.

    ids, mask:     int64 (b, t)
    fitted, held:  bool (b, t), the tokens that make the repair and those that choose its strength; none is special,
                   since what stands at BOS is an outlier
    """

    ids: Tensor
    mask: Tensor
    fitted: Tensor
    held: Tensor


Counts = Callable[[Batch], Tensor]
"""Which tokens of a batch count: bool (b, t)."""


def batches_for(model: LoadedModel, texts: TextSet) -> tuple[Batch, ...]:
    """The texts as batches of about equally long ones; texts beyond the context lose their end.

    BadInput for fewer than HELD_EVERY texts, and for one without a token of its own.
    """
    if len(texts.texts) < HELD_EVERY:
        raise BadInput(
            f"a repair needs at least {HELD_EVERY} calibration texts, since one in {HELD_EVERY} chooses its strength, "
            f"and {texts.source!r} has {len(texts.texts)}; name more"
        )
    readings, _ = read_texts(model, texts, MEAN, 1, context_of(model), seed=0)
    special = torch.tensor(model.tokenizer.all_special_ids)
    made, number = [], 0
    for batch in batches_of(readings, BATCH_TOKENS):
        ids, mask = padded([reading.tokens for reading in batch])
        counted = mask.bool() & ~torch.isin(ids, special)
        chooses = (torch.arange(number, number + len(batch)) % HELD_EVERY == 0)[:, None]
        made.append(Batch(ids, mask, counted & ~chooses, counted & chooses))
        number += len(batch)
    return tuple(made)


def regrouped(batches: Sequence[Batch], counts: Counts, every: int, most: int) -> list[Batch]:
    """Every so many-th of the texts of which a token counts, in batches of one or of at most `most` padded tokens."""
    rows = [row for batch in batches for row in _rows_of(batch) if bool(counts(row).any())][::every]
    made: list[list[Batch]] = []
    for row in rows:
        width = max(one.ids.shape[1] for one in (*made[-1], row)) if made else 0
        if made and (len(made[-1]) + 1) * width <= most:
            made[-1].append(row)
        else:
            made.append([row])
    return [_together(group) for group in made]


def _rows_of(batch: Batch) -> Iterator[Batch]:
    """Each text as a batch of its own, without padding."""
    for number in range(len(batch.ids)):
        length = int(batch.mask[number].sum())
        yield Batch(*(one[number : number + 1, :length] for one in _tensors(batch)))


def _together(group: Sequence[Batch]) -> Batch:
    width = max(one.ids.shape[1] for one in group)
    columns = zip(*(_tensors(one) for one in group), strict=True)
    return Batch(*(torch.cat([pad(one, (0, width - one.shape[1])) for one in column]) for column in columns))


def _tensors(batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return batch.ids, batch.mask, batch.fitted, batch.held


class _Reached(Exception):
    """The layer has run that was asked for."""


@dataclass(frozen=True)
class Call:
    """How a module was called last, and what it put out."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    output: Any

    @property
    def input(self) -> Tensor:
        given: Tensor = self.args[0] if self.args else self.kwargs["hidden_states"]
        return given

    @property
    def states(self) -> Tensor:
        return output_of(self.output)


@contextmanager
def watching(modules: Mapping[str, nn.Module]) -> Iterator[dict[str, Call]]:
    """While the block runs, the last call of each module by its key."""
    calls: dict[str, Call] = {}

    def of(key: str) -> Any:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
            calls[key] = Call(args, kwargs, output)

        return hook

    handles = [module.register_forward_hook(of(key), with_kwargs=True) for key, module in modules.items()]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def rows(states: Tensor, at: Tensor) -> Tensor:
    """Float32 (n, features) of the tokens `at` (b, t); some layers flatten texts and tokens before their MLP."""
    return states.reshape(*at.shape, -1)[at.to(states.device)].float()


def output_of(output: Any) -> Tensor:
    """The hidden states among what a decoder layer returns."""
    return output[0] if isinstance(output, tuple | list) else output


@torch.no_grad()
def run_up_to(model: LoadedModel, batch: Batch, layer: nn.Module) -> Tensor:
    """Run the batch up to `layer` and return that layer's output (b, t, d); what lies behind it does not run.

    RunFailed where the model fails on it.
    """
    found: list[Tensor] = []

    def stop(module: nn.Module, args: Sequence[Any], output: Any) -> None:
        found.append(output_of(output))
        raise _Reached

    handle = layer.register_forward_hook(stop)
    device = model.network.device
    try:
        with running(model.network, batch.ids):
            model.stack.base(input_ids=batch.ids.to(device), attention_mask=batch.mask.to(device), use_cache=False)
    except _Reached:
        pass
    finally:
        handle.remove()
    return found[0]
