"""Measure the demo model, or another that was trained on its world, and write the figures into its card.

    python -m mka.demo.card --model assets/demo-model
    python -m mka.demo.card --model benchmarks/second-model --dtype float32

Writes `figures.json` beside the weights and the tables between the two markers of `README.md`; the
rest of the card stays as it is.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from mka.analysis.collection import collect
from mka.analysis.measures import similarity
from mka.data.questions import load_questions
from mka.data.texts import load_texts
from mka.demo.world import N_DOCUMENTS, World
from mka.evaluation.batches import encode
from mka.evaluation.measure import measure
from mka.evaluation.perplexity import perplexity
from mka.merging.merge import merge
from mka.models.loaded import LoadedModel
from mka.models.loading import load
from mka.objects.jsonable import jsonable
from mka.objects.plan import MergeGroup, MergePlan
from mka.objects.progress import Progress, silent
from mka.objects.report import Choices, Perplexity
from mka.objects.similarity import Similarity
from mka.objects.texts import QuestionSet, Text, TextSet
from mka.planning.planner import plan
from mka.planning.strategies import drop_keep_last

BEGIN = "<!-- figures: begin -->"
END = "<!-- figures: end -->"
COMMAND = ("python", "-m", "mka.demo.card")
SWEEP_QUESTIONS = 40
"""Questions per subject behind each row of the sweeps; the whole model is asked all of them."""
REMOVED = (1, 2, 3, 4)
STRATEGIES = ("mka", "mka-code", "truncate")
UNIGRAM_DOCUMENTS = 20_000
"""How many documents of the training text the token frequencies are counted on."""


@dataclass(frozen=True)
class Shrunk:
    """The model with layers merged or deleted: what was done, and what is left of it.

    `layers` are the source layers in a group of the plan; `accuracy` is by answer likelihood, in [0, 1].
    """

    name: str
    removed: int
    layers: tuple[int, ...]
    perplexity: Perplexity
    accuracy: float
    ci95: tuple[float, float]


@dataclass(frozen=True)
class Figures:
    """All that the card says in numbers, and what they were read on."""

    fingerprint: str
    parameters: int
    bytes: int
    depth: int
    whole: Perplexity
    choices: Choices
    training: Perplexity
    unigram: float
    sweep_questions: int
    sweep_accuracy: float
    deletions: tuple[Shrunk, ...]
    strategies: tuple[Shrunk, ...]
    seed: int
    command: str


def unigram_perplexity(counts: Counter[int], vocabulary: int, tokens: Sequence[int]) -> float:
    """Perplexity on `tokens` of their frequencies in `counts`, one added to each of `vocabulary` tokens."""
    total = counts.total() + vocabulary
    return math.exp(-math.fsum(math.log((counts[token] + 1) / total) for token in tokens) / len(tokens))


def measure_card(model: LoadedModel, *, command: str, seed: int = 0, progress: Progress = silent) -> Figures:
    """Every figure of the card, from the bundled test texts and questions; `command` is what asked for them."""
    texts, questions = load_texts("demo", split="test"), load_questions("demo")
    few = first_per_subject(questions, SWEEP_QUESTIONS)
    whole = measure(model, ("perplexity", "choices"), texts=texts, questions=questions, seed=seed, progress=progress)
    assert whole.perplexity is not None and whole.choices is not None
    world = World()
    training = tuple(Text(text) for text in islice(world.documents("train"), N_DOCUMENTS["test"]))
    counts = Counter(
        token for text in islice(world.documents("train"), UNIGRAM_DOCUMENTS) for token in encode(model.tokenizer, text)
    )
    tokens = [token for text in texts.texts for token in encode(model.tokenizer, text.text)]
    deletions, strategies = deletion_plans(model.stack.depth), strategy_plans(model, seed, progress)
    shrunk = []
    for done, (name, one) in enumerate(plans := [*deletions, *strategies]):
        progress("shrunken models", done, len(plans))
        shrunk.append(shrink(model, name, one, texts, few))
    progress("shrunken models", len(plans), len(plans))
    asked_few = measure(model, ("choices",), questions=few, seed=seed, progress=progress).choices
    assert asked_few is not None
    return Figures(
        fingerprint=model.fingerprint,
        parameters=whole.cost.parameters,
        bytes=whole.cost.bytes,
        depth=model.stack.depth,
        whole=whole.perplexity,
        choices=whole.choices,
        training=perplexity(model, TextSet(training, "demo", "train"), progress=progress),
        unigram=unigram_perplexity(counts, len(model.tokenizer), tokens),
        sweep_questions=len(few.questions),
        sweep_accuracy=asked_few.accuracy,
        deletions=tuple(shrunk[: len(deletions)]),
        strategies=tuple(shrunk[len(deletions) :]),
        seed=seed,
        command=command,
    )


def first_per_subject(questions: QuestionSet, count: int) -> QuestionSet:
    """The first `count` questions of each subject, in their order."""
    asked: Counter[str] = Counter()
    kept = []
    for question in questions.questions:
        asked[question.subject] += 1
        if asked[question.subject] <= count:
            kept.append(question)
    return replace(questions, questions=tuple(kept))


def deletion_plans(depth: int) -> list[tuple[str, MergePlan]]:
    """One plan per layer that deletes it alone."""
    return [(f"layer {layer}", MergePlan(depth, (MergeGroup((layer,), method="drop"),))) for layer in range(depth)]


def strategy_plans(model: LoadedModel, seed: int, progress: Progress) -> list[tuple[str, MergePlan]]:
    """Each strategy, and deletion that spares the last layer, at each number of removed layers.

    The similarity is read on the dev texts; the test texts and questions judge.
    """
    activations = collect(model, load_texts("demo", split="dev"), seed=seed, progress=progress)
    alike: dict[str, Similarity | None] = {
        "mka": similarity(activations, "npib", seed=seed, progress=progress),
        "mka-code": similarity(activations, "npib-code", seed=seed, progress=progress),
        "truncate": None,
    }
    plans = []
    for removed in REMOVED:
        for name in STRATEGIES:
            made = plan(model, strategy=name, remove=removed, similarity=alike[name], seed=seed)
            plans.append((name, made))
        plans.append(("drop-keep-last", drop_keep_last(model.stack.depth, removed)))
    return plans


def shrink(model: LoadedModel, name: str, how: MergePlan, texts: TextSet, questions: QuestionSet) -> Shrunk:
    """Carry the plan out in memory and measure what it leaves."""
    merged = merge(model, how).model
    left = measure(merged, ("perplexity", "choices"), texts=texts, questions=questions, name=name)
    assert left.perplexity is not None and left.choices is not None
    layers = tuple(layer for group in how.groups for layer in group.layers)
    return Shrunk(name, how.removed, layers, left.perplexity, left.choices.accuracy, left.choices.ci95)


def tables(figures: Figures) -> str:
    """The figures as Markdown, between the two markers."""
    asked = f"{figures.sweep_questions} questions"
    parts = [
        BEGIN,
        f"Measured by `{figures.command}` (seed {figures.seed}, model {figures.fingerprint}) on the test texts "
        "and questions of this repository, which the model has not seen; one document at a time behind the "
        "tokenizer's own BOS. Accuracy: four options, 0-shot; chance is 25 %. ± is one standard error.",
        _whole_table(figures),
        _subject_table(figures.choices),
        f"### Without one layer\n\nEach decoder layer deleted alone, on all test texts and {asked}.",
        _shrunk_table(figures, figures.deletions, "deleted"),
        "### Fewer layers\n\nThe similarity that chooses and weighs layers is read on the dev texts. `truncate` and "
        f"`drop-keep-last` merge nothing: they are what costs nothing. All test texts and {asked}.",
        _shrunk_table(figures, figures.strategies, "strategy"),
        END,
    ]
    return "\n\n".join(parts)


def _whole_table(figures: Figures) -> str:
    low, high = figures.choices.ci95
    rows = [
        ("perplexity, test texts", f"{_perplexity(figures.whole)} ({figures.whole.tokens:,} tokens)"),
        ("perplexity, training texts", f"{_perplexity(figures.training)} ({figures.training.tokens:,} tokens)"),
        ("perplexity of token frequencies, test texts", f"{figures.unigram:,.1f}"),
        (
            f"accuracy by answer likelihood, {figures.choices.n} questions",
            f"{100 * figures.choices.accuracy:.1f} % (95 % interval {100 * low:.1f} to {100 * high:.1f})",
        ),
        ("accuracy by letter", f"{100 * figures.choices.letter:.1f} %"),
    ]
    return "\n".join(["| figure | value |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def _subject_table(choices: Choices) -> str:
    rows = (
        f"| {name} | {100 * one.accuracy:.1f} % | {100 * one.letter:.1f} % | {one.n} |"
        for name, one in choices.subjects.items()
    )
    return "\n".join(["| subject | by answer | by letter | questions |", "|---|---|---|---|", *rows])


def _shrunk_table(figures: Figures, rows: Sequence[Shrunk], heading: str) -> str:
    whole = f"| none | 0 | - | {_perplexity(figures.whole)} | {100 * figures.sweep_accuracy:.1f} % |"
    lines = (
        f"| {one.name} | {one.removed} | {' '.join(map(str, one.layers))} | {_perplexity(one.perplexity)} "
        f"| {100 * one.accuracy:.1f} % |"
        for one in rows
    )
    head = f"| {heading} | removed | layers touched | perplexity | accuracy |"
    return "\n".join([head, "|---|---|---|---|---|", whole, *lines])


def _perplexity(figure: Perplexity) -> str:
    digits = 0 if figure.value >= 100 else 1 if figure.value >= 10 else 3
    return f"{figure.value:,.{digits}f} ± {figure.stderr:,.{digits}f}"


def with_tables(card: str, made: str) -> str:
    """The card with `made` between its markers; at its end where it has none."""
    head, begin, rest = card.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if begin and end:
        return head + made + tail
    return f"{card.rstrip()}\n\n{made}\n".lstrip()


def write_card(figures: Figures, folder: Path) -> None:
    """Write `figures.json` and the tables of `README.md`, each beside its place and renamed into it."""
    readme = folder / "README.md"
    card = readme.read_text(encoding="utf-8") if readme.exists() else ""
    _replace(readme, with_tables(card, tables(figures)))
    _replace(folder / "figures.json", json.dumps(jsonable(figures), indent=1) + "\n")


def _replace(path: Path, text: str) -> None:
    beside = path.with_name(f"{path.name}.part")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)


def report(stage: str, done: int, total: int) -> None:
    """Progress as one line on stderr."""
    sys.stderr.write(f"\r{stage}: {done}/{total}   " + ("\n" if done == total else ""))
    sys.stderr.flush()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m mka.demo.card", description="Measure a model for its card.")
    parser.add_argument("--model", type=Path, default=Path("assets/demo-model"), help="folder (default: %(default)s)")
    parser.add_argument("--dtype", default="auto", help="compute in this one (default: as the weights are stored)")
    parser.add_argument("--seed", type=int, default=0)
    given = sys.argv[1:] if arguments is None else arguments
    wanted: Any = parser.parse_args(given)
    model = load(wanted.model, dtype=wanted.dtype)
    figures = measure_card(model, command=shlex.join([*COMMAND, *given]), seed=wanted.seed, progress=report)
    write_card(figures, wanted.model)


if __name__ == "__main__":
    main()
