"""What embeddings and measures read: activations with their origin, or a plain array."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mka.errors import BadInput
from mka.objects.activations import Activations, Point

Array = np.ndarray


@dataclass(frozen=True)
class HiddenStates:
    """Layer outputs, float (L, n, d), and where they came from (empty for a plain array).

    token_cosine: as in `Activations`, None for a plain array
    """

    values: Array
    token_cosine: Array | None = None
    points: tuple[Point, ...] = ()
    model: str = ""
    calibration_key: str = ""
    text_hashes: tuple[str, ...] = ()


def hidden_states(source: Activations | Array) -> HiddenStates:
    """Read activations or a float array (L, n, d); BadInput names what is wrong with anything else."""
    if isinstance(source, Activations):
        hidden = HiddenStates(
            source.values,
            source.token_cosine,
            source.points,
            source.model,
            source.calibration_key,
            source.text_hashes,
        )
    elif isinstance(source, np.ndarray):
        hidden = HiddenStates(source)
    else:
        raise BadInput(
            f"expected activations or a float array (layers, points, features), got {type(source).__name__}; a model "
            "by itself has no texts to compare its layers on: give what mka.collect(model, texts) returns"
        )
    values = hidden.values
    if values.ndim != 3 or 0 in values.shape:
        raise BadInput(f"activations must have shape (layers, points, features), none of them 0, got {values.shape}")
    if values.dtype.kind not in "fiu":
        raise BadInput(f"activations must be real numbers, got dtype {values.dtype}")
    for layer, vectors in enumerate(values):
        if not np.isfinite(vectors).all():
            raise BadInput(
                f"the activations of layer {layer} hold NaN or infinity, so nothing can be measured; "
                "load the model with dtype float32 or leave out the text that causes it"
            )
    return hidden


def complete(given: Mapping[str, Any], defaults: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """`defaults` with the `given` parameters put in; BadInput for a name that `owner` does not take."""
    for name in given:
        if name not in defaults:
            takes = f"it takes {', '.join(defaults)}" if defaults else "it takes none"
            raise BadInput(f"{owner} has no parameter {name!r}; {takes}")
    return {**defaults, **given}
