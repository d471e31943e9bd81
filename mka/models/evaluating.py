"""Networks kept from training while something is read off them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def evaluating(*networks: nn.Module) -> Iterator[None]:
    """While the block runs, no module of the networks is in training mode, so that nothing is dropped at random;
    afterwards each is in the mode that it was in."""
    # Not eval() and train(): they set a module's parts too, and some parts of a network may train while others rest.
    training = [module for network in networks for module in network.modules() if module.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True
