"""Every strategy at every number of layers removed, with every repair: planned, merged in memory and measured."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from pathlib import Path

from mka.data.calibration import calibration_texts
from mka.errors import BadInput, RunFailed
from mka.evaluation.measure import measure
from mka.evaluation.verdict import verdict
from mka.merging.merge import merge, with_repair
from mka.models.lineage import heir
from mka.models.loaded import LoadedModel
from mka.objects.plan import MergePlan, Provenance
from mka.objects.progress import Cancel, Progress, silent
from mka.objects.repairs import NONE, check_repair
from mka.objects.report import Result
from mka.objects.seeds import check_seed
from mka.objects.similarity import Similarity
from mka.objects.sweep import Best, Sweep, SweepRow
from mka.objects.texts import QuestionSet, TextSet
from mka.planning.guided import GUIDED, Scorer
from mka.planning.planner import plan
from mka.planning.strategies import STRATEGIES
from mka.store import Store
from mka.workflows.evaluation import CONTROLS
from mka.workflows.kept import Kept
from mka.workflows.material import Material, gather
from mka.workflows.opening import ModelOnDemand
from mka.workflows.pieces import Pieces, Reading
from mka.workflows.planning import measure_of, scorer
from mka.workflows.sources import DEMO, calibration_source
from mka.workflows.versions import versions

TASKS = ("perplexity", "choices", "divergence")
"""What a row may hold; what a model writes and how fast it runs is `evaluate`'s to tell, one model at a time."""

Each = Callable[[SweepRow], None]


def ignored(row: SweepRow) -> None:
    """The callback that does nothing with a row."""


def sweep(
    model: LoadedModel,
    strategies: Sequence[str],
    remove: Iterable[int],
    repairs: Sequence[str] = (NONE,),
    *,
    calibration: str | Path | TextSet | Sequence[str] | None = None,
    tasks: Sequence[str] | None = None,
    data: str | Path | None = DEMO,
    texts: str | Path | TextSet | None = None,
    questions: str | Path | QuestionSet | None = None,
    shots: int = 0,
    limit: int | None = None,
    seed: int = 0,
    each: Each = ignored,
    progress: Progress = silent,
    cancel: Cancel | None = None,
) -> Sweep:
    """Plan, merge and measure every combination; `model` stays as it was and is never loaded again.

    strategies:   of `mka.plan`, and "drop-keep-last"; each by its own measure. Activations, similarities and what
                  plans were tried at are found out once, whatever the number removed
    remove:       how many layers fewer, each number by itself
    repairs:      "none" and names of `REPAIRS`
    calibration:  what strategies and repairs read, where any does; by default "demo" for the demo model alone
    tasks:        some of TASKS; by default perplexity and choices, as far as there is data for them
    data, texts, questions, shots, limit, seed: as `evaluate` takes them; `seed` also as `collect` does
    each:         called with each row as soon as it is measured
    progress:     counts rows under "sweep", and the work within a row under its name

    A plan that several strategies propose is merged and measured once, and the later rows say whose it is. A
    combination that cannot be, as a strategy that finds no plan or a repair that finds no place, is a row that says
    why. Raises BadInput for unknown names, nothing to do, missing data, and texts that would both calibrate and
    judge, before any work; Cancelled.
    """
    strategies, repairs = tuple(dict.fromkeys(strategies)), tuple(dict.fromkeys(repairs))
    numbers = sorted(set(remove))
    check_names(strategies, repairs, numbers)
    material = gather(
        tasks, compared=tasks is not None, data=data, texts=texts, questions=questions, shots=shots, limit=limit,
        seed=seed,
    )  # fmt: skip
    _check_tasks(material.tasks)
    read = None
    if reads_texts(strategies, repairs, calibration):
        read = calibration_texts(calibration_source(None, model.source) if calibration is None else calibration)
    _check_unseen(material, read, model)
    bench = _Bench(_Planner(model, read, check_seed(seed), progress, cancel), material, shots)
    baseline = bench.measured(model, model.source, progress)
    rows: list[SweepRow] = []
    for row in bench.rows(numbers, strategies, repairs):
        rows.append(row)
        each(row)
        progress("sweep", len(rows), len(numbers) * len(strategies) * len(repairs))
    return _told(bench, baseline, rows)


def reads_texts(strategies: Iterable[str], repairs: Iterable[str], calibration: object) -> bool:
    """Whether any of them reads calibration texts; BadInput where some are given and nothing does."""
    chosen_by_texts = (
        name in GUIDED or (name in STRATEGIES and STRATEGIES[name].needs_similarity) for name in strategies
    )
    reads = any(chosen_by_texts) or any(name != NONE for name in repairs)
    if calibration is not None and not reads:
        raise BadInput(
            "none of these strategies and repairs reads calibration texts; leave --calibration (calibration=) out"
        )
    return reads


def check_names(strategies: Sequence[str], repairs: Sequence[str], numbers: Sequence[int]) -> None:
    """BadInput for an unknown strategy or repair, or none of one kind."""
    for name in strategies:
        if name not in CONTROLS:
            measure_of(name)
    for name in repairs:
        check_repair(name, None if name == NONE else "there will be texts")
    if not (strategies and repairs and numbers):
        raise BadInput("a sweep needs at least one strategy, one number of layers to remove and one repair; name them")


def _check_tasks(tasks: Sequence[str]) -> None:
    for task in tasks:
        if task not in TASKS:
            raise BadInput(f"a sweep does not measure {task}; name some of {', '.join(TASKS)}")


def _check_unseen(material: Material, read: TextSet | None, model: LoadedModel) -> None:
    """BadInput where a text would judge that calibrates now or calibrated an earlier merge of the model."""
    calibrated = Provenance(text_hashes=read.hashes if read is not None else ())
    material.check_unseen(heir(MergePlan(model.stack.depth, provenance=calibrated), model.made_by))


def _told(bench: _Bench, baseline: Result, rows: Sequence[SweepRow]) -> Sweep:
    planner, material = bench.planner, bench.material
    read, texts, questions = planner.texts, material.texts, material.questions
    return Sweep(
        source=planner.model.source,
        fingerprint=planner.model.fingerprint,
        baseline=baseline,
        rows=tuple(rows),
        best=best_of(rows, baseline),
        seed=planner.seed,
        calibration_source=read.source if read is not None else "",
        text_source=texts.source if texts is not None else "",
        question_source=questions.source if questions is not None else "",
        versions=versions(),
    )


@dataclass
class _Planner:
    """Plans for one model; what is found out for one serves the next."""

    model: LoadedModel
    texts: TextSet | None
    seed: int
    progress: Progress
    cancel: Cancel | None
    _similarities: dict[str, Similarity] = field(default_factory=dict)
    _scorers: dict[str, Scorer] = field(default_factory=dict)

    def plan(self, strategy: str, remove: int) -> MergePlan:
        """As `mka plan` makes it; BadInput where the strategy has none."""
        if strategy not in STRATEGIES and strategy in CONTROLS:
            free = CONTROLS[strategy](self.model.stack.depth, remove)
            return replace(free, fingerprint=self.model.fingerprint, source=self.model.source)
        if strategy in GUIDED:
            return plan(
                self.model, strategy=strategy, remove=remove, score=self._scorer(strategy), seed=self.seed,
                progress=self.progress, cancel=self.cancel,
            )  # fmt: skip
        read = measure_of(strategy)
        similarity = self._similarity(read) if read is not None else None
        return plan(self.model, strategy=strategy, remove=remove, similarity=similarity, seed=self.seed)

    def _similarity(self, measure: str) -> Similarity:
        if measure not in self._similarities:
            self._similarities[measure] = self._pieces.similarity(measure)
        return self._similarities[measure]

    @cached_property
    def _pieces(self) -> Pieces:
        """An analysis of which nothing is kept on disk: the model may have been changed in memory."""
        assert self.texts is not None  # read where any strategy needs them
        opened = ModelOnDemand(self.model.source, None, lambda _: self.model)
        return Pieces(
            opened, self.texts, Reading(seed=self.seed), {}, Kept(Store(Path(), 0), None), self.progress, self.cancel
        )

    def _scorer(self, strategy: str) -> Scorer:
        """One that remembers: to remove one layer more, a strategy tries again what it tried before."""
        if strategy not in self._scorers:
            assert self.texts is not None
            fresh = scorer(self.model, strategy, self.texts, cancel=self.cancel)
            known: dict[str, float] = {}

            def score(tried: MergePlan) -> float:
                if tried.key not in known:
                    known[tried.key] = fresh.score(tried)
                return known[tried.key]

            self._scorers[strategy] = replace(fresh, score=score)
        return self._scorers[strategy]


@dataclass(frozen=True)
class _Bench:
    """Where every plan is put through the same. done: the rows that were put through it, by the keys of their plans"""

    planner: _Planner
    material: Material
    shots: int
    done: dict[str, SweepRow] = field(default_factory=dict)

    def rows(self, numbers: Sequence[int], strategies: Sequence[str], repairs: Sequence[str]) -> Iterator[SweepRow]:
        """Each as soon as it is measured."""
        for remove, strategy in product(numbers, strategies):
            began = time.perf_counter()
            try:
                made, refused = self.planner.plan(strategy, remove), ""
            except (BadInput, RunFailed) as error:
                made, refused = None, str(error)
            planned = time.perf_counter() - began
            for repair in repairs:
                if made is None:
                    yield SweepRow(strategy, remove, repair, None, None, refused, planned)
                else:
                    asked = replace(made, repair=repair)
                    yield self._row(SweepRow(strategy, remove, repair, asked, None, "", planned), made)
                planned = 0.0  # known now

    def _row(self, row: SweepRow, made: MergePlan) -> SweepRow:
        """What `row` is once its plan is merged and repaired, or was for an earlier row."""
        assert row.plan is not None
        done = self.done.get(row.plan.key)
        if done is None:
            found = self.done[row.plan.key] = self._merged(row, made)
            return found
        plan, result = row.plan, done.result
        if result is not None:  # as `merge` names the texts that were read
            texts = None if row.repair == NONE else self.planner.texts
            plan = heir(with_repair(made, row.repair, texts), self.planner.model.made_by)
            result = replace(result, name=row.name)
        return replace(row, plan=plan, result=result, refused=done.refused, same_as=done.strategy)

    def _merged(self, row: SweepRow, made: MergePlan) -> SweepRow:
        planner = self.planner

        def progress(stage: str, done: int, total: int) -> None:
            planner.progress(f"{row.name}, {row.remove} removed: {stage}", done, total)

        began = time.perf_counter()
        try:
            merged = merge(
                planner.model, made, repair=row.repair, calibration=None if row.repair == NONE else planner.texts,
                progress=progress, cancel=planner.cancel,
            )  # fmt: skip
        except (BadInput, RunFailed) as error:
            return replace(row, refused=str(error), seconds=row.seconds + time.perf_counter() - began)
        seconds = row.seconds + time.perf_counter() - began
        result = self.measured(merged.model, row.name, progress)
        return replace(row, plan=merged.plan, result=result, seconds=seconds)

    def measured(self, model: LoadedModel, name: str, progress: Progress) -> Result:
        whole = self.planner.model
        return measure(
            model, self.material.tasks, texts=self.material.texts, questions=self.material.questions,
            baseline=whole if model is not whole else None, name=name, shots=self.shots, seed=self.planner.seed,
            progress=progress, cancel=self.planner.cancel,
        )  # fmt: skip


def best_of(rows: Sequence[SweepRow], baseline: Result) -> tuple[Best, ...]:
    """The best row for each number removed, by perplexity where it was measured, else by accuracy, else by KL; the
    first of equals. What it says is the verdict on it, with the free controls that are among the rows."""
    measured = [(row, row.result) for row in rows if row.result is not None]
    best = []
    for remove in dict.fromkeys(row.remove for row, _ in measured):
        among = [(row, result) for row, result in measured if row.remove == remove]
        row, result = min(among, key=lambda pair: _cost(pair[1]))
        controls = {one.strategy: found for one, found in among if one.strategy in CONTROLS and one.repair == NONE}
        said = [verdict(result, baseline, {} if controls.get(row.strategy) is result else controls)]
        if controls.get(row.strategy) is result:
            said.append("It is a control that costs nothing: no other row beats deleting as many layers so.")
        said.append(_better_answers(row, [one for one, _ in among]))
        best.append(Best(remove, row.strategy, row.repair, " ".join(filter(None, said))))
    return tuple(best)


def _better_answers(best: SweepRow, rows: Sequence[SweepRow]) -> str:
    """A sentence where another row has a higher accuracy; "" otherwise."""
    higher = [row for row in rows if row.accuracy > best.accuracy]
    if not higher:
        return ""
    most = max(higher, key=lambda row: row.accuracy)
    return f"The highest accuracy, {100 * most.accuracy:.1f} %, is that of {most.name}."


def _cost(result: Result) -> float:
    """Lower is better; NaN, where a model puts out NaN, is the worst."""
    if result.perplexity is not None:
        cost = result.perplexity.value
    elif result.choices is not None:
        cost = -result.choices.accuracy
    else:
        assert result.divergence is not None  # every task is one of TASKS
        cost = result.divergence.kl
    return math.inf if math.isnan(cost) else cost
