"""What a weight is part of, told from its name: no config says it, but the families agree in their words."""

from __future__ import annotations

import re

from mka.objects.model_summary import ATTENTION, EMBEDDING, EXPERTS, MLP, NORMS, OTHER

NORM = re.compile(r"norm|(^|_)ln(_|\d|$)")
EXPERT = re.compile(r"expert")
MIXES_TOKENS = re.compile(r"attn|attention|mamba|ssm|conv|retention|recurrent|temporal|time_mix")
FEEDS_FORWARD = re.compile(r"mlp|moe|ffn|feed_?forward|(^|_)(ff|fc)\d?($|_)|channel_mix|(up|gate|down)_proj")
EMBEDS = re.compile(r"emb|wpe|position")
MIXER = "mixer"
"""What some hybrids call the body of every layer, whatever its type."""
STACKED = 3
"""Dimensions of a block of experts."""


def part_of(name: str, dimensions: int) -> str:
    """One of PARTS for a weight of a decoder layer, `name` being its path below the layer."""
    words = name.lower().split(".")
    if any(NORM.search(word) for word in words):
        return NORMS
    if any(EXPERT.search(word) for word in words):
        return EXPERTS
    for word in words:
        if MIXES_TOKENS.search(word):
            return ATTENTION
        if FEEDS_FORWARD.search(word):
            return EXPERTS if dimensions >= STACKED else MLP
    return ATTENTION if MIXER in words else OTHER


def part_outside(name: str) -> str:
    """One of PARTS for a weight outside the layers that is neither the token embedding nor the head."""
    words = name.lower().split(".")
    if any(NORM.search(word) for word in words):
        return NORMS
    return EMBEDDING if any(EMBEDS.search(word) for word in words) else OTHER
