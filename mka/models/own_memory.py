"""Parameters that lie in each other's memory though nothing ties them."""

from __future__ import annotations

from torch import Tensor, nn


def give_own_memory(network: nn.Module) -> None:
    """Copy, in place, each parameter that shares memory with another one.

    A pickle may hold the head and the embeddings, or two layers, as one piece of memory. What the config ties is one
    parameter by now; any other two are written, merged and repaired each by itself. A safetensors file would lack one.
    """
    reached = 0
    for parameter in sorted(filter(Tensor.numel, network.parameters()), key=Tensor.data_ptr):
        begin, end = parameter.data_ptr(), _end(parameter)
        if begin < reached:
            parameter.data = parameter.detach().clone()
        reached = max(reached, end)


def _end(tensor: Tensor) -> int:
    """The address behind the tensor's last number."""
    last = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    return tensor.data_ptr() + (last + 1) * tensor.element_size()
