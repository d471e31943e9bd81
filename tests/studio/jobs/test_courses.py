"""What is foreseen of a job is what it reports: each stage, in that order, to the end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mka.merging.checkpoint import save
from mka.merging.merge import merge
from mka.models.loaded import LoadedModel
from mka.models.loading import load
from mka.objects.measures import MEASURES, WEIGHTS
from mka.objects.repairs import REPAIRS
from mka.objects.texts import Question, QuestionSet, Text, TextSet
from mka.planning.guided import GUIDED
from mka.planning.planner import plan
from mka.studio.jobs.course import Course, Position
from mka.studio.jobs.courses import of_analysis, of_evaluation, of_export, of_merge, of_opening, of_prompt, of_trying
from mka.studio.visits.desk import Order, Trial
from mka.workflows.analysis import analyze
from mka.workflows.evaluation import evaluate
from mka.workflows.planning import by_trying
from tests.workflows.builders import sentences

TEXTS = TextSet(tuple(map(Text, sentences(8))), "lands")
QUESTIONS = QuestionSet(
    tuple(Question(f"Land {i} is", ("red", "blue", "big", "old"), i % 4, "lands") for i in range(4)), (), "asked"
)
TASKS = ("perplexity", "choices", "divergence", "generation")


class Walk:
    """A progress callback that follows a course: which of its stages were reported, and the share after each report."""

    def __init__(self, course: Course) -> None:
        self.position, self.seen, self.shares = Position(course, 0.0), set[int](), [0.0]

    def __call__(self, stage: str, done: int, total: int) -> None:
        self.position = self.position.reported(stage, done, total, 0.0)
        self.seen.add(self.position.index)
        self.shares.append(self.position.share or 0.0)

    @property
    def left_out(self) -> list[str]:
        """The foreseen stages that were never reported."""
        stages = self.position.course.stages
        return [stage.name for at, stage in enumerate(stages) if at not in self.seen]

    @property
    def ends_whole(self) -> bool:
        return self.shares == sorted(self.shares) and abs(self.shares[-1] - 1) < 1e-9


def test_an_evaluation_reports_the_stages_foreseen(tiny_llama: LoadedModel) -> None:
    made = plan(tiny_llama, groups=[[1, 2]])
    walk = Walk(of_evaluation(tiny_llama.source, made, Trial(TASKS, "named below", 8, 0)))
    merged = merge(tiny_llama, made, progress=walk)
    evaluate(merged, TASKS, texts=TEXTS, questions=QUESTIONS, progress=walk)
    assert walk.left_out == ["loading the libraries", "load"]
    assert walk.ends_whole


def test_fewer_tasks_are_fewer_stages(tiny_llama: LoadedModel) -> None:
    made = plan(tiny_llama, groups=[[1, 2]])
    walk = Walk(of_evaluation(tiny_llama.source, made, Trial(("perplexity", "divergence"), "named below", 8, 0)))
    evaluate(merge(tiny_llama, made, progress=walk), ("perplexity", "divergence"), texts=TEXTS, progress=walk)
    assert walk.left_out == ["loading the libraries", "load"]
    assert walk.ends_whole


def test_an_analysis_reports_the_stages_foreseen(tiny_llama: LoadedModel) -> None:
    order = Order("named below", limit=8, measures=("npib", "cosine", "cka", "weights"),
                  embeddings=("diffusion", "pca"), subsamples=4)  # fmt: skip
    walk = Walk(of_analysis(order))
    analyze(tiny_llama, TEXTS, measures=order.measures, embeddings=order.embeddings, subsamples=4, progress=walk)
    assert walk.left_out == ["loading the libraries", "load"]
    assert walk.ends_whole


def test_error_bars_are_foreseen_only_where_they_are_drawn() -> None:
    every = Order("x", measures=tuple(MEASURES), subsamples=0)
    assert not any(stage.name.startswith("error bars") for stage in of_analysis(every).stages)
    barred = {stage.name for stage in of_analysis(Order("x", measures=tuple(MEASURES), subsamples=4)).stages}
    for name, fact in MEASURES.items():
        assert (f"error bars of {name}" in barred) == (fact.needs != WEIGHTS)


def test_opening_and_export_report_the_stages_foreseen(tiny_llama: LoadedModel, tiny_llama_folder, tmp_path) -> None:
    opening = Walk(of_opening())
    load(tiny_llama_folder, progress=opening)
    assert opening.left_out == ["loading the libraries"] and opening.ends_whole
    made = plan(tiny_llama, groups=[[1, 2]])
    export = Walk(of_export(made))
    save(merge(tiny_llama, made, progress=export), tmp_path / "out", progress=export)
    assert export.left_out == ["loading the libraries", "load"] and export.ends_whole


@pytest.mark.parametrize("strategy", GUIDED)
def test_trying_plans_is_one_stage(tiny_llama: LoadedModel, strategy: str) -> None:
    walk = Walk(of_trying(strategy))
    by_trying(tiny_llama, strategy, 1, TEXTS, progress=walk)
    assert walk.left_out == ["loading the libraries", "load"] and walk.ends_whole


@pytest.mark.parametrize("repair", REPAIRS)
def test_a_repair_is_a_stage_of_its_own_with_its_steps(tiny_llama: LoadedModel, repair: str) -> None:
    made = replace(plan(tiny_llama, groups=[[1, 2]]), repair=repair)
    walk = Walk(of_merge(made))
    merge(tiny_llama, made, calibration=TEXTS, progress=walk)
    assert walk.left_out == ["loading the libraries", "load"] and walk.ends_whole
    assert any(stage.name == "repair" for stage in of_evaluation("x", made, Trial((), "x", 4, 0)).stages)
    assert [stage.name for stage in of_prompt(made, 4).stages][-2:] == ["repair", "generation"]
