import math

import pytest

from mka.errors import BadInput, Cancelled
from mka.evaluation.cost import cost, speed
from mka.evaluation.generation import continue_greedily, generations, prompts_from
from mka.evaluation.measure import measure
from mka.objects.jsonable import jsonable
from mka.objects.progress import Cancel
from tests.evaluation.doubles import bigram_model, question, question_set, random_table, text_set, uniform_table
from tests.merging.models import model_of

TEXTS = text_set("the cat sat on the mat", "a dog ran", "the end")
QUESTIONS = question_set(question("the cat", 0), question("a dog", 1))


def test_only_what_was_asked_for(tiny_llama):
    found = measure(tiny_llama, ("perplexity",), texts=TEXTS, name="tiny")
    assert found.perplexity is not None and found.name == "tiny"
    assert found.choices is None and found.divergence is None and found.generations == ()
    assert math.isnan(found.cost.tokens_per_second)


def test_every_task_on_a_real_model_is_repeatable(tiny_llama):
    tasks = ("perplexity", "choices", "divergence", "generation")
    first, again = (measure(tiny_llama, tasks, texts=TEXTS, questions=QUESTIONS, baseline=tiny_llama) for _ in range(2))
    assert first.perplexity == again.perplexity and first.choices == again.choices
    assert first.divergence is not None and (first.divergence.kl, first.divergence.top1) == (0.0, 1.0)
    assert first.generations == again.generations and len(first.generations) == 3
    assert all(one.baseline == one.model for one in first.generations)


def test_padding_is_in_no_figure_of_a_real_model(tiny_llama):
    alone = measure(tiny_llama, ("perplexity",), texts=text_set("a dog ran")).perplexity
    # One far longer text pads the short one by a lot, yet the two together are the sum of each alone.
    long = measure(tiny_llama, ("perplexity",), texts=text_set("the cat sat on the mat " * 3)).perplexity
    both = measure(tiny_llama, ("perplexity",), texts=text_set("a dog ran", "the cat sat on the mat " * 3)).perplexity
    losses = sum(one.tokens * math.log(one.value) for one in (alone, long))
    assert both.tokens == alone.tokens + long.tokens
    assert both.tokens * math.log(both.value) == pytest.approx(losses, rel=1e-5)


def test_greedy_continuation_is_what_transformers_writes(tiny_llama):
    asked = tiny_llama.tokenizer("the cat", return_tensors="pt")
    written = tiny_llama.network.generate(**asked, do_sample=False, max_new_tokens=8)
    expected = tiny_llama.tokenizer.decode(written[0, asked["input_ids"].shape[1] :], skip_special_tokens=True)
    assert continue_greedily(tiny_llama, "the cat", 8) == expected


def test_a_prompt_that_fills_the_context_is_cut(tiny_llama):
    assert isinstance(continue_greedily(tiny_llama, "the cat sat on the mat " * 500, 8), str)


def test_generation_counts_every_token_and_heeds_a_cancellation_after_each(tiny_llama):
    told: list[tuple[int, int]] = []
    silent = generations(tiny_llama, tiny_llama, ("the cat",), max_new_tokens=4)
    assert (
        generations(
            tiny_llama,
            tiny_llama,
            ("the cat",),
            max_new_tokens=4,
            progress=lambda _, done, total: told.append((done, total)),
        )
        == silent
    )
    assert told == [(done, 8) for done in (0, 1, 2, 3, 4, 4, 5, 6, 7, 8, 8)]
    cancel, seen = Cancel(), []

    def stop_at_two(stage: str, done: int, total: int) -> None:
        seen.append(done)
        if done == 2:
            cancel.request()

    with pytest.raises(Cancelled):
        generations(tiny_llama, tiny_llama, ("the cat",), progress=stop_at_two, cancel=cancel)
    assert seen == [0, 1, 2]


def test_prompts_are_the_first_words_of_texts_all_over_the_set():
    texts = text_set(*(f"text number {index} of the set" for index in range(40)), "")
    assert prompts_from(texts, prompts=4, words=3) == (
        "text number 0",
        "text number 10",
        "text number 20",
        "text number 30",
    )
    with pytest.raises(BadInput, match="no prompt"):
        generations(bigram_model(uniform_table()), bigram_model(uniform_table()), ())


def test_cost_counts_a_tied_tensor_once():
    model = bigram_model(random_table().half())
    model.network.again = model.network.table
    found = cost(model)
    assert (found.parameters, found.bytes) == (random_table().numel(), 2 * random_table().numel())


def test_speed_is_a_rate():
    assert speed(bigram_model(random_table())) > 0


@pytest.mark.parametrize(
    ("tasks", "given", "message"),
    [
        (("perplexed",), {}, "unknown tasks"),
        ((), {}, "name some of"),
        (("perplexity",), {}, "perplexity needs texts"),
        (("choices",), {"texts": TEXTS}, "choices needs questions"),
    ],
)
def test_tasks_are_checked_before_any_work(tasks, given, message):
    with pytest.raises(BadInput, match=message):
        measure(bigram_model(uniform_table()), tasks, **given)


def test_a_comparison_without_a_baseline_is_left_out():
    found = measure(bigram_model(uniform_table()), ("perplexity", "divergence", "generation"), texts=TEXTS)
    assert found.perplexity is not None and found.divergence is None and found.generations == ()


def test_a_model_that_trains_is_measured_as_one_that_does_not():
    model, baseline = model_of("gpt2", 2), model_of("gpt2", 3)
    tasks = ("perplexity", "choices", "divergence", "generation")

    def measured():  # NaN, which equals nothing, becomes None
        return jsonable(measure(model, tasks, texts=TEXTS, questions=QUESTIONS, baseline=baseline))

    resting = measured()
    model.network.train(), baseline.network.train()
    assert measured() == resting and model.network.training and baseline.network.training
