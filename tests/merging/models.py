"""Models to merge, and an average worked out without torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from transformers import PreTrainedModel

from mka.models.fingerprint import fingerprint
from mka.models.loaded import LoadedModel
from mka.models.stack import DecoderStack
from tests.tiny import FAMILIES, byte_tokenizer, tiny_network

LAYERS = 6
ADJACENT = {"gemma3": [3, 4]}
"""Two neighbours of one type in a six-layer model, 2 and 3 unless said here; gemma2 has none."""
PAIRS = {family: ADJACENT.get(family, [2, 3]) for family in FAMILIES if family != "gemma2"} | {"gemma2": [2, 4]}
IDS = torch.randint(3, 259, (2, 9), generator=torch.Generator().manual_seed(5))


def loaded(network: PreTrainedModel, source: str = "tiny") -> LoadedModel:
    """`network` as `load` would return it."""
    network.requires_grad_(False).eval()
    return LoadedModel(
        network=network,
        tokenizer=byte_tokenizer(),
        stack=DecoderStack.of(network),
        source=source,
        dtype=str(network.dtype).removeprefix("torch."),
        device="cpu",
        fingerprint=fingerprint(network),
    )


def model_of(family: str = "llama", layers: int = LAYERS, **config: object) -> LoadedModel:
    return loaded(tiny_network(family, layers, **config))


def arrays(network: torch.nn.Module) -> dict[str, np.ndarray]:
    """Every tensor of a network as float64, copied."""
    return {name: tensor.double().numpy().copy() for name, tensor in network.state_dict().items()}


def hand_average(tensors: Sequence[np.ndarray], weights: Sequence[float]) -> np.ndarray:
    return sum(weight * tensor for tensor, weight in zip(tensors, weights, strict=True))


@torch.no_grad()
def logits(model: LoadedModel | PreTrainedModel) -> torch.Tensor:
    network = model.network if isinstance(model, LoadedModel) else model
    return network(input_ids=IDS, use_cache=False).logits


def same_state(first: torch.nn.Module, second: torch.nn.Module) -> bool:
    """Same tensor names, same bits."""
    ours, theirs = first.state_dict(), second.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)
