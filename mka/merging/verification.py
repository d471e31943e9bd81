"""Whether a saved model is the model that was saved: reload it freshly and compare."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from mka.errors import MkaError, RunFailed
from mka.models.evaluating import evaluating
from mka.models.files import first_line
from mka.models.loaded import LoadedModel
from mka.models.loading import load

ROWS, TOKENS, SEED = 2, 12, 0
"""The batch of random token ids that both models read."""

STEPS_OF_ROUNDING = 8
"""A difference up to this many roundings of the largest logit is arithmetic in another order, no other model."""

SAMPLE = "The capital of Évora, 27 + 5 = 32?\n\tYes."
"""Upper case, an accent, digits and white space, where tokenizers differ."""


CACHES = ("past_key_values", "cache_params", "state", "mems", "past_buckets_states")
"""What architectures call the memory that they put out and take again; those that keep it to themselves name none."""


@dataclass(frozen=True)
class Agreement:
    """difference: largest absolute difference of two models' logits; tolerance: the largest that is allowed."""

    difference: float
    tolerance: float


def verify(model: LoadedModel, folder: Path, source: LoadedModel | None = None) -> Agreement:
    """Load `folder` as any other tool would and compare it with `model`, on the same device.

    Logits of a seeded batch of token ids, all at once and then with the last token fed to a filled cache, which
    goes wrong where layer numbers do. The cache is left out where `source`, the model before, cannot be fed so.
    RunFailed where the folder cannot be loaded, its tokenizer reads a sample differently, or logits differ by more
    than `tolerance`, 8 roundings of the largest logit at the weights' dtype.
    """
    own_code = type(model.network).__module__.startswith("transformers_modules")
    try:
        again = load(folder, device=model.device, trust_remote_code=own_code)
    except MkaError as error:
        raise RunFailed(f"the saved model cannot be loaded again ({error}); nothing was written") from error
    if again.tokenizer(SAMPLE)["input_ids"] != model.tokenizer(SAMPLE)["input_ids"]:
        raise RunFailed("the saved tokenizer reads a sample text in other tokens; nothing was written")
    cached = source is None or _takes_its_cache(source)
    try:
        found = agreement(model, again, cached=cached)
    except Exception as error:  # model classes raise whatever a config that does not describe them leads to
        raise RunFailed(f"the saved model cannot be compared ({first_line(error)}); nothing was written") from error
    if not found.difference <= found.tolerance:
        raise RunFailed(
            f"the saved model differs from the merged one by {found.difference:.3g} in its logits, more than "
            f"{found.tolerance:.3g}, so its config does not describe it; nothing was written"
        )
    return found


def agreement(first: LoadedModel, second: LoadedModel, *, cached: bool = True) -> Agreement:
    """Compare two models on the fixed batch; places where both are NaN agree."""
    ours, theirs = (_logits(model, cached) for model in (first, second))
    same = (ours == theirs) | (ours.isnan() & theirs.isnan())
    apart = torch.where(same, 0.0, (ours - theirs).abs()).nan_to_num(nan=torch.inf)
    largest = ours.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0).abs().max()
    rounding = torch.finfo(first.network.dtype).eps
    return Agreement(float(apart.max()), STEPS_OF_ROUNDING * rounding * max(1.0, float(largest)))


def _takes_its_cache(model: LoadedModel) -> bool:
    """A few architectures take their cache from `generate` alone, or need an encoder for it."""
    try:
        _logits(model, cached=True)
    except Exception:  # as above
        return False
    return True


@torch.no_grad()
def _logits(model: LoadedModel, cached: bool) -> Tensor:
    """float64 (ROWS, tokens, vocabulary), or 2 * tokens: all at once, then all but the last and the last on its own.

    The last on its own is also left out where an architecture puts no cache out.
    """
    config = model.stack.text_config
    context = getattr(config, "max_position_embeddings", None) or 0
    tokens = min(TOKENS, context) if context > 0 else TOKENS
    drawn = torch.randint(int(config.vocab_size), (ROWS, tokens), generator=torch.Generator().manual_seed(SEED))
    ids = drawn.to(model.network.device)
    with evaluating(model.network):
        parts = [model.network(input_ids=ids, use_cache=False).logits]
        if cached:
            start = model.network(input_ids=ids[:, :-1], use_cache=True)
            cache = {name: start[name] for name in CACHES if start.get(name) is not None}
            step = [model.network(input_ids=ids[:, -1:], **cache, use_cache=True).logits] if cache else []
            parts += [start.logits, *step]
    return torch.cat(parts, dim=1).cpu().to(torch.float64)
