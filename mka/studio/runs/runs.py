"""The runs of one model as a table: what stands in it, in which order, against what. No streamlit here."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from mka.figures import words
from mka.figures.evaluation import MANY_TIMES
from mka.objects.plan import MergeGroup, MergePlan
from mka.objects.repairs import NONE
from mka.objects.report import Result
from mka.objects.run import Run, Trial
from mka.studio.selection.naming import named

PINNED, PLAN, WHEN = "Pinned", "Plan", "When"
ALWAYS = (PINNED, PLAN)
"""Columns that say which run a row is; they are never hidden."""
STAR = "★"

Sortable = float | str


def plan_words(plan: MergePlan) -> str:
    """What a plan does to which layers, in a line."""
    return ", ".join(map(_group_words, plan.groups)) or "nothing merged"


def _group_words(group: MergeGroup) -> str:
    layers = named(group.layers)
    if group.method == "drop":
        return f"{layers} dropped"
    if group.method == "keep":
        return f"{layers} as {group.layer}"
    how = [group.method] if group.method != "average" else []
    how += [group.tensors] if group.tensors != "all" else []
    return f"{layers} ({', '.join(how)})" if how else layers


def origin_words(plan: MergePlan) -> str:
    """Who chose the layers, by which measure."""
    chosen = "by hand" if plan.provenance.strategy == "manual" else plan.provenance.strategy
    return f"{chosen}, {plan.provenance.measure}" if plan.provenance.measure else chosen


def repair_words(run: Run) -> str:
    """Which repair was measured, and from which texts it was worked out."""
    return f"{run.plan.repair}, {run.calibration}" if run.calibration else run.plan.repair


def trial_words(trial: Trial) -> str:
    """What was asked, in a few words that fit a list."""
    shots = f", {trial.shots} shots" if trial.shots else ""
    return f"{trial.data}, {trial.limit} of each{shots}"


def run_names(runs: Iterable[Run]) -> dict[str, str]:
    """What a picture calls each run, by key."""
    return {
        run.key: f"{plan_words(run.plan)} ({run.plan.depth} → {run.plan.layers_after} layers), "
        f"{origin_words(run.plan)}{_repaired(run)}, on {trial_words(run.trial)}"
        for run in runs
    }


def _repaired(run: Run) -> str:
    return "" if run.plan.repair == NONE else f", repaired by {run.plan.repair}"


@dataclass(frozen=True)
class Column:
    """One column: what a cell says of a run against another result, and what rows are sorted by."""

    title: str
    cell: Callable[[Run, Result | None], str]
    sort: Callable[[Run, Result | None], Sortable]


def _perplexity(result: Result | None) -> float:
    return result.perplexity.value if result is not None and result.perplexity else math.nan


def _accuracy(result: Result | None) -> float:
    return result.choices.accuracy if result is not None and result.choices else math.nan


def _divergence(result: Result | None) -> float:
    return result.divergence.kl if result is not None and result.divergence else math.nan


def _same_token(result: Result | None) -> float:
    return result.divergence.top1 if result is not None and result.divergence else math.nan


def _parameters_removed(run: Run) -> float:
    base = run.report.baseline
    return math.nan if base is None else 1 - run.report.result.cost.parameters / base.cost.parameters


def _best_control(run: Run) -> float:
    """The lowest perplexity of deleting as many layers; NaN where none was measured."""
    return min((_perplexity(one) for one in run.report.controls.values()), default=math.nan)


def _known(value: float, say: Callable[[float], str]) -> str:
    return "" if math.isnan(value) else say(value)


def _figure(title: str, value: Callable[[Run], float], say: Callable[[float], str]) -> Column:
    return Column(title, lambda run, _: _known(value(run), say), lambda run, _: value(run))


def _text(title: str, say: Callable[[Run], str]) -> Column:
    return Column(title, lambda run, _: say(run), lambda run, _: say(run))


def _change(title: str, value: Callable[[Run, Result | None], float], say: Callable[[float], str]) -> Column:
    return Column(title, lambda run, against: _known(value(run, against), say), value)


def _times(share: float) -> str:
    """A relative change, said as a factor where it is large."""
    factor = 1 + share
    return f"\N{MULTIPLICATION SIGN}{words.number(factor, 3)}" if factor >= MANY_TIMES else words.change(share)


def _points(share: float) -> str:
    return f"{words.signed(100 * share)} points"


def _nats(value: float) -> str:
    return words.signed(value, "{:.3f}".format)


_COLUMNS = (
    _text(PLAN, lambda run: plan_words(run.plan)),
    _text("Chosen by", lambda run: origin_words(run.plan)),
    _text("Repair", repair_words),
    Column(
        "Layers",
        lambda run, _: f"{run.plan.depth} → {run.plan.layers_after}",
        lambda run, _: run.plan.layers_after,
    ),
    _figure("Layers removed", lambda run: run.plan.compression_ratio, words.percent),
    _figure("Parameters removed", _parameters_removed, words.percent),
    _figure("Perplexity", lambda run: _perplexity(run.report.result), words.number),
    _change(
        "Perplexity Δ",
        lambda run, against: _perplexity(run.report.result) / _perplexity(against) - 1,
        _times,
    ),
    _figure("Accuracy", lambda run: _accuracy(run.report.result), words.percent),
    _change("Accuracy Δ", lambda run, against: _accuracy(run.report.result) - _accuracy(against), _points),
    _figure("KL (nats)", lambda run: _divergence(run.report.result), lambda value: words.number(value, 3)),
    _change("KL Δ", lambda run, against: _divergence(run.report.result) - _divergence(against), _nats),
    _figure("Same next token", lambda run: _same_token(run.report.result), words.percent),
    _figure("Best of deleting", _best_control, words.number),
    _text("Measured on", lambda run: trial_words(run.trial)),
    _text("Tasks", lambda run: ", ".join(run.trial.tasks)),
    _text("Weights", lambda run: run.report.dtype),
    _figure("Seed", lambda run: run.report.seed, str),
    _figure("Seconds", lambda run: run.seconds, lambda value: f"{value:.0f}"),
    _text(WHEN, lambda run: run.when),
)
COLUMNS: Mapping[str, Column] = MappingProxyType({column.title: column for column in _COLUMNS})
"""By title, in the table's order."""
PASSING = (PINNED, WHEN, "Seconds")
"""Two runs that differ in these alone measured the same."""


def baseline_of(runs: Sequence[Run], pinned: Sequence[str]) -> Run | None:
    """The run that the others are compared with: the one pinned first; None where each has its unmerged model."""
    by_key = {run.key: run for run in runs}
    return next((by_key[key] for key in pinned if key in by_key), None)


def ordered(
    runs: Sequence[Run], title: str, *, descending: bool = False, pinned: Sequence[str] = ()
) -> tuple[Run, ...]:
    """`runs` by a column, those that are pinned on top in the order of pinning; what has no value comes last."""
    column, against = COLUMNS[title], baseline_of(runs, pinned)
    on_top = [run for key in pinned for run in runs if run.key == key]
    others = [run for run in runs if run.key not in pinned]

    def value(run: Run) -> Sortable:
        return column.sort(run, _against(run, against))

    empty = [run for run in others if _is_nan(value(run))]
    valued = [run for run in others if run not in empty]
    return (*on_top, *sorted(valued, key=value, reverse=descending), *empty)  # type: ignore[arg-type,type-var]  # one column has one kind of value


@dataclass(frozen=True)
class Table:
    """The cells as text. runs: one per row; hidden: how many columns and rows were left out because they are equal."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    runs: tuple[Run, ...]
    hidden: tuple[int, int] = (0, 0)

    def columns(self) -> dict[str, list[str]]:
        """Title -> cells."""
        return {title: [row[i] for row in self.rows] for i, title in enumerate(self.header)}


def table(runs: Sequence[Run], pinned: Sequence[str] = ()) -> Table:
    """Every run in the order given; the signed columns are against the pinned run, else each run's unmerged model."""
    against = baseline_of(runs, pinned)
    rows = (
        (
            STAR if run.key in pinned else "",
            *(column.cell(run, _against(run, against)) for column in COLUMNS.values()),
        )
        for run in runs
    )
    return Table((PINNED, *COLUMNS), tuple(rows), tuple(runs))


def numbers(runs: Sequence[Run], pinned: Sequence[str] = ()) -> Iterator[tuple[Sortable, ...]]:
    """The rows of `table` as numbers instead of words: what is left of the layers, shares and changes as fractions, ""
    where there is no value."""
    against = baseline_of(runs, pinned)
    for run in runs:
        values = [column.sort(run, _against(run, against)) for column in COLUMNS.values()]
        yield STAR if run.key in pinned else "", *("" if _is_nan(value) else value for value in values)


def _is_nan(value: Sortable) -> bool:
    return isinstance(value, float) and math.isnan(value)


def only_differing(whole: Table, pinned: Collection[str] = ()) -> Table:
    """`whole` without the columns that say the same of every run, and without the rows that measured the same as one
    above; what is pinned stays, and so does what says which run a row is. A single row is left as it is."""
    if len(whole.rows) < 2:
        return whole
    shown = [i for i, title in enumerate(whole.header) if title in ALWAYS or len({row[i] for row in whole.rows}) > 1]
    told = [i for i in shown if whole.header[i] not in PASSING]
    seen: set[tuple[str, ...]] = set()
    kept: list[int] = []
    for place, row in enumerate(whole.rows):
        content = tuple(row[i] for i in told)
        if content not in seen or whole.runs[place].key in pinned:
            kept.append(place)
        seen.add(content)
    return Table(
        tuple(whole.header[i] for i in shown),
        tuple(tuple(whole.rows[place][i] for i in shown) for place in kept),
        tuple(whole.runs[place] for place in kept),
        (len(whole.header) - len(shown), len(whole.rows) - len(kept)),
    )


def hidden_words(hidden: tuple[int, int]) -> str:
    """What `only_differing` left out."""
    columns, rows = hidden
    parts = [f"{columns} column{'' if columns == 1 else 's'}"] if columns else []
    parts += [f"{rows} row{'' if rows == 1 else 's'}"] if rows else []
    return f"Hidden, because equal: {' and '.join(parts)}." if parts else "Nothing is equal, so nothing is hidden."


def toggled(keys: Sequence[str], key: str) -> list[str]:
    """`keys` without `key`, or with it as the last."""
    return [one for one in keys if one != key] if key in keys else [*keys, key]


def trials_of(runs: Iterable[Run]) -> tuple[Trial, ...]:
    """What the runs were measured on, each once, the latest first."""
    return tuple(dict.fromkeys(run.trial for run in sorted(runs, key=lambda run: run.when, reverse=True)))


def _against(run: Run, pinned: Run | None) -> Result | None:
    return run.report.baseline if pinned is None else pinned.report.result
