"""The same prompts continued greedily by two models, to be read side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from transformers import GenerationConfig, StoppingCriteria

from mka.errors import BadInput, RunFailed
from mka.evaluation.batches import context_length, encode, leading_specials
from mka.models.evaluating import evaluating
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
    """Each prompt with what both models make of it; only the new text, special tokens left out.

    Progress counts tokens as if no continuation ended early; a cancellation is heeded after each token.
    """
    if not prompts:
        raise BadInput("there is no prompt to continue; give prompts or texts that are not empty")
    total, written = 2 * len(prompts) * max_new_tokens, 0

    def each(new: int) -> None:
        if cancel is not None:
            cancel.check()
        progress("generation", written + new, total)

    out = []
    for prompt in prompts:
        sides = []
        for one in (baseline, model):
            each(0)
            sides.append(continue_greedily(one, prompt, max_new_tokens, each=each))
            written += max_new_tokens
        out.append(Generation(prompt, *sides))
    progress("generation", total, total)
    return tuple(out)


def continue_greedily(
    model: LoadedModel, prompt: str, max_new_tokens: int = MAX_NEW_TOKENS, *, each: Callable[[int], None] | None = None
) -> str:
    """The most likely next token, again and again; a prompt too long for the context loses its beginning.

    each: told after every token how many there are; what it raises ends the continuation
    """
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
        with evaluating(model.network), torch.inference_mode():
            generate: Any = model.network.generate  # mixed in by transformers, where mypy takes it for a tensor
            written = generate(
                row,
                attention_mask=torch.ones_like(row),
                generation_config=config,
                stopping_criteria=[_Told(each, len(ids))] if each else None,
            )
    except (RuntimeError, IndexError) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise RunFailed(f"{model.source} could not continue a prompt: {reason}; leave the generation out") from error
    return str(tokenizer.decode(written[0, len(ids) :], skip_special_tokens=True))


class _Told(StoppingCriteria):
    """Stops nothing; transformers asks it after every token."""

    def __init__(self, each: Callable[[int], None], given: int) -> None:
        self._each, self._given = each, given

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
        self._each(input_ids.shape[1] - self._given)
        return torch.zeros(input_ids.shape[0], dtype=torch.bool, device=input_ids.device)
