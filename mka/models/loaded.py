"""A model that is ready to run: what `mka.load` returns and every later step takes."""

from __future__ import annotations

from dataclasses import dataclass

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from mka.models.stack import DecoderStack
from mka.objects.plan import MergePlan


@dataclass(frozen=True)
class LoadedModel:
    """A causal language model in evaluation mode whose parameters take no gradient.

    stack:        where its decoder layers are
    source:       the word the user gave: "demo", a folder, a hub id
    dtype:        of the weights in memory, as torch names it: "float32", "bfloat16", "float16", "float64"
    device:       "cpu", "cuda", "mps"
    fingerprint:  of the files it was loaded from, whatever dtype it has in memory; 16 hex digits
    made_by:      the plan that it was merged by, heir to those before it; None for a model that MKA did not merge
    """

    network: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    stack: DecoderStack
    source: str
    dtype: str
    device: str
    fingerprint: str
    made_by: MergePlan | None = None

    @property
    def text_hashes(self) -> tuple[str, ...]:
        """Of the texts that calibrated the merges which made this model: they may not judge it."""
        return self.made_by.provenance.text_hashes if self.made_by is not None else ()
