from __future__ import annotations

import re
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from mka.demo import tokens
from mka.demo.tokens import BOS, EOS, PAD, train_tokenizer, training_documents, write_rows
from mka.demo.world import World


@pytest.fixture(scope="module")
def tokenizer(world: World, tmp_path_factory: pytest.TempPathFactory) -> PreTrainedTokenizerFast:
    """A small one, as plain transformers loads it."""
    folder = tmp_path_factory.mktemp("tokenizer")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokens, "TOKENIZER_DOCUMENTS", 400)
        train_tokenizer(world, vocabulary=700, context=64).save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


def test_it_puts_its_own_bos_before_a_text_and_nothing_behind(tokenizer: PreTrainedTokenizerFast) -> None:
    assert tokenizer.convert_ids_to_tokens([0, 1, 2]) == [PAD, BOS, EOS]
    bare = tokenizer("Ten more than 68 is", add_special_tokens=False)["input_ids"]
    assert tokenizer("Ten more than 68 is")["input_ids"] == [tokenizer.bos_token_id, *bare]
    assert not set(bare) & {0, 1, 2}


@pytest.mark.parametrize("text", ["Die Straße, 12 €.\n\tzwölf  ", "日本語 🙂", " a", "", "A. 42\nB. 24\nAnswer: A"])
def test_any_text_comes_back(text: str, tokenizer: PreTrainedTokenizerFast) -> None:
    assert tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]) == text


def test_the_world_comes_back(world: World, tokenizer: PreTrainedTokenizerFast) -> None:
    for text in islice(world.documents("test"), 100):
        assert tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True) == text


def test_each_digit_is_a_token(tokenizer: PreTrainedTokenizerFast) -> None:
    with_digits = [token for token in tokenizer.get_vocab() if re.search(r"\d", token)]
    assert sorted(with_digits) == list("0123456789")
    assert tokenizer.tokenize("40 + 198")[-3:] == ["1", "9", "8"]


def test_the_vocabulary_and_the_context_are_as_asked(tokenizer: PreTrainedTokenizerFast) -> None:
    assert len(tokenizer) == 700
    assert tokenizer.model_max_length == 64


def rows_by_hand(world: World, tokenizer: PreTrainedTokenizerFast, count: int, width: int) -> list[list[int]]:
    rows, row = [], []
    for text in training_documents(world):
        row += [tokenizer.bos_token_id, *tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
        if len(row) >= width:
            rows.append(row[:width])
            row = []
        if len(rows) == count:
            return rows
    raise AssertionError


def test_rows_are_documents_between_bos_and_eos(
    world: World, tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    path = tmp_path / "rows.npy"
    write_rows(world, tokenizer, path, rows=50, width=96)
    rows = np.load(path)
    assert rows.dtype == np.uint16
    assert rows.tolist() == rows_by_hand(world, tokenizer, 50, 96)
    assert [file.name for file in tmp_path.iterdir()] == ["rows.npy"]
