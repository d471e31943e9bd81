"""The command lines that repeat what the screen shows; a line that begins with # is a remark."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from mka.errors import MkaError
from mka.objects.plan import MergeGroup, MergePlan
from mka.objects.repairs import NONE
from mka.objects.texts import JUDGES
from mka.planning.guided import GUIDED
from mka.planning.strategies import STRATEGIES
from mka.studio.explore.comparing import MEASURE as MEASURE_SIDE
from mka.studio.explore.comparing import TEXTS, Choice
from mka.studio.parts.file_names import file_name
from mka.studio.plan.plan_files import PLAN
from mka.studio.plan.proposals import propose
from mka.studio.selection.regroup import equal_group
from mka.studio.visits.desk import Calibration, Desk, Trial
from mka.workflows.analysis import SUBSAMPLES
from mka.workflows.analysis_files import Analysis
from mka.workflows.opening import Opening
from mka.workflows.planning import MEASURE

TRIES_ANEW = '# it tries plans anew, which takes as long; the plan itself is saved by "Plan as JSON" on the Plan page'

Options = Sequence[tuple[str, str]]
"""Each option of a command with its value."""


def inspect_lines(desk: Desk) -> list[str]:
    """What the Model page shows."""
    return [_line("inspect", [desk.summary.source], _opened_as(desk))]


def analyze_lines(desk: Desk, out: Path) -> list[str]:
    """What the Similarity, Manifold and Layers pages show; no line before an analysis."""
    return [] if desk.analysis is None else [_analyze(desk.analysis, desk, out / "analysis")]


def compare_lines(desk: Desk, measure: str, choice: Choice, out: Path) -> list[str]:
    """What a comparison on the Explore page shows, after `analyze_lines`; no line where nothing is compared."""
    first, kind = str(out / "analysis"), choice[0]
    if kind == TEXTS:
        other = desk.other(choice[1:])
        assert other is not None, "only kept analyses are offered"
        second = out / "other-analysis"
        return [
            _analyze(other, desk, second),
            _line("compare", [first, str(second)], [("--measures", measure)]),
        ]
    if kind == MEASURE_SIDE:
        return [_line("compare", [first], [("--measures", f"{measure},{choice[1]}")])]
    return []


def _analyze(made: Analysis, desk: Desk, folder: Path) -> str:
    """The line that makes `made` again; what is as `mka analyze` does it unasked is left out."""
    options = [("--calibration", made.calibration), ("--limit", str(made.n_texts))]
    if made.field is not None:
        options.append(("--field", made.field))
    if made.split == JUDGES:
        options.append(("--split", made.split))
    if made.kind != "last":
        options.append(("--points", made.kind))
    if made.kind == "tokens":
        options.append(("--per-text", str(made.per_text)))
    if made.longest is not None:
        options.append(("--longest", str(made.longest)))
    options += [*_computed(made), *_opened_as(desk), ("--out", str(folder))]
    return _line("analyze", [desk.summary.source], options)


def _computed(made: Analysis) -> Iterator[tuple[str, str]]:
    """The measures and maps of `made`."""
    if made.similarities:
        yield "--measure", ",".join(made.similarities)
    subsamples = max((one.uncertainty.subsamples for one in made.similarities.values() if one.uncertainty), default=0)
    if made.similarities and subsamples != SUBSAMPLES:
        yield "--subsamples", str(subsamples)
    if made.embeddings:
        yield "--embed", ",".join(made.embeddings)
    if any(one.coordinates.shape[2] == 3 for one in made.embeddings.values()):
        yield "--dims", "3"


def plan_lines(desk: Desk, plan: MergePlan, out: Path) -> list[str]:
    """What the Plan page shows. No option of `mka plan` asks for a repair: `mka merge` does."""
    lines = _plan(desk, plan, out)
    if plan.repair == NONE or lines == [from_file(desk)]:  # the file says it
        return lines
    return [*lines, f"# then: mka merge with --repair {plan.repair}, as the Export page shows it"]


def _plan(desk: Desk, plan: MergePlan, out: Path) -> list[str]:
    """A strategy's plan by its name, a plan of equal weights by its groups; any other plan needs its file. One that was
    found by trying is found so again, which takes as long, so that its file is named too.

    Where the layers were chosen by an analysis, it comes first, so that the plan tells its texts here too; of another
    analysis than the one on the desk, the file tells them.
    """
    options, strategy = _opened_as(desk), plan.provenance.strategy
    tried = _tried_on(desk, plan)
    if tried is not None:
        options += [("--strategy", strategy), ("--remove", str(plan.removed)), *_texts(tried)]
        return [_line("plan", [desk.summary.source], [*options, ("--out", plan_file(desk))]), TRIES_ANEW]
    if proposed_again(desk, plan):
        options += [("--strategy", strategy), ("--remove", str(plan.removed))]
        chosen_by_analysis = STRATEGIES[strategy].needs_similarity
    elif _equal_runs(plan) and _texts_known(desk, plan):
        options.append(("--groups", ",".join(f"{group.layers[0]}-{group.layers[-1]}" for group in plan.groups)))
        chosen_by_analysis = bool(plan.provenance.text_hashes)
        if chosen_by_analysis and plan.provenance.measure != MEASURE:
            options.append(("--measure", str(plan.provenance.measure)))
    else:
        return [from_file(desk)]
    if chosen_by_analysis:
        options.append(("--analysis", str(out / "analysis")))
    line = _line("plan", [desk.summary.source], [*options, ("--out", plan_file(desk))])
    return [*(analyze_lines(desk, out) if chosen_by_analysis else []), line]


def plan_file(desk: Desk) -> str:
    """The plan's file as the commands write and read it and the pages give it."""
    return file_name(desk.summary.source, PLAN)


def from_file(desk: Desk) -> str:
    """In place of a line, for a plan that none makes, or none but by trying anew."""
    return f'# {plan_file(desk)}: the plan itself, as the Plan page saves it by "Plan as JSON"'


def proposed_again(desk: Desk, plan: MergePlan) -> bool:
    """Whether the strategy that the plan names proposes just this now: a file may name it and hold other weights, and
    another analysis may lie on the desk by now."""
    strategy = plan.provenance.strategy
    if strategy not in STRATEGIES:
        return False
    try:
        again = propose(desk, strategy, plan.removed)
    except MkaError:
        return False
    return again.key == replace(plan, repair=NONE).key  # the repair is asked for where it is merged


def _tried_on(desk: Desk, plan: MergePlan) -> Calibration | None:
    """The desk's texts, where a strategy that tries plans found this one on them."""
    texts = desk.calibration
    if plan.provenance.strategy not in GUIDED or texts is None:
        return None
    return texts if texts.key is not None and texts.key == plan.provenance.calibration_key else None


def _equal_runs(plan: MergePlan) -> bool:
    """Whether the groups are what `--groups` makes, by hand."""
    by_hand = plan.provenance.strategy not in (*STRATEGIES, *GUIDED)
    return by_hand and all(_is_equal_run(group) for group in plan.groups)


def _is_equal_run(group: MergeGroup) -> bool:
    return group.method == "average" and group == equal_group(_run(group.layers))  # one layer alone can be dropped


def _texts_known(desk: Desk, plan: MergePlan) -> bool:
    """Whether the analysis on the desk has read every text that chose the plan's layers, and by the same measure."""
    hashes = set(plan.provenance.text_hashes)
    if not hashes:
        return True
    return (
        desk.analysis is not None
        and hashes <= set(desk.analysis.text_hashes)
        and plan.provenance.measure in desk.similarities
    )


def merge_lines(desk: Desk, plan: MergePlan, folder: Path, out: Path) -> list[str]:
    """What the Export page writes; no line for a repair that there are no texts for."""
    if not can_repair(desk, plan):
        return []
    options = [*_repaired_from(desk, plan), *_opened_as(desk), ("--out", str(folder))]
    return [*_plan(desk, plan, out), _line("merge", [desk.summary.source, plan_file(desk)], options)]


def can_repair(desk: Desk, plan: MergePlan) -> bool:
    """Whether there are texts for what the plan asks for; True where it asks for no repair."""
    return plan.repair == NONE or desk.calibration is not None


def _repaired_from(desk: Desk, plan: MergePlan) -> list[tuple[str, str]]:
    texts = desk.calibration_of(plan)
    return [] if texts is None else [("--repair", plan.repair), *_texts(texts)]


def _texts(texts: Calibration) -> list[tuple[str, str]]:
    options = [("--calibration", texts.source)]
    options += [("--limit", str(texts.limit))] if texts.limit is not None else []
    return options + ([("--field", texts.field)] if texts.field is not None else [])


def evaluate_lines(desk: Desk, plan: MergePlan, trial: Trial, out: Path) -> list[str]:
    """What the Evaluate page shows; no line before a task and its data are named, and for a repair that there are no
    texts for. What is repaired is written first."""
    if not (trial.tasks and trial.data and can_repair(desk, plan)):
        return []
    tasks = ("--tasks", ",".join(trial.tasks))
    asked = [("--data", trial.data), ("--limit", str(trial.limit))]
    if trial.shots:
        asked.append(("--shots", str(trial.shots)))
    if plan.repair == NONE:
        options = [("--plan", plan_file(desk)), tasks, *_opened_as(desk), *asked]
        return [*_plan(desk, plan, out), _line("evaluate", [desk.summary.source], options)]
    folder, revision = out / f"merged-{plan.key[:8]}", desk.opening.revision
    source = desk.summary.source if revision is None else f"{desk.summary.source}@{revision}"
    options = [("--against", source), tasks, *_held_as(desk), *asked]
    return [*merge_lines(desk, plan, folder, out), _line("evaluate", [str(folder)], options)]


def load_lines(folder: str) -> list[str]:
    """Python that loads an exported checkpoint; any tool for such folders will do."""
    return [
        "from transformers import AutoModelForCausalLM, AutoTokenizer",
        f"model = AutoModelForCausalLM.from_pretrained({folder!r})",
        f"tokenizer = AutoTokenizer.from_pretrained({folder!r})",
    ]


def _run(layers: Sequence[int]) -> tuple[int, ...]:
    return tuple(range(layers[0], layers[-1] + 1))


def _opened_as(desk: Desk) -> list[tuple[str, str]]:
    """How the desk's model was opened, where it is not as `mka` opens one unasked."""
    revision = desk.opening.revision
    return [*([] if revision is None else [("--revision", revision)]), *_held_as(desk)]


def _held_as(desk: Desk) -> list[tuple[str, str]]:
    """The same of its weights alone."""
    opening, unasked = desk.opening, Opening()
    names = [name for name in ("dtype", "device") if getattr(opening, name) != getattr(unasked, name)]
    return [(f"--{name}", getattr(opening, name)) for name in names]


def _line(command: str, given: Sequence[str], options: Options) -> str:
    """A line for the shell. What is given by its place stands first, but behind `--` where it looks like an option."""
    words = [word for name, value in options for word in _option(name, value)]
    like_options = any(one.startswith("-") for one in given)
    return shlex.join(("mka", command, *((*words, "--", *given) if like_options else (*given, *words))))


def _option(name: str, value: str) -> tuple[str, ...]:
    """A value that looks like an option is joined to its name."""
    return (f"{name}={value}",) if value.startswith("-") else (name, value)
