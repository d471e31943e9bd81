import math

import numpy as np
import pytest
import torch

from mka.errors import BadInput
from mka.evaluation.divergence import divergence, token_kl
from mka.objects.report import Halves
from tests.evaluation.doubles import ALPHABET, BOS, bigram_model, random_table, text_set, uniform_table

TEXTS = ["the cat", "a dog. a cow", "x"]


def test_a_model_with_itself_is_exactly_zero():
    model = bigram_model(random_table())
    found = divergence(model, model, text_set(*TEXTS))
    assert (found.kl, found.kl_stderr, found.top1) == (0.0, 0.0, 1.0)
    assert set(found.by_position) == {0.0}
    assert found.halves == Halves(0.0, 0.0, 0.0, 2), "the text of one letter has no halves"
    assert found.position_stderr[0] == 0.0 and math.isnan(found.position_stderr[-1])


def test_temperature_in_closed_form():
    # For p ~ exp(z) and q ~ exp(z / t): KL(p || q) = (1 - 1/t) E_p[z] - log Z(1) + log Z(t).
    table, t = random_table(1), 2.5
    z = table.double().numpy()
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    by_token = (1 - 1 / t) * (p * z).sum(1) - np.log(np.exp(z).sum(1)) + np.log(np.exp(z / t).sum(1))
    before = [[BOS, *(ALPHABET.index(letter) for letter in text[:-1])] for text in TEXTS]
    found = divergence(bigram_model(table / t), bigram_model(table), text_set(*TEXTS), tokens_per_batch=16)
    expected = [by_token[token] for text in before for token in text]
    assert found.kl == pytest.approx(np.mean(expected), rel=1e-5)
    assert found.tokens == len(expected)
    assert found.top1 == 1.0  # temperature moves no maximum
    assert found.by_position[0] == pytest.approx(by_token[BOS], rel=1e-5)
    assert found.by_position[1] == pytest.approx(
        np.mean([by_token[text[1]] for text in before if len(text) > 1]), rel=1e-5
    )
    assert len(found.by_position) == max(map(len, TEXTS))


def test_direction_and_what_is_ruled_out():
    p, q = torch.tensor([[0.5, 0.5, 0.0]]).log(), torch.tensor([[1.0, 0.0, 0.0]]).log()
    assert token_kl(p, q).item() == math.inf
    assert token_kl(q, p).item() == pytest.approx(math.log(2))


def test_nan_is_neither_zero_nor_agreement():
    found = divergence(bigram_model(uniform_table() * math.nan), bigram_model(uniform_table()), text_set(*TEXTS))
    assert math.isnan(found.kl) and found.top1 == 0.0


def test_long_texts_count_position_in_the_text():
    whole, cut = (bigram_model(random_table(2), context=context) for context in (64, 5))
    other = bigram_model(random_table(3))
    text = text_set("the quick brown fox jumps", "a dog")
    one, two = divergence(whole, other, text), divergence(cut, other, text)
    assert one.by_position == pytest.approx(two.by_position) and len(one.by_position) == 25


def test_another_vocabulary_is_bad_input():
    model, other = bigram_model(uniform_table()), bigram_model(uniform_table())
    other.tokenizer.get_vocab = lambda: {"a": 0}
    with pytest.raises(BadInput, match="different vocabularies"):
        divergence(model, other, text_set("ab"))
