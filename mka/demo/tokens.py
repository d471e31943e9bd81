"""The demo model's tokenizer, and its training text as packed rows of tokens."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from mka.demo.statements import SPLITS
from mka.demo.world import N_DOCUMENTS, World

PAD, BOS, EOS = "<pad>", "<s>", "</s>"
TOKENIZER_DOCUMENTS = 30_000
CHUNK = 4_096


def train_tokenizer(world: World, *, vocabulary: int, context: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer, trained on the training text, that puts BOS before each text by itself.

    Each digit is a token of its own, so that what is learned of one number serves the others.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, BOS, EOS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(islice(world.documents("train"), TOKENIZER_DOCUMENTS), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", pair=f"{BOS} $A {BOS} $B", special_tokens=[(BOS, tokenizer.token_to_id(BOS))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        eos_token=EOS,
        pad_token=PAD,
        model_max_length=context,
        clean_up_tokenization_spaces=False,
    )


def training_documents(world: World) -> Iterator[str]:
    """The training text without any document that also ships as held-out text."""
    held_out = {text for split in SPLITS[1:] for text in islice(world.documents(split), N_DOCUMENTS[split])}
    return (text for text in world.documents("train") if text not in held_out)


def write_rows(world: World, tokenizer: PreTrainedTokenizerFast, path: Path, *, rows: int, width: int) -> None:
    """Write `rows` x `width` tokens (uint16) to `path`.

    Each row starts at the start of a document and goes on with further documents, each between BOS and EOS; what the
    last one has beyond the row's end is left out.
    """
    beside = path.with_suffix(".part")
    packed = np.lib.format.open_memmap(beside, mode="w+", dtype=np.uint16, shape=(rows, width))
    row: list[int] = []
    filled = 0
    for tokens in _tokenised(world, tokenizer):
        row += tokens
        if len(row) >= width:
            packed[filled] = row[:width]
            row = []
            filled += 1
            if filled == rows:
                break
    packed.flush()
    beside.replace(path)


def _tokenised(world: World, tokenizer: PreTrainedTokenizerFast) -> Iterator[list[int]]:
    documents = training_documents(world)
    while True:
        for tokens in tokenizer(list(islice(documents, CHUNK)))["input_ids"]:
            yield [*tokens, tokenizer.eos_token_id]
