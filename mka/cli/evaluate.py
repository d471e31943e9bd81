"""`mka evaluate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mka.cli.command import Run, command
from mka.cli.options import (
    AnyModel,
    Device,
    Dtype,
    Json,
    Limit,
    ModelArgument,
    Revision,
    Seed,
    TrustRemoteCode,
    words,
)
from mka.errors import BadInput

if TYPE_CHECKING:
    from mka.merging.merged import MergedModel
    from mka.models.loaded import LoadedModel
    from mka.objects.plan import MergePlan
    from mka.objects.report import Report
    from mka.objects.texts import TextSet
    from mka.workflows.opening import Opening


def evaluate(
    model: ModelArgument,
    plan: Annotated[str | None, typer.Option(metavar="FILE", help="Merge MODEL by this plan first, in memory.")] = None,
    calibration: Annotated[
        str | None, typer.Option(metavar="SRC", help="Texts for the plan's repair; demo for the demo model.")
    ] = None,
    against: Annotated[str | None, typer.Option(metavar="BASELINE", help="The unmerged model to compare with.")] = None,
    tasks: Annotated[str | None, typer.Option(help="perplexity, choices, divergence, generation, speed.")] = None,
    data: Annotated[str | None, typer.Option(metavar="SRC", help="Texts and questions in one.")] = None,
    text: Annotated[str | None, typer.Option(metavar="SRC", help="Or the texts.")] = None,
    questions: Annotated[str | None, typer.Option(metavar="SRC", help="Or the questions.")] = None,
    shots: Annotated[int, typer.Option(min=0, metavar="K", help="Solved questions before each question.")] = 0,
    limit: Limit = None,
    card: Annotated[bool, typer.Option("--card", help="Also put the figures into MODEL's card.")] = False,
    any_model: AnyModel = False,
    json: Json = None,
    seed: Seed = 0,
    dtype: Dtype = "auto",
    device: Device = "auto",
    revision: Revision = None,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Measure a model against its baseline and, unasked, against deleting as many layers."""
    with command(json, inputs=(model, against, plan, calibration, data, text, questions)) as run:
        from mka.merging.merge import merge, with_repair
        from mka.models.lineage import heir, plan_behind
        from mka.planning.files import read_plan
        from mka.workflows import evaluation
        from mka.workflows.card_figures import put_figures
        from mka.workflows.material import gather
        from mka.workflows.opening import Opening

        if card:
            _check_card(model, plan)
        asked = words(tasks, "--tasks")
        earlier = plan_behind(model)
        made = heir(read_plan(plan), earlier) if plan is not None else earlier
        repaired_by = _repair_texts(made if plan is not None else None, calibration, model, run)
        if asked != ("speed",):  # which reads nothing
            data = data_named(data, text, questions, model, against, made.source if made is not None else None)
        material = gather(
            asked, compared=against is not None or plan is not None,
            data=data, texts=text, questions=questions, shots=shots, limit=limit, seed=seed,
        )  # fmt: skip
        if made is not None:
            material.check_unseen(with_repair(made, made.repair, repaired_by))
        opening = Opening(dtype, device, revision, trust_remote_code)
        opened = opening.model(model, progress=run.progress)
        baseline = _baseline(against, model, opened, opening, run)
        subject: LoadedModel | MergedModel = opened
        if plan is not None and made is not None:
            subject = merge(
                opened, made, calibration=repaired_by, any_model=any_model, progress=run.progress, cancel=run.cancel
            )
        report = evaluation.evaluate(
            subject, material.tasks, data=None, texts=material.texts, questions=material.questions,
            baseline=baseline, shots=shots, seed=seed, progress=run.progress, cancel=run.cancel,
        )  # fmt: skip
        if card:
            put_figures(model, report)
        _answer(run, report)


def _answer(run: Run, report: Report) -> None:
    from mka.cli.report_json import report_json
    from mka.cli.tables import show_report
    from mka.figures.takeaways import of_lengths

    for sentence in of_lengths(report):
        run.note(sentence)
    run.answer(report_json(report), lambda console: show_report(console, report))


def _check_card(model: str, plan: str | None) -> None:
    """Before anything slow: there is a card to put figures into."""
    from mka.workflows.card_figures import check_card

    if plan is not None:
        raise BadInput("what --plan makes has no folder and no card; merge it first, or leave --card out")
    check_card(model)


def _repair_texts(plan: MergePlan | None, calibration: str | None, model: str, run: Run) -> TextSet | None:
    """The texts of the repair that the plan names; None without one."""
    from mka.cli.analyze import warn_of_split
    from mka.data.texts import load_texts
    from mka.objects.repairs import NONE, check_repair
    from mka.workflows.sources import calibration_source

    repair = NONE if plan is None else plan.repair
    source = calibration if repair == NONE else calibration_source(calibration, model)
    check_repair(repair, source)
    if source is None:
        return None
    texts = load_texts(source)
    warn_of_split(run, texts)
    return texts


def data_named(data: str | None, text: str | None, questions: str | None, *models: str | None) -> str | None:
    """What --data means for these models; None where --text or --questions take its place."""
    from mka.workflows.sources import evaluation_source

    if text is None and questions is None:
        return evaluation_source(data, *models)
    if data is not None:
        raise BadInput("--data names texts and questions in one; give it, or --text and --questions")
    return None


def _baseline(against: str | None, model: str, opened: LoadedModel, opening: Opening, run: Run) -> LoadedModel | None:
    """The model of --against, which is not loaded twice where it is MODEL itself."""
    if against is None or against == model:
        return opened if against is not None else None
    return opening.baseline(against, progress=run.progress)
