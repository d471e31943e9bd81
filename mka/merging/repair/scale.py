"""Magnitude compensation: the residual stream before a cut, made as long as what stands behind it expects.

Prune&Comp, arXiv 2507.18212. Layers read the stream through a norm, so those before the cut do the same whatever its
length; but what they leave is shorter than what layers behind the cut were trained on, and these then add too much.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mka.errors import BadInput
from mka.merging.repair.cuts import Place
from mka.merging.repair.passes import Batch, run_up_to
from mka.merging.shells import set_tensor, tensors_of
from mka.models.loaded import LoadedModel

ROUNDINGS = 8
"""What enters the first layer may miss `ratio` times what entered it by so many roundings of its length."""


@dataclass(frozen=True)
class Ratio:
    """value: what to multiply by, 1 where that misses the held-out states less; left: as in `ridge.Fit`."""

    value: float
    left: float


def length_ratio(
    source: LoadedModel, merged: LoadedModel, place: Place, batches: Sequence[Batch], step: Callable[[], None]
) -> Ratio:
    """Mean over the calibration tokens of |source's state behind the cut| / |merged model's state before it|.

    1 where the held-out tokens' states are met no better by it: sum of |s - ratio m|^2 / |s|^2.
    """
    total, count, missed = 0.0, 0, torch.zeros(3, dtype=torch.float64)  # |s - r m|^2 = ss - 2 r sm + r^2 mm
    for batch in batches:
        step()
        ours = run_up_to(merged, batch, merged.stack.layers[place.number]).double()
        wanted = run_up_to(source, batch, source.stack.layers[place.target]).double()
        at, held = batch.fitted.to(ours.device), batch.held.to(ours.device)
        total += float((wanted[at].norm(dim=1) / ours[at].norm(dim=1)).sum())
        count += int(at.sum())
        s, m = wanted[held], ours[held]
        squares = torch.stack([(s * s).sum(1), (s * m).sum(1), (m * m).sum(1)]) / (s * s).sum(1)
        missed += squares.sum(dim=1).cpu()
    ratio = total / count
    without, with_it = (float(missed[0] - 2 * r * missed[1] + r * r * missed[2]) for r in (1.0, ratio))
    return Ratio(ratio, with_it / without) if with_it < without else Ratio(1.0, 1.0)


def lengthen(model: LoadedModel, ratio: float, modules: Sequence[tuple[str, nn.Module]], batch: Batch) -> list[str]:
    """Multiply by `ratio` what the embeddings and `modules` (by name) write; returns the names of changed tensors.

    With a tied head the final norm's gain is divided by it, since the head's rows grew. BadInput where the embeddings
    do not enter the first layer as they are (a norm stands behind them), or the final norm cannot be told.
    """
    network = model.network
    norm = _final_norm(model) if _tied(network) else None
    before = _entering(model, batch)
    changed = [name for path, module in (*_embeddings(model), *modules) for name in _multiply(network, path, ratio)]
    if norm is not None:
        head, entry = network.get_output_embeddings(), network.get_input_embeddings()
        head.weight = entry.weight  # multiplying gave the entry a tensor of its own
        changed += _divide_norm(model, *norm, ratio)
    after = _entering(model, batch)
    if not (after - ratio * before).norm() <= ROUNDINGS * torch.finfo(network.dtype).eps * after.norm():
        raise BadInput(
            f"{type(network).__name__} cannot be scaled: its embeddings do not enter the first layer as they are "
            "(a norm stands behind them); use the repair linear, or none"
        )
    return changed


def _tied(network: nn.Module) -> bool:
    head, entry = network.get_output_embeddings(), network.get_input_embeddings()  # type: ignore[operator]
    return head is not None and head.weight.data_ptr() == entry.weight.data_ptr()


def _embeddings(model: LoadedModel) -> list[tuple[str, nn.Module]]:
    """The tables, of tokens and of positions, that lie beside the stack of layers."""
    path = model.stack.path.rpartition(".")[0]
    return [
        (f"{path}.{name}" if path else name, module)
        for name, module in model.network.get_submodule(path).named_children()
        if isinstance(module, nn.Embedding)
    ]


def _multiply(network: nn.Module, path: str, ratio: float) -> list[str]:
    names = [f"{path}.{name}" for name in tensors_of(network.get_submodule(path))]
    for name in names:
        old = network.get_parameter(name)
        set_tensor(network, name, (old.detach().double() * ratio).to(old.dtype))
    return names


def _final_norm(model: LoadedModel) -> tuple[str, nn.Module]:
    """The one child beside the stack of layers that holds nothing but vectors as wide as the stream."""
    path = model.stack.path.rpartition(".")[0]
    width = model.stack.text_config.hidden_size
    found = [
        (f"{path}.{name}" if path else name, module)
        for name, module in model.network.get_submodule(path).named_children()
        if list(module.parameters()) and all(tuple(tensor.shape) == (width,) for tensor in module.parameters())
    ]
    if len(found) != 1:
        raise BadInput(
            f"{type(model.network).__name__} cannot be scaled: its head is tied and {len(found)} norms could be the "
            "final one; use the repair linear, or none"
        )
    return found[0]


def _divide_norm(model: LoadedModel, path: str, norm: nn.Module, ratio: float) -> list[str]:
    """Divide what the final norm puts out, by its gain and bias; the gain may be kept as what exceeds 1 (Gemma)."""
    gain: Tensor = norm.weight  # type: ignore[assignment]
    states = torch.linspace(-1, 2, 2 * len(gain), dtype=gain.dtype, device=gain.device).reshape(2, -1)
    with torch.no_grad():
        wanted = norm(states).double() / ratio
    names = [f"{path}.{name}" for name in tensors_of(norm)]
    old: dict[str, Tensor] = {name: model.network.get_parameter(name).detach().double() for name in names}
    for offset in (0.0, 1.0):
        for name in names:
            plus = offset if name.endswith(".weight") else 0.0
            new = (old[name] + plus) / ratio - plus
            set_tensor(model.network, name, new.to(model.network.get_parameter(name).dtype))
        with torch.no_grad():
            off = (norm(states).double() - wanted).norm()
        if off <= ROUNDINGS * torch.finfo(states.dtype).eps * wanted.norm():
            return names
    raise BadInput(
        f"{type(model.network).__name__} cannot be scaled: its final norm is no gain and bias that could be divided; "
        "use the repair linear, or none"
    )


def _entering(model: LoadedModel, batch: Batch) -> Tensor:
    """What the first layer is given at the real tokens, float64 (n, d)."""
    given: list[Tensor] = []

    def look(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        given.append(args[0] if args else kwargs["hidden_states"])

    first = model.stack.layers[0]
    handle = first.register_forward_pre_hook(look, with_kwargs=True)
    try:
        run_up_to(model, batch, first)
    finally:
        handle.remove()
    return given[0][batch.mask.bool().to(given[0].device)].double()
