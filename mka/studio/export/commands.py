"""The command lines that repeat what the screen shows; a line that begins with # is a remark."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from mka.errors import MkaError
from mka.objects.plan import MergePlan
from mka.objects.texts import JUDGES
from mka.planning.strategies import STRATEGIES
from mka.studio.explore.comparing import MEASURE as MEASURE_SIDE
from mka.studio.explore.comparing import TEXTS, Choice
from mka.studio.plan.proposals import propose
from mka.studio.selection.regroup import equal_group
from mka.studio.visits.desk import Desk, Trial
from mka.workflows.analysis import SUBSAMPLES
from mka.workflows.analysis_files import Analysis
from mka.workflows.opening import Opening
from mka.workflows.planning import MEASURE

PLAN = "plan.json"
FROM_FILE = f'# {PLAN}: no one command makes this plan; save it on the Plan page by "Plan as JSON"'


def inspect_lines(desk: Desk) -> list[str]:
    """What the Model page shows."""
    return [_line("inspect", desk.summary.source, *_opened_as(desk))]


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
            _line("compare", first, str(second), "--measures", measure),
        ]
    if kind == MEASURE_SIDE:
        return [_line("compare", first, "--measures", f"{measure},{choice[1]}")]
    return []


def _analyze(made: Analysis, desk: Desk, folder: Path) -> str:
    """The line that makes `made` again; what is as `mka analyze` does it unasked is left out."""
    words = ["analyze", desk.summary.source, "--calibration", made.calibration, "--limit", str(made.n_texts)]
    if made.field is not None:
        words += ["--field", made.field]
    if made.split == JUDGES:
        words += ["--split", made.split]
    if made.kind != "last":
        words += ["--points", made.kind]
    if made.kind == "tokens":
        words += ["--per-text", str(made.per_text)]
    if made.longest is not None:
        words += ["--longest", str(made.longest)]
    if made.similarities:
        words += ["--measure", ",".join(made.similarities)]
    subsamples = max((one.uncertainty.subsamples for one in made.similarities.values() if one.uncertainty), default=0)
    if made.similarities and subsamples != SUBSAMPLES:
        words += ["--subsamples", str(subsamples)]
    if made.embeddings:
        words += ["--embed", ",".join(made.embeddings)]
    if any(one.coordinates.shape[2] == 3 for one in made.embeddings.values()):
        words += ["--dims", "3"]
    return _line(*words, *_opened_as(desk), "--out", str(folder))


def plan_lines(desk: Desk, plan: MergePlan, out: Path) -> list[str]:
    """A strategy's plan by its name, a plan of equal weights by its groups; any other plan needs its file.

    Where the layers were chosen by an analysis, it comes first, so that the plan tells its texts here too; of another
    analysis than the one on the desk, the file tells them.
    """
    words = ["plan", desk.summary.source, *_opened_as(desk)]
    strategy = plan.provenance.strategy
    if proposed_again(desk, plan):
        words += ["--strategy", strategy, "--remove", str(plan.removed)]
        chosen_by_analysis = STRATEGIES[strategy].needs_similarity
    elif _equal_runs(plan) and _texts_known(desk, plan):
        words += ["--groups", ",".join(f"{group.layers[0]}-{group.layers[-1]}" for group in plan.groups)]
        chosen_by_analysis = bool(plan.provenance.text_hashes)
        if chosen_by_analysis and plan.provenance.measure != MEASURE:
            words += ["--measure", str(plan.provenance.measure)]
    else:
        return [FROM_FILE]
    if not chosen_by_analysis:
        return [_line(*words, "--out", PLAN)]
    return [*analyze_lines(desk, out), _line(*words, "--analysis", str(out / "analysis"), "--out", PLAN)]


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
    return again.key == plan.key


def _equal_runs(plan: MergePlan) -> bool:
    """Whether the groups are what `--groups` makes, by hand."""
    by_hand = plan.provenance.strategy not in STRATEGIES and plan.repair == "none"
    return by_hand and all(group == equal_group(_run(group.layers)) for group in plan.groups)


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
    """What the Export page writes."""
    return [
        *plan_lines(desk, plan, out),
        _line("merge", desk.summary.source, PLAN, *_opened_as(desk), "--out", str(folder)),
    ]


def evaluate_lines(desk: Desk, plan: MergePlan, trial: Trial, out: Path) -> list[str]:
    """What the Evaluate page shows."""
    words = ["evaluate", desk.summary.source, "--plan", PLAN, "--tasks", ",".join(trial.tasks)]
    words += [*_opened_as(desk), "--data", trial.data, "--limit", str(trial.limit)]
    if trial.shots:
        words += ["--shots", str(trial.shots)]
    return [*plan_lines(desk, plan, out), _line(*words)]


def load_lines(folder: str) -> list[str]:
    """Python that loads an exported checkpoint; any tool for such folders will do."""
    return [
        "from transformers import AutoModelForCausalLM, AutoTokenizer",
        f"model = AutoModelForCausalLM.from_pretrained({folder!r})",
        f"tokenizer = AutoTokenizer.from_pretrained({folder!r})",
    ]


def _run(layers: Sequence[int]) -> tuple[int, ...]:
    return tuple(range(layers[0], layers[-1] + 1))


def _opened_as(desk: Desk) -> list[str]:
    """How the desk's model was opened, where it is not as `mka` opens one unasked."""
    opening, unasked = desk.opening, Opening()
    words = [] if opening.revision is None else ["--revision", opening.revision]
    for option in ("dtype", "device"):
        if getattr(opening, option) != getattr(unasked, option):
            words += [f"--{option}", getattr(opening, option)]
    return words


def _line(*words: str) -> str:
    return shlex.join(("mka", *words))
