"""The jobs: what the worker thread does. Torch is reached from here alone, and only when a job runs."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mka.errors import BadInput
from mka.objects.plan import MergePlan
from mka.objects.progress import Cancel, Progress
from mka.objects.repairs import NONE
from mka.studio.jobs import courses
from mka.studio.jobs.calibrating import read_texts
from mka.studio.jobs.jobs import Task
from mka.studio.jobs.memory import Fit, free_bytes
from mka.studio.visits.desk import Continuation, Desk, OpenOrder, Order, Outcome, Trial
from mka.studio.visits.visit import Process

if TYPE_CHECKING:
    from mka.merging.merged import MergedModel


def estimate(process: Process, order: OpenOrder) -> Task:
    """Say what a model needs in memory before it is fetched or loaded, and keep it for the form."""

    def work(progress: Progress, cancel: Cancel) -> str:
        progress(f"looking up the size of {order.source}", 0, 0)
        fit = _fit(process, order)
        cancel.check()
        return f"{order.source}: {fit.sentence}"

    return Task(work, order)


def open_model(process: Process, order: OpenOrder) -> Task:
    """Load a model for which there is room and describe it: a Desk without an analysis. What is too large is
    refused before anything of it is fetched."""

    def work(progress: Progress, cancel: Cancel) -> Desk:
        progress(f"looking up the size of {order.source}", 0, 0)
        fit = _fit(process, order)
        if not fit.fits:
            raise BadInput(
                f"{fit.sentence} Press Open once more to open it anyway, or choose a smaller type of weights"
            )
        return _opened(process, order, progress)

    return Task(work, order, courses.of_opening())


def open_anyway(process: Process, order: OpenOrder) -> Task:
    """As `open_model`, whether there is room or not."""
    # Another job than `open_model`, which may refuse: what is asked for now must not become that one.
    return Task(lambda progress, cancel: _opened(process, order, progress), (order, "anyway"), courses.of_opening())


def _fit(process: Process, order: OpenOrder) -> Fit:
    from mka.models.memory import estimate as need

    needed = need(order.source, revision=order.opening.revision, dtype=order.opening.dtype)
    process.models.note_need(order, needed)
    held = process.models.held
    return Fit(needed, free_bytes(), held.bytes if held is not None else 0)


def _opened(process: Process, order: OpenOrder, progress: Progress) -> Desk:
    progress("loading the libraries", 0, 0)
    from mka.models.summary import summarize  # torch: seconds in which nothing can be stopped

    return Desk(summarize(process.models.opened(order, progress=progress)), opening=order.opening)


def analyze(process: Process, desk: Desk, order: Order) -> Task:
    """Read the calibration texts once, then every measure and embedding asked for: a full Desk."""

    def work(progress: Progress, cancel: Cancel) -> Desk:
        from mka.data.texts import load_texts
        from mka.workflows.analysis import analyze as compute

        made = compute(
            process.models.on_demand(desk.order),
            load_texts(order.calibration, split=order.split, field=order.field),
            measures=order.measures,
            embeddings=order.embeddings,
            dims=order.dims,
            points=order.points,
            per_text=order.per_text,
            longest=order.longest,
            limit=order.limit,
            subsamples=order.subsamples,
            progress=progress,
            cancel=cancel,
        )
        return Desk(made.summary, made, opening=desk.opening)

    return Task(work, (desk.order, order), courses.of_analysis(order))


def try_plans(process: Process, desk: Desk, strategy: str, remove: int) -> Task:
    """Let a strategy try plans on the desk's calibration texts: the plan that it finds."""

    def work(progress: Progress, cancel: Cancel) -> MergePlan:
        progress("loading the libraries", 0, 0)
        from mka.workflows.planning import by_trying

        model = process.models.model(desk.order, progress=progress)
        texts = read_texts(desk.calibration, strategy)
        return by_trying(model, strategy, remove, texts, progress=progress, cancel=cancel)

    return Task(work, (desk.order, desk.calibration, strategy, remove), courses.of_trying(strategy))


@dataclass(frozen=True)
class _Made:
    """merged: what a plan makes of the model on a desk; outcome: what is known of that plan by it alone."""

    merged: MergedModel
    outcome: Outcome


def _made(process: Process, desk: Desk, plan: MergePlan, progress: Progress, cancel: Cancel) -> _Made:
    """Merge if need be. BadInput for a repair without texts, or whose texts have changed."""
    named = desk.calibration_of(plan)
    texts = None if plan.repair == NONE else read_texts(named, f"the repair {plan.repair}")
    merged = process.models.merged(desk.order, plan, texts, progress=progress, cancel=cancel)
    outcome = Outcome(plan, receipt=merged.receipt)
    if named is not None and texts is not None:
        outcome = replace(outcome, calibration=named.words, texts=texts.key)
    return _Made(merged, outcome)


def merge(process: Process, desk: Desk, plan: MergePlan) -> Task:
    """Merge in memory: an Outcome with the receipt."""

    def work(progress: Progress, cancel: Cancel) -> Outcome:
        begun = time.monotonic()
        made = _made(process, desk, plan, progress, cancel)
        seconds = time.monotonic() - begun
        cancel.check()
        return process.remember(desk.weights, replace(made.outcome, seconds=seconds))

    return Task(work, (desk.order, plan, desk.calibration_of(plan)), courses.of_merge(plan))


def evaluate(process: Process, desk: Desk, plan: MergePlan, trial: Trial) -> Task:
    """Merge if need be, then measure it, the unmerged model and the free controls: an Outcome with the report."""

    def work(progress: Progress, cancel: Cancel) -> Outcome:
        progress("loading the libraries", 0, 0)
        from mka.workflows.evaluation import evaluate as measure

        begun = time.monotonic()
        made = _made(process, desk, plan, progress, cancel)
        report = measure(
            made.merged, trial.tasks, data=trial.data, limit=trial.limit, shots=trial.shots, progress=progress,
            cancel=cancel,
        )  # fmt: skip
        seconds = time.monotonic() - begun
        cancel.check()
        return process.remember(desk.weights, replace(made.outcome, report=report, trial=trial, seconds=seconds))

    return Task(
        work,
        (desk.order, plan, desk.calibration_of(plan), trial),
        courses.of_evaluation(desk.summary.source, plan, trial),
    )


def prompt(process: Process, desk: Desk, plan: MergePlan, text: str, tokens: int) -> Task:
    """Merge if need be, then let the unmerged and the merged model continue `text` by at most so many tokens."""

    def work(progress: Progress, cancel: Cancel) -> Continuation:
        from mka.evaluation.generation import generations

        merged = _made(process, desk, plan, progress, cancel).merged
        (made,) = generations(
            merged.model, merged.source, (text,), max_new_tokens=tokens, progress=progress, cancel=cancel
        )
        return Continuation(desk.summary.fingerprint, plan, made)

    return Task(work, (desk.order, plan, desk.calibration_of(plan), text, tokens), courses.of_prompt(plan, tokens))


def export(process: Process, desk: Desk, plan: MergePlan, folder: Path) -> Task:
    """Merge if need be, write the checkpoint folder and verify it: an Outcome with the receipt of what is saved."""

    def work(progress: Progress, cancel: Cancel) -> Outcome:
        progress("loading the libraries", 0, 0)
        from mka.merging.checkpoint import save

        made = _made(process, desk, plan, progress, cancel)
        known = process.known(desk.weights, plan, calibration=desk.calibration_of(plan))
        saved = save(made.merged, folder, report=known.report if known else None, progress=progress, cancel=cancel)
        return replace(process.remember(desk.weights, made.outcome), saved=saved)

    return Task(work, (desk.order, plan, desk.calibration_of(plan), folder), courses.of_export(plan))
