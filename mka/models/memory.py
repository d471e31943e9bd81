"""What a model will need in memory, from its files alone. Imports no torch, unless these are pickles."""

from __future__ import annotations

from math import prod
from pathlib import Path

from mka.errors import BadInput
from mka.models.files import BITS, stored_tensors, weight_files
from mka.models.locate import PICKLE_PATTERN, SAFE_PATTERN, HubModel, no_weights, not_fetched, resolve

ITEM_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


def estimate(source: str | Path, *, revision: str | None = None, dtype: str = "auto") -> int:
    """Bytes of the model's weights once loaded, at the stored dtype or at `dtype`.

    Activations, caches and the library itself come on top. Reads headers only; of a hub model what the hub says of
    them, else its list of file sizes, whatever the dtype. Raises BadInput for what `load` would refuse to find.
    """
    if dtype != "auto" and dtype not in ITEM_BYTES:
        raise BadInput(f"dtype {dtype!r} is unknown; use auto, {', '.join(ITEM_BYTES)}")
    place = resolve(source, revision)
    if isinstance(place, HubModel):
        return _hub_bytes(place, dtype)
    tensors = [tensor for tensor in stored_tensors(weight_files(place)) if not tensor.same_as]
    if dtype == "auto":
        return sum(prod(tensor.shape) * BITS[tensor.dtype] // 8 for tensor in tensors)
    return sum(prod(tensor.shape) * ITEM_BYTES[dtype] for tensor in tensors)


def _hub_bytes(model: HubModel, dtype: str) -> int:
    from huggingface_hub import HfApi  # here, because most models are folders

    try:
        info = HfApi().model_info(model.name, revision=model.revision, files_metadata=True)
    except Exception as error:  # network and hub errors of several libraries: each is why it cannot be had
        raise not_fetched(model, error) from error
    files = [(Path(file.rfilename), file.size or 0) for file in info.siblings or []]
    safe, pickled = ([size for path, size in files if path.match(one)] for one in (SAFE_PATTERN, PICKLE_PATTERN))
    sizes = safe or pickled
    if not sizes:
        raise no_weights(model)
    counts = info.safetensors.parameters if info.safetensors is not None else {}
    if not counts or any(kind not in BITS for kind in counts):
        return sum(sizes)
    if dtype == "auto":
        return sum(count * BITS[kind] // 8 for kind, count in counts.items())
    return sum(counts.values()) * ITEM_BYTES[dtype]
