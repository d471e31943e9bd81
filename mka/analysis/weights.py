"""How alike the layers' parameters are, read from a model's files without loading it.

Axes: L layers, P numbers of one parameter, c of them at a time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mka.analysis.parallel import in_parallel
from mka.analysis.pointwise import gram
from mka.errors import BadInput
from mka.models.files import StoredTensor, WeightFiles, first_line, stored_tensors, weight_files
from mka.models.fingerprint import fingerprint_files
from mka.objects.progress import Cancel, Progress, silent

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedModel

    from mka.models.loaded import LoadedModel

Array = np.ndarray

ITEMS: Mapping[str, str] = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
"""What safetensors headers call floating numbers, and what numpy does; bfloat16 is the upper half of a float32."""

CHUNK = 2**15
"""Numbers of each layer in memory at a time."""
SPAN = 2**22
"""Numbers of one parameter that make one unit of work."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of one layer; read(begin, end) gives these of its numbers, row by row, as float64."""

    shape: tuple[int, ...]
    read: Callable[[int, int], Array]


@dataclass(frozen=True)
class LayerParameters:
    """Each decoder layer's parameters by their names within the layer, and the model's fingerprint."""

    layers: tuple[Mapping[str, Parameter], ...]
    model: str


def layer_parameters(source: object) -> LayerParameters:
    """Find the layers' parameters of "demo", a folder, a hub id, a LoadedModel or a MergedModel; reads no number yet.

    A loaded model is read from the files it came from, unless they are gone or hold other weights, as those of a
    model merged in memory: then from its network. What was written into its network since it was loaded is not seen
    while the files are there. Raises BadInput for anything else, for files without the layers
    that their config describes, and for weights that are no floating numbers, as quantised ones.
    """
    from mka.models.loaded import LoadedModel

    if isinstance(source, (str, Path)):
        return _of_source(source)
    model = getattr(source, "model", source)  # a MergedModel holds the model that runs
    if not isinstance(model, LoadedModel):
        raise BadInput(
            "this measure compares parameters: give it a model (demo, a folder, a hub id, or what mka.load or "
            f"mka.merge returns), not {type(source).__name__}"
        )
    files = _own_files(model)
    return _of_network(model) if files is None else _of_files(files, model.network)


def parameter_products(
    parameters: LayerParameters, *, progress: Progress = silent, cancel: Cancel | None = None
) -> Array:
    """Inner products of all parameters of two layers, float64 (L, L), NaN where their names or shapes differ.

    Raises BadInput, naming the layer, where a parameter holds NaN or infinity. Memory L c.
    """
    layers = parameters.layers
    alike: dict[tuple[tuple[str, tuple[int, ...]], ...], list[int]] = {}
    for layer, own in enumerate(layers):
        alike.setdefault(tuple(sorted((name, one.shape) for name, one in own.items())), []).append(layer)
    products = np.full((len(layers), len(layers)), np.nan)
    spans = [
        (members, name, begin, min(begin + SPAN, prod(shape)))
        for named, members in alike.items()
        for name, shape in named
        for begin in range(0, prod(shape), SPAN)
    ]

    def of_span(span: tuple[list[int], str, int, int]) -> Array:
        members, name, begin, end = span
        return _span_products(layers, members, name, begin, end)

    for members in alike.values():
        products[np.ix_(members, members)] = 0.0
    for done, (span, part) in enumerate(zip(spans, in_parallel(of_span, spans, cancel), strict=True)):
        products[np.ix_(span[0], span[0])] += part
        progress("weights", done + 1, len(spans))
    return products


def _span_products(
    layers: tuple[Mapping[str, Parameter], ...], members: list[int], name: str, begin: int, end: int
) -> Array:
    products = np.zeros((len(members), len(members)))
    for start in range(begin, end, CHUNK):
        numbers = np.stack([layers[layer][name].read(start, min(start + CHUNK, end)) for layer in members])
        finite = np.isfinite(numbers).all(axis=1)
        if not finite.all():
            raise BadInput(
                f"the parameter {name} of layer {members[int(np.argmin(finite))]} holds NaN or infinity, so nothing "
                "can be measured; fetch the model again or use another"
            )
        products += gram(numbers)
    return products


def weight_cosine(parameters: LayerParameters, *, progress: Progress = silent, cancel: Cancel | None = None) -> Array:
    """The cosine of all parameters of two layers as one vector each: float64 (L, L) in [-1, 1], 1 on the diagonal.

    Layers of zeros have cosine 1 with each other and 0 with any other; NaN where names or shapes differ.
    """
    products = parameter_products(parameters, progress=progress, cancel=cancel)
    squares = np.diagonal(products)
    zero = squares == 0
    lengths = np.sqrt(np.outer(squares, squares))
    cosine = np.clip(products / np.where(lengths == 0, 1.0, lengths), -1.0, 1.0)
    cosine[np.outer(zero, zero) & ~np.isnan(products)] = 1.0
    np.fill_diagonal(cosine, 1.0)
    return cosine


def weight_distance(parameters: LayerParameters, *, progress: Progress = silent, cancel: Cancel | None = None) -> Array:
    """|a - b| / sqrt((|a|^2 + |b|^2) / 2) of all parameters of two layers as one vector each.

    Returns float64 (L, L) in [0, 2], 0 on the diagonal, between layers equal to the bit and between layers of zeros;
    sqrt(2) between layers at a right angle and beside a layer of zeros; NaN where names or shapes differ. Below
    about 1e-7 it is rounding: it comes from inner products.
    """
    products = parameter_products(parameters, progress=progress, cancel=cancel)
    squares = np.diagonal(products)
    mean = (squares[:, None] + squares[None, :]) / 2
    distance = np.sqrt(np.clip(2 * (1 - products / np.where(mean == 0, 1.0, mean)), 0.0, 4.0))
    distance[(mean == 0) & ~np.isnan(products)] = 0.0
    np.fill_diagonal(distance, 0.0)
    return distance


def _of_source(source: str | Path) -> LayerParameters:
    from mka.models.locate import HubModel, fetch, resolve

    place = resolve(source)
    folder = fetch(place) if isinstance(place, HubModel) else place
    files = weight_files(folder)
    return _of_files(files, _without_weights(folder))


def _without_weights(folder: Path) -> PreTrainedModel:
    """The network that the folder's config describes, on the meta device, where a parameter is a name and a shape."""
    import torch
    from transformers import AutoModelForCausalLM

    from mka.models.checks import read_config

    config = read_config(folder, trust_remote_code=False)
    try:
        with torch.device("meta"):
            network: PreTrainedModel = AutoModelForCausalLM.from_config(config)
    except Exception as error:  # model classes raise whatever a config they cannot build leads to
        raise BadInput(f"{folder} describes no network ({first_line(error)}); check its config.json") from error
    return network


def _own_files(model: LoadedModel) -> WeightFiles | None:
    """The files that a model was loaded from; None where they are gone, hold other weights or hide them."""
    try:
        files = weight_files(Path(model.network.name_or_path or "."))
        known = fingerprint_files(files) == model.fingerprint
        return files if known and not any(tensor.loose for tensor in stored_tensors(files)) else None
    except BadInput:
        return None


def _of_network(model: LoadedModel) -> LayerParameters:
    return LayerParameters(
        tuple(
            {name: Parameter(tuple(tensor.shape), _tensor_reader(tensor)) for name, tensor in layer.named_parameters()}
            for layer in model.stack.layers
        ),
        model.fingerprint,
    )


def _tensor_reader(tensor: Tensor) -> Callable[[int, int], Array]:
    flat = tensor.detach().reshape(-1)
    return lambda begin, end: np.asarray(flat[begin:end].cpu().double().numpy())


def _of_files(files: WeightFiles, network: PreTrainedModel) -> LayerParameters:
    """network: the one that the files belong to, with or without its weights."""
    from mka.models.stack import DecoderStack

    stack = DecoderStack.of(network)
    layers: list[dict[str, Parameter]] = [{} for _ in range(stack.depth)]
    for layer, name, tensor in _layer_tensors(files, network.base_model_prefix, stack.path):
        if layer >= stack.depth or _is_no_parameter(network, stack.layers[layer], name, tensor.name):
            continue
        if tensor.dtype not in ITEMS:
            raise BadInput(
                f"the weights of layer {layer} are stored as {tensor.dtype} ({tensor.name}), which by itself is no "
                "number of the model; use the model as it was before it was quantised"
            )
        if tensor.loose:
            raise BadInput(
                f"the tensor {tensor.name} cannot be read out of {tensor.file} by itself: {tensor.loose}; "
                "load the model and give it in place of its folder"
            )
        layers[layer][name] = Parameter(tensor.shape, _file_reader(tensor))
    for layer, own in enumerate(layers):
        if not own:
            raise BadInput(
                f"{files.paths[0].parent} holds no weights of layer {layer} under {stack.path}; "
                "correct config.json or fetch the weights again"
            )
    return LayerParameters(tuple(layers), fingerprint_files(files))


def _layer_tensors(files: WeightFiles, base: str, path: str) -> Iterator[tuple[int, str, StoredTensor]]:
    """Layer, name within the layer and place of each stored tensor of a layer.

    Files of a base model, as GPT-2's own, name its tensors without `base`, what the whole network calls the base.
    """
    place = re.compile(rf"(?:{re.escape(base)}\.)?{re.escape(path.removeprefix(f'{base}.'))}\.(\d+)\.(.+)")
    for tensor in stored_tensors(files):
        found = place.fullmatch(tensor.name)
        if found:
            yield int(found[1]), found[2], tensor


def _is_no_parameter(network: Any, layer: nn.Module, name: str, whole_name: str) -> bool:
    """True for a buffer, and for what the family finds in old files and drops, as attention masks."""
    if name in dict(layer.named_parameters()):
        return False
    dropped = network._keys_to_ignore_on_load_unexpected or ()
    return name in dict(layer.named_buffers()) or any(re.search(pattern, whole_name) for pattern in dropped)


def _file_reader(tensor: StoredTensor) -> Callable[[int, int], Array]:
    kind = np.dtype(ITEMS[tensor.dtype])

    def read(begin: int, end: int) -> Array:
        with tensor.file.open("rb") as file:
            file.seek(tensor.begin + begin * kind.itemsize)
            numbers = np.frombuffer(file.read((end - begin) * kind.itemsize), kind)
        if tensor.dtype == "BF16":
            numbers = (numbers.astype("<u4") << 16).view("<f4")
        return numbers.astype(np.float64)

    return read
