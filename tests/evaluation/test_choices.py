import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from mka.errors import BadInput
from mka.evaluation.choices import choices, credit, marks
from mka.evaluation.prompts import letter_prompt, stem_prompt
from tests.evaluation.doubles import (
    ALPHABET,
    bigram_model,
    question,
    question_set,
    random_table,
    uniform_table,
)


def test_no_preference_is_chance():
    asked = question_set(*(question(f"w{stem}", right) for right, stem in enumerate("abcd")), question("we", 0))
    found = choices(bigram_model(uniform_table()), asked)
    assert found.accuracy == 0.25 and found.letter == 0.25
    assert found.n == 5


def test_the_likelier_answer_wins():
    # Behind the blank the model prefers e, so the third option ("ef") is its answer, and C its letter.
    table = uniform_table()
    table[ALPHABET.index(" "), ALPHABET.index("e")] = 3.0
    table[ALPHABET.index(" "), ALPHABET.index("C")] = 4.0
    asked = question_set(question("wa", 2, "one"), question("wb", 2, "one"), question("wc", 1, "two"))
    found = choices(bigram_model(table), asked)
    assert found.accuracy == pytest.approx(2 / 3) and found.letter == pytest.approx(2 / 3)
    assert {name: (one.accuracy, one.letter, one.n) for name, one in found.subjects.items()} == {
        "one": (1.0, 1.0, 2),
        "two": (0.0, 0.0, 1),
    }


def test_an_option_is_scored_over_all_its_tokens():
    # P(b | a) outweighs the first letter, where c is preferred: sums, not first tokens, decide.
    table = uniform_table()
    table[ALPHABET.index(" "), ALPHABET.index("c")] = 1.0
    table[ALPHABET.index("a"), ALPHABET.index("b")] = 5.0
    assert choices(bigram_model(table), question_set(question("w", 0))).accuracy == 1.0


@pytest.mark.parametrize("tokens", [1, 40, 4096])
def test_batch_size_changes_nothing(tokens):
    model = bigram_model(random_table(4))
    asked = question_set(*(question("w" * (index + 1), index % 4) for index in range(9)))
    assert choices(model, asked, tokens_per_batch=tokens) == choices(model, asked)


def test_a_long_prompt_loses_its_beginning():
    model = bigram_model(random_table(5))
    short, long = question_set(question("wa", 1)), question_set(question("wb " * 40 + "wa", 1))
    # The bigram model cannot see what is cut off.
    model.stack.text_config.max_position_embeddings = 24
    found = choices(model, long)
    assert replace(found, cut=0) == replace(choices(model, short), cut=0)
    # Lettered, the short prompt has 35 tokens: too long as well.
    assert (found.cut, choices(model, short).cut) == (2, 1)
    assert choices(bigram_model(random_table(5)), long).cut == 0


def test_shots_stand_before_the_stem():
    before, one = question("first:", 1), question("then:", 0)
    assert stem_prompt(one, [before]) == "first: cd\n\nthen:"
    assert letter_prompt(one, [before]) == (
        "first:\nA. ab\nB. cd\nC. ef\nD. gh\nAnswer: B\n\nthen:\nA. ab\nB. cd\nC. ef\nD. gh\nAnswer:"
    )


def test_shots_come_from_the_same_subject():
    asked = question_set(question("w", 0, "one"), exemplars=(question("x", 1, "two"),))
    with pytest.raises(BadInput, match="'one' has 0 exemplars"):
        choices(bigram_model(uniform_table()), asked, shots=1)


def test_credit_of_ties_and_nan():
    scores = np.array([[0, -1, -2, -3], [0, 0, -1, -1], [-1, -1, 0, 0], [-math.inf] * 4, [0, math.nan, 0, 0]])
    assert credit(scores, np.zeros(5, dtype=int)).tolist()[:4] == [1.0, 0.5, 0.0, 0.25]
    assert math.isnan(credit(scores, np.zeros(5, dtype=int))[4])
    assert marks(credit(scores, np.zeros(5, dtype=int))) == "1204-"
    assert marks(np.array([1 / 3])) == "3"


def test_every_question_has_its_mark_in_the_order_of_asking():
    table = uniform_table()
    table[ALPHABET.index(" "), ALPHABET.index("e")] = 3.0
    asked = question_set(question("wa", 2, "one"), question("wb", 1, "two"), question("wc", 2, "one"))
    assert choices(bigram_model(table), asked).marks == "101"
    assert choices(bigram_model(uniform_table()), asked).marks == "444"


def test_a_model_of_nan_has_no_accuracy():
    found = choices(bigram_model(torch.full_like(uniform_table(), math.nan)), question_set(question("w", 0)))
    assert math.isnan(found.accuracy) and math.isnan(found.ci95[0]) and math.isnan(found.letter)


def test_no_question_is_bad_input():
    with pytest.raises(BadInput, match="no question"):
        choices(bigram_model(uniform_table()), question_set())
