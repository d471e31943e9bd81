"""Whether a saved model is the model that was saved: reload it freshly and compare."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from mka.errors import MkaError, RunFailed
from mka.models.files import first_line
from mka.models.loaded import LoadedModel
from mka.models.loading import load

ROWS, TOKENS, SEED = 2, 12, 0
"""The batch of random token ids that both models read."""

STEPS_OF_ROUNDING = 8
"""A difference up to this many roundings of the largest logit is arithmetic in another order, no other model."""

SAMPLE = "The capital of Évora, 27 + 5 = 32?\n\tYes."
"""Upper case, an accent, digits and white space, where tokenizers differ."""


@dataclass(frozen=True)
class Agreement:
    """difference: largest absolute difference of two models' logits; tolerance: the largest that is allowed."""

    difference: float
    tolerance: float


def verify(model: LoadedModel, folder: Path) -> Agreement:
    """Load `folder` as any other tool would and compare it with `model`, on the same device.

    Logits of a seeded batch of token ids, all at once and then with the last token fed to a filled cache, which
    goes wrong where layer numbers do. RunFailed where the folder cannot be loaded, its tokenizer reads a sample
    differently, or logits differ by more than `tolerance`, 8 roundings of the largest logit at the weights' dtype.
    """
    own_code = type(model.network).__module__.startswith("transformers_modules")
    try:
        again = load(folder, device=model.device, trust_remote_code=own_code)
    except MkaError as error:
        raise RunFailed(f"the saved model cannot be loaded again ({error}); nothing was written") from error
    if again.tokenizer(SAMPLE)["input_ids"] != model.tokenizer(SAMPLE)["input_ids"]:
        raise RunFailed("the saved tokenizer reads a sample text in other tokens; nothing was written")
    try:
        found = agreement(model, again)
    except (RuntimeError, MemoryError) as error:
        raise RunFailed(f"the saved model cannot be compared ({first_line(error)}); nothing was written") from error
    if not found.difference <= found.tolerance:
        raise RunFailed(
            f"the saved model differs from the merged one by {found.difference:.3g} in its logits, more than "
            f"{found.tolerance:.3g}, so its config does not describe it; nothing was written"
        )
    return found


def agreement(first: LoadedModel, second: LoadedModel) -> Agreement:
    """Compare two models on the fixed batch; places where both are NaN agree."""
    ours, theirs = (_logits(model) for model in (first, second))
    same = (ours == theirs) | (ours.isnan() & theirs.isnan())
    apart = torch.where(same, 0.0, (ours - theirs).abs()).nan_to_num(nan=torch.inf)
    largest = ours.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0).abs().max()
    rounding = torch.finfo(first.network.dtype).eps
    return Agreement(float(apart.max()), STEPS_OF_ROUNDING * rounding * max(1.0, float(largest)))


@torch.no_grad()
def _logits(model: LoadedModel) -> Tensor:
    """float64 (ROWS, 2 * tokens, vocabulary): all tokens at once, then all but the last and the last on its own."""
    config = model.stack.text_config
    tokens = min(TOKENS, getattr(config, "max_position_embeddings", None) or TOKENS)
    drawn = torch.randint(int(config.vocab_size), (ROWS, tokens), generator=torch.Generator().manual_seed(SEED))
    ids = drawn.to(model.network.device)
    whole = model.network(input_ids=ids, use_cache=False).logits
    start = model.network(input_ids=ids[:, :-1], use_cache=True)
    step = model.network(input_ids=ids[:, -1:], past_key_values=start.past_key_values, use_cache=True).logits
    return torch.cat([whole, start.logits, step], dim=1).cpu().to(torch.float64)
