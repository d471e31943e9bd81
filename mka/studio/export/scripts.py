"""A Python script that repeats the work by the public names of `mka`: analyze, plan, merge, evaluate, save."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pprint import pformat
from typing import Any

from mka.objects.jsonable import jsonable
from mka.objects.measures import MEASURES, WEIGHTS
from mka.objects.plan import MergePlan
from mka.objects.repairs import NONE
from mka.objects.texts import JUDGES
from mka.planning.strategies import STRATEGIES
from mka.studio.export.commands import proposed_again
from mka.studio.visits.desk import Calibration, Desk, Trial
from mka.workflows.analysis_files import Analysis
from mka.workflows.opening import Opening

INDENT = "    "
WIDTH = 110


def script(desk: Desk, plan: MergePlan, trial: Trial | None, folder: str) -> str:
    """The script's text. trial: what was measured, None to leave the evaluation out; folder: where it saves.

    The layers are chosen anew where a strategy of the open analysis proposes just this plan; any other plan stands in
    the script as its file would hold it.
    """
    again, texts = proposed_again(desk, plan), desk.calibration_of(plan)
    analysis = _analysis_of(desk, plan)
    steps = [_load(desk)]
    if analysis is not None:
        steps.append(_analyze(analysis, str(plan.provenance.measure)))
    steps.append(_plan_anew(plan) if again else f"{INDENT}plan = mka.MergePlan.from_json(PLAN)")
    steps.append(_merge(plan, texts))
    steps.append(_evaluate(trial))
    steps.append(
        f"{INDENT}receipt = mka.save(merged, {folder!r})  # refuses a folder that exists\n"
        f'{INDENT}print(f"saved in {{receipt.folder}}, reloaded and compared: {{receipt.verified}}")'
    )
    parts = [
        f'"""Repeats what the MKA studio did: {_about(plan)}."""',
        _imports(analysis, texts),
        "\ndef main() -> None:\n" + "\n\n".join(steps),
    ]
    if not again:
        parts.append(f"\nPLAN = {pformat(jsonable(plan.to_json()), width=WIDTH, sort_dicts=False, compact=True)}")
    return "\n\n".join([*parts, '\nif __name__ == "__main__":\n    main()\n'])


def _imports(analysis: Analysis | None, texts: Calibration | None) -> str:
    lines = ["import mka"]
    if texts is not None:
        lines.append("from mka.data.calibration import calibration_texts")
    if texts is not None or (analysis is not None and _part_of(analysis)):
        lines.append("from mka.data.texts import load_texts")
    return "\n".join(lines)


def _about(plan: MergePlan) -> str:
    return f"{plan.depth} layers become {plan.layers_after}"


def _load(desk: Desk) -> str:
    opening, unasked = desk.opening, Opening()
    names = ("revision", "dtype", "device", "trust_remote_code")
    options = {name: getattr(opening, name) for name in names if getattr(opening, name) != getattr(unasked, name)}
    return f"{INDENT}model = mka.load({_call(desk.summary.source, options)})"


def _analysis_of(desk: Desk, plan: MergePlan) -> Analysis | None:
    """The analysis that chose the plan's layers; None where none did, or another than the one on the desk."""
    made, hashes = desk.analysis, set(plan.provenance.text_hashes)
    strategy = STRATEGIES.get(plan.provenance.strategy)
    chosen = bool(hashes) or (strategy is not None and strategy.needs_similarity)
    if made is None or not chosen or not hashes <= set(made.text_hashes):
        return None
    return made if plan.provenance.measure in made.similarities else None


def _analyze(made: Analysis, measure: str) -> str:
    """Read the texts and compare the layers by the measure that chose the plan's."""
    options: dict[str, Any] = {"limit": made.n_texts, "seed": made.seed}
    if made.kind != "last":
        options["points"] = made.kind
    if made.kind == "tokens":
        options["per_text"] = made.per_text
    if made.longest is not None:
        options["longest"] = made.longest
    part = _part_of(made)
    texts = f"load_texts({_call(made.calibration, part)})" if part else repr(made.calibration)
    seen = "model" if MEASURES[measure].needs == WEIGHTS else "activations"
    lines = [] if seen == "model" else [f"activations = mka.collect(model, {texts}, {_options(options)})"]
    lines += [
        f"similarity = mka.similarity({seen}, {measure!r}, seed={made.seed})",
        'print("neighbours:", [round(float(value), 3) for value in similarity.adjacent])',
    ]
    return "\n".join(INDENT + line for line in lines)


def _part_of(made: Analysis) -> dict[str, Any]:
    """What part of its calibration was read, as `load_texts` takes it; empty where `mka.collect` does so unasked."""
    part = {} if made.split != JUDGES else {"split": made.split}
    return part if made.field is None else part | {"field": made.field}


def _merge(plan: MergePlan, texts: Calibration | None) -> str:
    """Merge, and repair where the plan asks for it."""
    if texts is None:
        return f"{INDENT}merged = mka.merge(model, plan)"
    field = {} if texts.field is None else {"field": texts.field}
    limit = {} if texts.limit is None else {"limit": texts.limit}
    loaded = f"load_texts({_call(texts.source, field)})"
    given = ", ".join(filter(None, (loaded, _options(limit))))
    return (
        f"{INDENT}texts = calibration_texts({given})\n"
        f"{INDENT}merged = mka.merge(model, plan, repair={plan.repair!r}, calibration=texts)"
    )


def _plan_anew(plan: MergePlan) -> str:
    strategy = plan.provenance.strategy
    read = ", similarity=similarity" if STRATEGIES[strategy].needs_similarity else ""
    return (
        f"{INDENT}plan = mka.plan(model, strategy={strategy!r}, remove={plan.removed}{read})\n"
        f"{INDENT}if plan.key != {replace(plan, repair=NONE).key!r}:\n"
        f'{INDENT}{INDENT}print("note: on this machine the strategy gives other weights than the studio had")'
    )


def _evaluate(trial: Trial | None) -> str:
    if trial is None or not trial.data:
        return (
            f"{INDENT}# Not measured in the studio: mka.evaluate(merged, data=...) compares it with the unmerged model."
        )
    options: dict[str, Any] = {"data": trial.data, "limit": trial.limit}
    if trial.shots:
        options["shots"] = trial.shots
    return f"{INDENT}report = mka.evaluate(merged, {trial.tasks!r}, {_options(options)})\n{INDENT}print(report.verdict)"


def _call(first: str, options: Mapping[str, Any]) -> str:
    return ", ".join(filter(None, (repr(first), _options(options))))


def _options(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in options.items())
