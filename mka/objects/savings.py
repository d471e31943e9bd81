"""What a plan saves before anything is merged."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Savings:
    """Before and after, of layers, parameters, weight bytes, cache bytes per token, and FLOPs per token.

    flops_per_token: floating-point operations of a forward pass in the weights that one token meets, a multiplication
    and an addition counted as two
    """

    layers: tuple[int, int]
    parameters: tuple[int, int]
    bytes: tuple[int, int]
    cache_bytes_per_token: tuple[int, int]
    flops_per_token: tuple[int, int]

    @property
    def compression_ratio(self) -> float:
        """Removed layers / layers."""
        return 1 - self.layers[1] / self.layers[0]

    @property
    def parameter_ratio(self) -> float:
        """Removed parameters / parameters."""
        return 1 - self.parameters[1] / self.parameters[0]
