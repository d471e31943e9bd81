"""Models whose probabilities are written down, so that every expected figure is worked out by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch

from mka.objects.texts import Question, QuestionSet, Text, TextSet

ALPHABET = " ABCD\nabcdefghijklmnopqrstuvwxyz.:"
BOS = len(ALPHABET)
VOCABULARY = BOS + 1


class LetterTokenizer:
    """One token per character of ALPHABET (no merges), BOS in front where `bos` is set."""

    pad_token_id = None
    eos_token_id = None

    def __init__(self, bos: bool = True) -> None:
        self.bos = bos

    def __call__(self, text: str, add_special_tokens: bool = True, **_: Any) -> dict[str, list[int]]:
        ids = [ALPHABET.index(letter) for letter in text]
        return {"input_ids": [BOS, *ids] if self.bos and add_special_tokens else ids}

    def get_vocab(self) -> dict[str, int]:
        return {**{letter: index for index, letter in enumerate(ALPHABET)}, "<bos>": BOS}


class BigramNetwork(torch.nn.Module):
    """Logits of the next token are the row of `table` (vocabulary, vocabulary) of the last one."""

    def __init__(self, table: torch.Tensor) -> None:
        super().__init__()
        self.table = torch.nn.Parameter(table)

    def forward(self, input_ids: torch.Tensor, **_: Any) -> Any:
        return SimpleNamespace(logits=self.table[input_ids])


def bigram_model(table: torch.Tensor, *, bos: bool = True, context: int = 1024) -> Any:
    """A loaded model over LetterTokenizer."""
    config = SimpleNamespace(max_position_embeddings=context, vocab_size=table.shape[0])
    stack = SimpleNamespace(depth=1, text_config=config)
    return SimpleNamespace(
        network=BigramNetwork(table), tokenizer=LetterTokenizer(bos), stack=stack, source="bigram", device="cpu"
    )


def random_table(seed: int = 0) -> torch.Tensor:
    return torch.randn(VOCABULARY, VOCABULARY, generator=torch.Generator().manual_seed(seed))


def uniform_table() -> torch.Tensor:
    return torch.zeros(VOCABULARY, VOCABULARY)


def text_set(*texts: str) -> TextSet:
    return TextSet(tuple(Text(text) for text in texts), "test")


def question(
    stem: str, right: int, subject: str = "s", options: tuple[str, ...] = ("ab", "cd", "ef", "gh")
) -> Question:
    return Question(stem, options, right, subject)  # type: ignore[arg-type]


def question_set(*questions: Question, exemplars: tuple[Question, ...] = ()) -> QuestionSet:
    return QuestionSet(tuple(questions), exemplars, "test")
