from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mka.data.questions import load_questions
from mka.data.texts import load_texts
from mka.demo import card
from mka.demo.card import (
    BEGIN,
    END,
    Figures,
    Shrunk,
    deletion_plans,
    first_per_subject,
    shrink,
    tables,
    unigram_perplexity,
    with_tables,
    write_card,
)
from mka.evaluation.measure import measure
from mka.merging.merge import merge
from mka.models.loaded import LoadedModel
from mka.objects.plan import MergeGroup, MergePlan
from mka.objects.report import Choices, Perplexity, SubjectAccuracy
from mka.objects.texts import Question, QuestionSet
from tests.tiny import tiny_model_folder

WHOLE = Perplexity(2.19651, 0.01974, 25944, 360)
FIGURES = Figures(
    fingerprint="0123456789abcdef",
    parameters=2_608_256,
    bytes=10_433_024,
    depth=2,
    whole=WHOLE,
    choices=Choices(
        accuracy=0.9501,
        ci95=(0.9371, 0.9604),
        letter=0.2423,
        letter_ci95=(0.22, 0.26),
        n=1440,
        shots=0,
        subjects={"animals": SubjectAccuracy(1.0, 0.25, 120), "sums": SubjectAccuracy(0.905, 0.3, 120)},
    ),
    training=Perplexity(2.21, 0.019, 26062, 360),
    unigram=228.23,
    sweep_questions=480,
    sweep_accuracy=0.944,
    deletions=(Shrunk("layer 0", 1, (0,), Perplexity(4701.4, 101.6, 9, 9), 0.256, (0.2, 0.3)),),
    strategies=(Shrunk("mka", 1, (10, 11), Perplexity(22.04, 0.94, 9, 9), 0.5, (0.4, 0.6)),),
    seed=0,
    command="python -m mka.demo.card --model here",
)


def test_unigram_perplexity_by_hand() -> None:
    # 3 + 1 counted and one for each of 4 tokens: of 8, they have 4, 2, 1 and 1.
    found = unigram_perplexity(Counter({0: 3, 1: 1}), 4, [0, 1, 2])
    assert found == pytest.approx((8 / 4 * 8 / 2 * 8 / 1) ** (1 / 3))
    assert unigram_perplexity(Counter(), 50, [3, 3, 9]) == pytest.approx(50)


def test_first_per_subject_keeps_the_order() -> None:
    asked = [Question(f"{i}", ("a", "b", "c", "d"), 0, "xyx"[i % 3]) for i in range(9)]
    kept = first_per_subject(QuestionSet(tuple(asked), tuple(asked[:1]), "here"), 2)
    assert [(question.stem, question.subject) for question in kept.questions] == [
        ("0", "x"), ("1", "y"), ("2", "x"), ("4", "y"),
    ]  # fmt: skip
    assert (kept.exemplars, kept.source) == (tuple(asked[:1]), "here")


def test_each_layer_is_deleted_alone() -> None:
    plans = deletion_plans(3)
    assert [name for name, _ in plans] == ["layer 0", "layer 1", "layer 2"]
    assert [plan.groups for _, plan in plans] == [(MergeGroup((layer,), method="drop"),) for layer in range(3)]


def test_what_is_shrunk_is_measured_without_its_layers(tiny_llama: LoadedModel) -> None:
    texts, questions = load_texts("demo", limit=3), load_questions("demo", limit=12)
    plan = MergePlan(4, (MergeGroup((2, 3), method="drop"),))
    left = shrink(tiny_llama, "two less", plan, texts, questions)
    alone = measure(merge(tiny_llama, plan).model, ("perplexity", "choices"), texts=texts, questions=questions)
    whole = measure(tiny_llama, ("perplexity",), texts=texts)
    assert (left.name, left.removed, left.layers) == ("two less", 2, (2, 3))
    assert (left.perplexity, left.accuracy) == (alone.perplexity, alone.choices and alone.choices.accuracy)
    assert left.perplexity != whole.perplexity


def test_tables_by_hand() -> None:
    made = tables(FIGURES)
    assert made.startswith(BEGIN) and made.endswith(END)
    for row in (
        "| perplexity, test texts | 2.197 ± 0.020 (25,944 tokens) |",
        "| perplexity, training texts | 2.210 ± 0.019 (26,062 tokens) |",
        "| perplexity of token frequencies, test texts | 228.2 |",
        "| accuracy by answer likelihood, 1440 questions | 95.0 % (95 % interval 93.7 to 96.0) |",
        "| accuracy by letter | 24.2 % |",
        "| animals | 100.0 % | 25.0 % | 120 |",
        "| sums | 90.5 % | 30.0 % | 120 |",
        "| none | 0 | - | 2.197 ± 0.020 | 94.4 % |",
        "| layer 0 | 1 | 0 | 4,701 ± 102 | 25.6 % |",
        "| mka | 1 | 10 11 | 22.0 ± 0.9 | 50.0 % |",
    ):
        assert f"\n{row}\n" in made
    assert "Measured by `python -m mka.demo.card --model here` (seed 0, model 0123456789abcdef)" in made


def test_each_table_has_as_many_cells_as_its_head() -> None:
    for block in tables(FIGURES).split("\n\n"):
        if block.startswith("|"):
            assert len({line.count("|") for line in block.splitlines()}) == 1


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"top\n\n{BEGIN}\nold\n{END}\n\nend\n", "top\n\nNEW\n\nend\n"),
        (f"{BEGIN}{END}", "NEW"),
        ("top\n", "top\n\nNEW\n"),
        ("", "NEW\n"),
        (f"top {BEGIN} without end", f"top {BEGIN} without end\n\nNEW\n"),
    ],
)
def test_tables_take_the_place_between_the_markers(before: str, after: str) -> None:
    assert with_tables(before, "NEW") == after


def test_a_card_written_twice_says_it_once_and_keeps_the_rest(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"# By hand: ±\n\n{BEGIN}\n{END}\n\nThe end.\n", encoding="utf-8")
    write_card(replace(FIGURES, unigram=math.nan), tmp_path)
    write_card(FIGURES, tmp_path)
    assert readme.read_text(encoding="utf-8") == f"# By hand: ±\n\n{tables(FIGURES)}\n\nThe end.\n"
    figures = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert figures["choices"]["subjects"]["sums"] == {"accuracy": 0.905, "letter": 0.3, "n": 120}
    assert figures["deletions"][0]["layers"] == [0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md", "figures.json"]


def test_measuring_a_tiny_model_from_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole command, on few texts and questions: untrained, the model knows no more than chance."""

    def few_texts(source: str, **wanted: Any) -> Any:
        return load_texts(source, limit=52, **wanted)

    monkeypatch.setattr(card, "load_texts", few_texts)
    monkeypatch.setattr(card, "load_questions", lambda source: load_questions(source, limit=24))
    for name, value in (("UNIGRAM_DOCUMENTS", 50), ("REMOVED", (1,)), ("SWEEP_QUESTIONS", 1)):
        monkeypatch.setattr(card, name, value)
    monkeypatch.setattr(card, "N_DOCUMENTS", {"test": 4})
    folder = tiny_model_folder(tmp_path)
    card.main(["--model", str(folder), "--dtype", "bfloat16"])
    figures = json.loads((folder / "figures.json").read_text(encoding="utf-8"))
    assert [one["name"] for one in figures["deletions"]] == ["layer 0", "layer 1", "layer 2", "layer 3"]
    arms = ["mka", "mka-code", "truncate", "drop-keep-last"]
    assert [one["name"] for one in figures["strategies"]] == arms
    assert [one["removed"] for one in figures["strategies"]] == [1] * 4
    truncated = figures["strategies"][2]
    assert truncated["layers"] == [3]
    assert truncated["perplexity"] == figures["deletions"][3]["perplexity"]
    assert figures["command"] == f"python -m mka.demo.card --model {folder} --dtype bfloat16"
    assert figures["bytes"] == 2 * figures["parameters"]
    assert (figures["sweep_questions"], figures["choices"]["n"], figures["depth"]) == (12, 24, 4)
    assert figures["whole"]["texts"] == 52 and figures["training"]["texts"] == 4
    assert (folder / "README.md").read_text(encoding="utf-8").startswith(BEGIN)
