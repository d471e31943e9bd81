"""The projections through which a layer writes into the residual stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from mka.errors import BadInput
from mka.merging.repair.passes import Batch, output_of, run_up_to
from mka.models.loaded import LoadedModel

PROJECTIONS = (nn.Linear, Conv1D)
ROUNDINGS = 8
"""A layer's output may differ from its input plus what its writers put out by so many roundings of its length."""


@dataclass(frozen=True)
class Writer:
    """A projection whose output is added to the residual stream as it is.

    name:  of the module, from the layer, as "mlp.down_proj"
    """

    name: str
    module: nn.Module

    @property
    def matrix(self) -> Tensor:
        """Its weight as (inputs, outputs), whichever way round the module keeps it; shares memory with it."""
        return matrix_of(self.module)

    @property
    def bias(self) -> Tensor | None:
        return self.module.bias  # type: ignore[return-value]  # both classes have it, or None


def matrix_of(module: nn.Module) -> Tensor:
    """The weight of a projection as (inputs, outputs), in the same memory."""
    weight: Tensor = module.weight  # type: ignore[assignment]  # both classes have one
    return weight if isinstance(module, Conv1D) else weight.T


def as_stored(module: nn.Module, matrix: Tensor) -> Tensor:
    """A matrix (inputs, outputs) the way round that the projection keeps it."""
    return matrix if isinstance(module, Conv1D) else matrix.T.contiguous()


def writers_of(model: LoadedModel, place: int, batch: Batch) -> tuple[Writer, ...]:
    """The writers of layer `place`, in the order in which they run: attention's first, the down-projection last.

    No table of names: of each direct part of the layer it is the linear map that runs last, and the layer's output on
    `batch` must be its input plus what these put out. BadInput with the architecture's name where it is not, as where
    a norm or a factor stands behind them (OLMo 2, Gemma 2, Granite), or experts answer (their maps are no modules),
    and where the stream is not one vector for each token (several streams side by side, tokens put before the text).
    """
    layer = model.stack.layers[place]
    with _watched(layer) as seen:
        run_up_to(model, batch, layer)
    before, after = seen.ends
    if {before.shape[:-1], after.shape[:-1]} != {batch.ids.shape}:
        raise BadInput(
            f"{type(model.network).__name__} cannot be repaired: the residual stream of layer {place} is not one "
            "vector for each token of the text; merge with repair none"
        )
    width = after.shape[-1]
    last = {name.split(".")[0]: name for name, out in seen.outputs.items() if out.shape[-1] == width}
    names = [name for name in seen.outputs if name in last.values()]
    written = before.double() + sum(seen.outputs[name].reshape(after.shape).double() for name in names)
    real = batch.mask.bool().to(after.device)
    off = (written - after.double())[real].norm() / after.double()[real].norm()
    if not names or not off <= ROUNDINGS * torch.finfo(after.dtype).eps:
        raise BadInput(
            f"{type(model.network).__name__} cannot be repaired: layer {place} adds something else to the residual "
            "stream than its linear maps put out (a norm, a factor or experts stand between), so a repair cannot be "
            "folded into them; merge with repair none"
        )
    return tuple(Writer(name, layer.get_submodule(name)) for name in names)


class _Seen:
    """What one run of a layer showed: its input and output, and each linear map's output in the order of the calls."""

    def __init__(self) -> None:
        self.ends: tuple[Tensor, Tensor] = (torch.empty(0), torch.empty(0))
        self.outputs: dict[str, Tensor] = {}


@contextmanager
def _watched(layer: nn.Module) -> Iterator[_Seen]:
    seen = _Seen()

    def of(name: str) -> Any:
        def hook(module: nn.Module, args: Sequence[Any], output: Any) -> None:
            seen.outputs.pop(name, None)  # a map that runs again counts where it ran last
            if isinstance(output, Tensor):  # a router that is a linear map also says whom it chose
                seen.outputs[name] = output.clone()  # others may be added to it in place

        return hook

    def ends(module: nn.Module, args: Sequence[Any], kwargs: dict[str, Any], output: Any) -> None:
        seen.ends = (args[0] if args else kwargs["hidden_states"], output_of(output))

    # First of the layer's hooks, since the one that ends the run lets none after it see anything.
    handles = [layer.register_forward_hook(ends, with_kwargs=True)]
    handles += [
        part.register_forward_hook(of(name)) for name, part in layer.named_modules() if isinstance(part, PROJECTIONS)
    ]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()
