"""One architecture after the other: delete, merge, save, reload, and compare with what must come out."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

import mka
from mka.errors import MkaError
from mka.models.loaded import LoadedModel
from mka.models.stack import holds_experts
from tests.architectures.references import averaged, deleted, without
from tests.architectures.tiny_configs import CONTEXT, VOCABULARY, tiny_config
from tests.tiny import SPREAD, byte_tokenizer

MODEL_TYPES = tuple(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)

GONE = ((1, 3), (1, 2), (2, 3), (2, 4), (1, 4), (3, 4))
"""Two layers to delete, the best first: without 1 and 3 no pattern of layers continues as it began."""
WEIGHTS = (0.6, 0.4)

BYPASSED: Mapping[str, str] = {
    "hy_v4": "layers share the choice of tokens that an earlier one made",
    "reformer": "two streams run through the layers",
    "zaya": "the router's state bypasses the layer",
}
"""Where a layer that hands its input on is not the layer's deletion: judged by deletion with the numbers kept."""

NEW_TOKENS = 4
TOLERANCE = 1e-4
"""Of the largest logit; sums in another order differ by a hundredth of it, a misplaced layer by a thousand times."""
IDS = torch.randint(3, VOCABULARY, (2, 14), generator=torch.Generator().manual_seed(5))
"""Longer than the tiny sliding windows."""

RIGHT, REFUSED, WRONG, UNBUILT = "right", "refused", "wrong", "cannot be built"


@dataclass(frozen=True)
class Outcome:
    """`layers` are those deleted or merged; `why` is empty where there is nothing to say."""

    verdict: str
    why: str = ""
    layers: tuple[int, ...] = ()


@dataclass(frozen=True)
class Row:
    """What came out for one model type. `path` is "" where no layers were found."""

    model_type: str
    path: str
    deletion: Outcome
    merge: Outcome


def examine(model_type: str) -> Row:
    """Build the model, open it as a user would, delete two layers, merge two layers."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        model = _opened(model_type, folder / "source")
        if isinstance(model, Outcome):
            return Row(model_type, "", model, model)
        return Row(model_type, model.stack.path, _deletion(model, folder / "cut"), _merge(model, folder / "merged"))


def tiny_network(model_type: str) -> PreTrainedModel:
    """A float32 network whose parameters, norms and biases too, differ from layer to layer."""
    torch.manual_seed(0)
    network = AutoModelForCausalLM.from_config(tiny_config(model_type), dtype=torch.float32)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=SPREAD)
    return network.eval()


def _opened(model_type: str, folder: Path) -> LoadedModel | Outcome:
    try:
        network = tiny_network(model_type)
        before = _logits(network)
    except Exception as error:  # whatever a model class raises for a config, a missing library or missing inputs
        return Outcome(UNBUILT, _line(error))
    if not before.isfinite().all():
        return Outcome(UNBUILT, "its logits are not finite")
    network.save_pretrained(folder)
    byte_tokenizer(CONTEXT).save_pretrained(folder)
    try:
        model = mka.load(folder, dtype="float32", device="cpu")
    except MkaError as error:
        return Outcome(REFUSED, str(error).replace(str(folder), "the folder"))
    if not _close(_logits(model.network), before):
        return Outcome(UNBUILT, "transformers does not save it as it is")
    return model


def _deletion(model: LoadedModel, folder: Path) -> Outcome:
    kinds = _kinds(model)
    left = {pair: {kind for layer, kind in enumerate(kinds) if layer not in pair} for pair in GONE}
    gone = next((pair for pair in GONE if left[pair] == set(kinds)), GONE[0])
    reference = _remover(model)(model.network, model.stack.path, gone)
    return _judged(model, [{"layers": [layer], "method": "drop"} for layer in gone], reference, folder)


def _merge(model: LoadedModel, folder: Path) -> Outcome:
    kinds = _kinds(model)
    middle = range(1, len(kinds) - 1)
    pairs = [(first, second) for first in middle for second in middle if first < second]
    alike = [pair for pair in pairs if kinds[pair[0]] == kinds[pair[1]]]
    first, second = min(alike or pairs, key=lambda pair: (pair[1] - pair[0], abs(pair[0] - 2)))
    group: dict[str, Any] = {"layers": [first, second], "weights": list(WEIGHTS)}
    if holds_experts(model.stack.layers[first]):
        group["experts"] = "by-index"
    reference = None
    if alike:
        reference = averaged(model.network, model.stack.path, (first, second), WEIGHTS, _remover(model))
    return _judged(model, [group], reference, folder)


def _kinds(model: LoadedModel) -> list[tuple[str, int]]:
    return list(zip(model.stack.layer_types, model.stack.shape_classes, strict=True))


def _remover(model: LoadedModel) -> Any:
    return deleted if model.network.config.model_type in BYPASSED else without


def _judged(
    model: LoadedModel, groups: Sequence[Mapping[str, Any]], reference: PreTrainedModel | None, folder: Path
) -> Outcome:
    layers = tuple(layer for group in groups for layer in group["layers"])
    try:
        merged = mka.merge(model, mka.plan(model, groups=groups))
        mka.save(merged, folder)
        fresh = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        verdict, why = _compared(model.network, {"in memory": merged.model.network, "reloaded": fresh}, reference)
    except MkaError as error:
        verdict, why = REFUSED, str(error).replace(str(folder.parent), "the folder")
    except Exception as error:  # a traceback on a user's screen is as bad as a wrong model
        verdict, why = WRONG, f"it fails with {_line(error)}"
    return Outcome(verdict, why, layers)


def _compared(
    before: PreTrainedModel, after: Mapping[str, PreTrainedModel], reference: PreTrainedModel | None
) -> tuple[str, str]:
    if reference is None:
        return WRONG, "layers of two kinds are merged"
    expected = _logits(reference)
    for name, network in after.items():
        if not _close(_logits(network), expected):
            return WRONG, f"{name}, logits are off by {float((_logits(network) - expected).abs().max()):.2g}"
    if _close(expected, _logits(before)):
        return WRONG, "the layers make no difference, so nothing was tested"
    if not _same_with_cache(before):
        return RIGHT, "logits alone are compared: the original generates otherwise with a cache"
    if not all(_same_with_cache(network) for network in after.values()):
        return WRONG, "generation differs with and without the cache"
    return RIGHT, ""


def _same_with_cache(network: PreTrainedModel) -> bool:
    try:
        return torch.equal(*(_generated(network, cached) for cached in (True, False)))
    except Exception:  # a few architectures cannot generate with a cache at all
        return False


@torch.no_grad()
def _logits(network: PreTrainedModel) -> Tensor:
    return network(input_ids=IDS, use_cache=False).logits


def _generated(network: PreTrainedModel, cached: bool) -> Tensor:
    asked = {"max_new_tokens": NEW_TOKENS, "min_new_tokens": NEW_TOKENS, "do_sample": False}
    return network.generate(IDS, attention_mask=torch.ones_like(IDS), use_cache=cached, **asked)


def _close(found: Tensor, expected: Tensor) -> bool:
    return bool((found - expected).abs().max() <= TOLERANCE * max(1.0, float(expected.abs().max())))


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
