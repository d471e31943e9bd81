"""Calibration texts for tiny models, and what stood in a model while it read them, kept whole."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from mka.models.loaded import LoadedModel

TEXTS = [f"{number}: a text that says {number * number % 97} of {'xyzuvw'[number % 6] * 5}" for number in range(48)]


def explicit(model: LoadedModel, layer: int, module: str, texts: Sequence[str] = TEXTS) -> dict[str, list[np.ndarray]]:
    """Per text and without BOS, float64: the input of `module` of a layer, and the layer's output ("out")."""
    kept: dict[str, list[np.ndarray]] = {"in": [], "out": [], "put": []}
    block = model.stack.layers[layer]
    part = block.get_submodule(module)

    def take(name, pick):
        return lambda m, a, o: kept[name].append(pick(a, o)[0, 1:].double().numpy())

    handles = [
        part.register_forward_hook(take("in", lambda a, o: a[0])),
        part.register_forward_hook(take("put", lambda a, o: o)),
        block.register_forward_hook(take("out", lambda a, o: o[0] if isinstance(o, tuple) else o)),
    ]
    with torch.no_grad():
        for text in texts:
            model.network(input_ids=torch.tensor([model.tokenizer(text)["input_ids"]]))
    for handle in handles:
        handle.remove()
    return kept


def by_length(model: LoadedModel, texts: Sequence[str] = TEXTS) -> list[int]:
    """Texts in the order in which a repair reads them: the short ones first; every fourth chooses."""
    return sorted(range(len(texts)), key=lambda number: len(model.tokenizer(texts[number])["input_ids"]))
