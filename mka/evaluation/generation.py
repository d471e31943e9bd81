"""The same prompts continued greedily by two models, to be read side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from transformers import GenerationConfig

from mka.errors import BadInput, RunFailed
from mka.evaluation.batches import context_length, encode, leading_specials
from mka.objects.progress import Cancel, Progress, silent
from mka.objects.report import Generation
from mka.objects.texts import TextSet

if TYPE_CHECKING:
    from mka.models.loaded import LoadedModel

MAX_NEW_TOKENS = 32
PROMPTS = 4
PROMPT_WORDS = 5


def prompts_from(texts: TextSet, *, prompts: int = PROMPTS, words: int = PROMPT_WORDS) -> tuple[str, ...]:
    """The first words of texts spread evenly over the set, one prompt per text, repeats left out."""
    step = max(1, len(texts.texts) // prompts)
    beginnings = (" ".join(text.text.split()[:words]) for text in texts.texts[::step])
    return tuple(dict.fromkeys(filter(None, beginnings)))[:prompts]


def generations(
    model: LoadedModel,
    baseline: LoadedModel,
    prompts: Sequence[str],
    *,
    max_new_tokens: int = MAX_NEW_TOKENS,
    progress: Progress = silent,
    cancel: Cancel | None = None,
) -> tuple[Generation, ...]:
    """Each prompt with what both models make of it; only the new text, special tokens left out."""
    if not prompts:
        raise BadInput("there is no prompt to continue; give prompts or texts that are not empty")
    out = []
    for done, prompt in enumerate(prompts):
        if cancel is not None:
            cancel.check()
        progress("generation", done, len(prompts))
        out.append(
            Generation(
                prompt=prompt,
                baseline=continue_greedily(baseline, prompt, max_new_tokens),
                model=continue_greedily(model, prompt, max_new_tokens),
            )
        )
    progress("generation", len(prompts), len(prompts))
    return tuple(out)


def continue_greedily(model: LoadedModel, prompt: str, max_new_tokens: int = MAX_NEW_TOKENS) -> str:
    """The most likely next token, again and again; a prompt too long for the context loses its beginning."""
    tokenizer, context = model.tokenizer, context_length(model)
    new = min(max_new_tokens, context - 1)
    ids = (*leading_specials(tokenizer), *encode(tokenizer, prompt))[-(context - new) :]
    if not ids:
        raise BadInput("a prompt is empty and the tokenizer adds no special token; write at least one word")
    row = torch.tensor([ids], device=model.device)
    end = getattr(model.network.generation_config, "eos_token_id", None) or tokenizer.eos_token_id
    # A fresh config: the model's own may ask for sampling, which greedy decoding would warn about.
    config = GenerationConfig(
        max_new_tokens=new, do_sample=False, eos_token_id=end, pad_token_id=tokenizer.pad_token_id or 0
    )
    try:
        with torch.inference_mode():
            generate: Any = model.network.generate  # mixed in by transformers, where mypy takes it for a tensor
            written = generate(row, attention_mask=torch.ones_like(row), generation_config=config)
    except (RuntimeError, IndexError) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise RunFailed(f"{model.source} could not continue a prompt: {reason}; leave the generation out") from error
    return str(tokenizer.decode(written[0, len(ids) :], skip_special_tokens=True))
