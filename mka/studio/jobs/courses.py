"""The stages that each kind of job will go through, with about how many seconds each takes on the demo model.

Only their proportions count: how fast this machine and this model are is told by the job's own pace.
"""

from __future__ import annotations

from mka.objects.measures import EMBEDDING, MEASURES, WEIGHTS
from mka.objects.plan import MergePlan
from mka.studio.jobs.course import Course, Stage
from mka.studio.visits.desk import Order, Trial

LIBRARIES = Stage("loading the libraries", 4.0)
LOAD = Stage("load", 0.4, even=False)
MERGE = Stage("merge", 0.1)
REPAIR = {"scale": 7.0, "linear": 30.0, "linear-cut": 5.0, "replaceme": 4.0, "transplant": 90.0, "refit": 170.0}
"""By repair, of a plan with two cuts."""
TRYING = 90.0
OF_A_TEXT = {"perplexity": 0.02, "choices": 0.008, "choices by letter": 0.006}
"""Seconds for each text or question, by stage."""
DIVERGENCE_OF_A_TEXT = 0.036
"""It reads each text by two models."""
GENERATION = 2.4
OF_A_TOKEN = 0.01
"""Seconds for each token that two models write."""
CONTROLS = ("truncate", "drop-keep-last")
READING_OF_A_TEXT = 0.03
DIFFUSION = "embed (diffusion)"
MAP = {"diffusion": 2.0, "umap": 12.0, "aligned-umap": 20.0, "pca": 0.5}
CHEAP_MEASURE, SLOW_MEASURE = 0.3, 4.0
OF_A_SUBSAMPLE = 0.1
"""A measure on half of the points, beside the measure on all."""


def of_opening() -> Course:
    """Open a model."""
    return Course((LIBRARIES, LOAD))


def of_trying(strategy: str) -> Course:
    """Try plan after plan. How many plans a pass of laco tries is not known before it."""
    return Course((LIBRARIES, LOAD, Stage(strategy, TRYING, even=strategy != "laco")))


def of_merge(plan: MergePlan) -> Course:
    """Merge in memory, and repair where the plan asks for it."""
    repair = [Stage("repair", REPAIR[plan.repair])] if plan.repair in REPAIR else []
    return Course((LIBRARIES, LOAD, MERGE, *repair))


def of_prompt(plan: MergePlan, tokens: int) -> Course:
    """Merge if need be, then two continuations."""
    return Course((*of_merge(plan).stages, Stage("generation", tokens * OF_A_TOKEN)))


def of_export(plan: MergePlan) -> Course:
    """Merge if need be, write, verify."""
    return Course((*of_merge(plan).stages, Stage("save", 2.0, even=False)))


def of_evaluation(source: str, plan: MergePlan, trial: Trial) -> Course:
    """Every task on the merged model, on the unmerged one and on both controls, in that order."""
    smaller = plan.layers_after / plan.depth
    controls = [stage for name in CONTROLS for stage in _of_model(name, trial, smaller, compared=True)]
    merged = _of_model("merged", trial, smaller, compared=True)
    writes = [Stage("merged: generation", GENERATION)] if "generation" in trial.tasks else []
    unmerged = _of_model(source, trial, 1.0, compared=False)
    return Course((*of_merge(plan).stages, *merged, *writes, *unmerged, *controls))


def _of_model(name: str, trial: Trial, size: float, *, compared: bool) -> list[Stage]:
    """The tasks of one model that is `size` times as deep as the unmerged one, without what it writes."""
    tasks = ["perplexity"] if "perplexity" in trial.tasks else []
    tasks += ["choices", "choices by letter"] if "choices" in trial.tasks else []
    stages = [Stage(f"{name}: {task}", size * trial.limit * OF_A_TEXT[task]) for task in tasks]
    if compared and "divergence" in trial.tasks:
        stages.append(Stage(f"{name}: divergence", trial.limit * DIVERGENCE_OF_A_TEXT * (1 + size) / 2))
    return stages


def of_analysis(order: Order) -> Course:
    """Read the texts, then every measure, the error bars of those that read texts, and every map."""
    facts = [MEASURES[name] for name in order.measures]
    measures = [Stage(one.name, CHEAP_MEASURE if one.cheap else SLOW_MEASURE) for one in facts]
    halves = OF_A_SUBSAMPLE * order.subsamples
    bars = [
        Stage(f"error bars of {stage.name}", halves * stage.weight)
        for one, stage in zip(facts, measures, strict=True)
        if halves and one.needs != WEIGHTS
    ]
    mapped = [Stage(DIFFUSION, MAP["diffusion"])] if any(one.needs == EMBEDDING for one in facts) else []
    maps = [Stage(f"embed ({name})", MAP[name]) for name in order.embeddings]
    reading = Stage("collect", READING_OF_A_TEXT * order.limit)
    return Course((LIBRARIES, LOAD, reading, *mapped, *measures, *bars, *maps))
