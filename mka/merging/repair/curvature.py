"""How sharply the error of a layer's output bends along the weights of each of its projections.

Axes: n tokens, i inputs and o outputs of a projection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from mka.merging.repair.writers import PROJECTIONS

DAMPING = 0.02
"""Added to each factor, in units of its mean eigenvalue, so that what calibration never shows bends a little too."""
LEAST = torch.finfo(torch.float32).tiny / DAMPING
"""A factor of a smaller mean eigenvalue has no inverse in float32."""

Weights = Mapping[str, Tensor]
"""Parameters of a layer by their names."""


def projections_of(layer: nn.Module) -> dict[str, nn.Module]:
    """The linear maps in a layer, by name."""
    return {name: part for name, part in layer.named_modules() if isinstance(part, PROJECTIONS)}


@dataclass
class _Factors:
    """Of one projection, float64: the sums of x x' (i, i) over its inputs and of g g' (o, o) over the pulls at its
    outputs; how many tokens they are of."""

    inputs: Tensor
    outputs: Tensor
    tokens: int = 0

    @property
    def idle(self) -> bool:
        """Whether it was given nothing, or nothing of it reaches the output, as behind a map of zeros."""
        return not min(_mean(self.inputs), _mean(self.outputs / self.tokens)) > LEAST

    def add(self, x: Tensor, pull: Tensor) -> None:
        self.inputs += (x.T @ x).double().cpu()
        self.outputs += (pull.T @ pull).double().cpu()
        self.tokens += len(x)


@dataclass
class Curvature:
    """J' J of a layer, of each projection's weights alone, as a Kronecker product of two sums: E[x x'] (x) E[g g'].

    What K-FAC takes for the Fisher matrix (Martens and Grosse 2015, section 3), here of squared errors: x is what the
    projection reads, g what a random error of the layer's output pulls at what it puts out.
    """

    layer: nn.Module
    _factors: dict[str, _Factors] = field(default_factory=dict)

    def look(self, run: Callable[[], Tensor], root: Tensor, chance: torch.Generator) -> None:
        """Take in one piece: `run` calls the layer; errors (b, t, d) are drawn in proportion to `root` (b, t, 1)."""
        with torch.enable_grad(), self._outputs() as seen:
            out = run()
            error = torch.randn(out.shape, generator=chance).to(out) * root
            called = {name: pair for name, pair in seen.items() if pair[1].requires_grad}
            pulls = torch.autograd.grad(out, [put_out for _, put_out in called.values()], error, allow_unused=True)
        for (name, (read, _)), pull in zip(called.items(), pulls, strict=True):
            if pull is not None:
                x, g = (one.detach().reshape(-1, one.shape[-1]) for one in (read, pull))
                if name not in self._factors:
                    self._factors[name] = _Factors(_zeros(x.shape[1]), _zeros(g.shape[1]))
                self._factors[name].add(x, g)

    @contextmanager
    def _outputs(self) -> Iterator[dict[str, tuple[Tensor, Tensor]]]:
        """While the block runs, what each projection read and put out last."""
        seen: dict[str, tuple[Tensor, Tensor]] = {}

        def of(name: str) -> Any:
            def hook(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
                seen[name] = args[0], output

            return hook

        handles = [part.register_forward_hook(of(name)) for name, part in projections_of(self.layer).items()]
        try:
            yield seen
        finally:
            for handle in handles:
                handle.remove()

    def flattened(self) -> Callable[[Weights], dict[str, Tensor]]:
        """The map that divides a slope by the curvature, each projection's weight and bias by its own."""
        inverses = {name: _inverses(one) for name, one in self._factors.items() if not one.idle}

        def divide(slope: Weights) -> dict[str, Tensor]:
            found: dict[str, Tensor] = {}
            for name, value in slope.items():
                module, _, kind = name.rpartition(".")
                if module not in inverses:
                    found[name] = torch.zeros_like(value)  # it never ran, or nothing of it reaches the output
                    continue
                inputs, outputs, tokens = (one.to(value) for one in inverses[module])
                turned = isinstance(self.layer.get_submodule(module), Conv1D)
                if kind == "bias":
                    found[name] = outputs @ value / tokens
                else:
                    found[name] = inputs @ value @ outputs if turned else outputs @ value @ inputs
            return found

        return divide


def _zeros(size: int) -> Tensor:
    return torch.zeros(size, size, dtype=torch.float64)


def _inverses(factors: _Factors) -> tuple[Tensor, Tensor, Tensor]:
    """Of both factors, damped; and the number of tokens, which is what a constant input sums to."""
    outputs = _damped(factors.outputs / factors.tokens)
    return torch.linalg.inv(_damped(factors.inputs)), torch.linalg.inv(outputs), torch.tensor(float(factors.tokens))


def _damped(factor: Tensor) -> Tensor:
    return factor + DAMPING * _mean(factor) * torch.eye(len(factor), dtype=factor.dtype)


def _mean(factor: Tensor) -> float:
    """Of its eigenvalues."""
    return float(factor.diagonal().mean())
