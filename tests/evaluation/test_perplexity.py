import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from mka.errors import BadInput, Cancelled
from mka.evaluation.batches import Row, batches, windows
from mka.evaluation.perplexity import from_losses, perplexity
from mka.objects.progress import Cancel
from tests.evaluation.doubles import ALPHABET, BOS, VOCABULARY, bigram_model, random_table, text_set, uniform_table


def loss_by_hand(table: torch.Tensor, ids: list[int]) -> float:
    """Negative log-likelihood of ids[1:] in numpy float64, one token at a time."""
    logits = table.double().numpy()
    return -sum(logits[a, b] - math.log(np.exp(logits[a]).sum()) for a, b in pairwise(ids))


def ids_of(text: str) -> list[int]:
    return [ALPHABET.index(letter) for letter in text]


def test_a_model_without_preference_has_the_vocabulary_size():
    found = perplexity(bigram_model(uniform_table()), text_set("the cat", "a dog. a cow"))
    assert found.value == pytest.approx(VOCABULARY, rel=1e-6)
    assert found.stderr == pytest.approx(0, abs=1e-4)
    assert found.tokens == len("the cat") + len("a dog. a cow")


def test_losses_by_hand_behind_bos():
    table, texts = random_table(), ["the cat", "a dog. a cow", "x"]
    losses = [loss_by_hand(table, [BOS, *ids_of(text)]) for text in texts]
    found = perplexity(bigram_model(table), text_set(*texts))
    assert found.value == pytest.approx(math.exp(sum(losses) / sum(map(len, texts))), rel=1e-6)


def test_without_bos_the_first_token_is_only_context():
    table, texts = random_table(1), ["the cat", "a dog", "x"]
    losses = [loss_by_hand(table, ids_of(text)) for text in texts]
    found = perplexity(bigram_model(table, bos=False), text_set(*texts))
    assert found.tokens == 6 + 4  # the one-letter text has nothing to predict
    assert found.texts == 2
    assert found.value == pytest.approx(math.exp(sum(losses) / 10), rel=1e-6)


@pytest.mark.parametrize("tokens", [1, 16, 4096])
def test_batch_size_changes_nothing(tokens):
    model, texts = bigram_model(random_table(2)), text_set("the cat", "a dog. a cow", "x", "the end of it all")
    one, other = perplexity(model, texts), perplexity(model, texts, tokens_per_batch=tokens)
    assert (one.value, one.stderr) == pytest.approx((other.value, other.stderr), rel=1e-9)


@pytest.mark.parametrize("bos", [True, False])
def test_a_text_longer_than_the_context_is_scored_once_per_token(bos):
    # A bigram model sees one token back, so cutting into windows that keep one token of context changes no loss.
    table, text = random_table(3), "the quick brown fox jumps over the lazy dog"
    whole = perplexity(bigram_model(table, bos=bos), text_set(text, "a"))
    cut = perplexity(bigram_model(table, bos=bos, context=5), text_set(text, "a"))
    assert (whole.split, cut.split) == (0, 1)
    assert cut.tokens == whole.tokens == len(text) + 1 - (0 if bos else 2)
    assert cut.value == pytest.approx(whole.value, rel=1e-6)


def test_windows_of_a_text_with_bos():
    assert windows([1, 2, 3, 4, 5, 6], [0], 4, owner=7) == [
        Row((0, 1, 2, 3), first=1, owner=7, position=0),
        Row((0, 3, 4, 5), first=2, owner=7, position=3),
        Row((0, 5, 6), first=2, owner=7, position=5),
    ]


def test_batches_hold_every_row_once_within_the_budget():
    rows = [Row(tuple(range(length)), 1, owner) for owner, length in enumerate([3, 9, 2, 30, 4, 4])]
    made = batches(rows, tokens=12)
    assert sorted(row.owner for batch in made for row in batch) == list(range(6))
    assert all(len(batch) == 1 or len(batch) * len(batch[-1].ids) <= 12 for batch in made)
    assert len(made) < 6


def test_overflow_is_infinite_and_nan_stays_nan():
    overflow = from_losses(np.array([1e6, 2e6]), np.array([10.0, 10.0]))
    assert overflow.value == math.inf and overflow.stderr == math.inf
    broken = perplexity(bigram_model(uniform_table() * math.nan), text_set("ab", "cd"))
    assert math.isnan(broken.value) and math.isnan(broken.stderr)


def test_delta_method():
    found = from_losses(np.array([1.0, 2.0, 3.0]), np.ones(3))
    assert found.value == pytest.approx(math.exp(2))
    assert found.stderr == pytest.approx(math.exp(2) / math.sqrt(3))


def test_nothing_to_read_is_bad_input():
    with pytest.raises(BadInput, match="no token to predict"):
        perplexity(bigram_model(uniform_table()), text_set("", ""))


def test_progress_ends_at_its_total_and_cancel_stops():
    said: list[tuple[str, int, int]] = []
    model, texts = bigram_model(uniform_table()), text_set("abc", "abcdef")
    perplexity(model, texts, tokens_per_batch=1, progress=lambda *step: said.append(step))
    assert said == [("perplexity", 0, 2), ("perplexity", 1, 2), ("perplexity", 2, 2)]
    cancel = Cancel()
    cancel.request()
    with pytest.raises(Cancelled):
        perplexity(model, texts, cancel=cancel)
