"""A sweep as lines, a table and a file of comma-separated values."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mka.objects.numbers import significant
from mka.objects.report import Result
from mka.objects.sweep import Sweep, SweepRow

if TYPE_CHECKING:
    from rich.console import Console

COLUMNS = (
    "strategy", "remove", "repair", "plan_key", "layers", "parameters", "perplexity", "perplexity_stderr", "accuracy",
    "accuracy_low", "accuracy_high", "kl", "top1", "seconds", "refused", "same_as",
)  # fmt: skip

HEADINGS = (
    "removed", "strategy", "repair", "perplexity", "accuracy", "95 %", "KL (nats)", "same token", "seconds", "plan",
    "same plan as",
)  # fmt: skip
"""Of the table, from which those without a figure are left out."""


def row_line(row: SweepRow) -> str:
    """One row in words, for a log."""
    if row.result is None:
        return f"{row.name}, {row.remove} removed: {row.refused}"
    names = ("perplexity", "accuracy", "95 %", "KL", "same token")
    told = [f"{name} {cell}" for name, cell in zip(names, _figures(row.result), strict=True) if cell != "-"]
    told += [f"the plan of {row.same_as}, measured once"] if row.same_as else []
    return f"{row.name}, {row.remove} removed: {', '.join(told)}"


def show_sweep(out: Console, sweep: Sweep, path: str | None) -> None:
    """Every row beside the unmerged model, then which is the best for each number removed."""
    from mka.cli.tables import new_table, plain, say, written

    lines = [("0", "unmerged", "-", *_figures(sweep.baseline), "-", "-", "-")]
    for row in sweep.rows:
        if row.result is not None and row.plan is not None:
            told = (*_figures(row.result), f"{row.seconds:.1f}", row.plan.key, row.same_as or "-")
            lines.append((str(row.remove), row.strategy, row.repair, *told))
    measured = [place for place in range(len(HEADINGS)) if any(line[place] != "-" for line in lines)]
    table = new_table(*(HEADINGS[place] for place in measured))
    for line in lines:
        table.add_row(*(line[place] for place in measured))
    out.print(table)
    for row in sweep.rows:
        if row.refused:
            say(out, plain(row_line(row)))
    for best in sweep.best:
        name = next(row.name for row in sweep.rows if (row.remove, row.strategy, row.repair) == best.row)
        say(out, f"{best.remove} removed: {name} is the best. {best.says}")
    written(out, path)


def csv_text(sweep: Sweep) -> str:
    """A header and a line for each row; empty where there is no value."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in sweep.rows:
        told = row.to_json()
        low, high = told["accuracy_ci95"] or (None, None)
        writer.writerow(told | {"accuracy_low": low, "accuracy_high": high})
    return text.getvalue()


def _figures(result: Result) -> Sequence[str]:
    perplexity, choices, divergence = result.perplexity, result.choices, result.divergence
    return (
        f"{significant(perplexity.value)} ± {significant(perplexity.stderr, 2)}" if perplexity else "-",
        f"{choices.accuracy:.1%}" if choices else "-",
        f"{choices.ci95[0]:.1%} to {choices.ci95[1]:.1%}" if choices else "-",
        significant(divergence.kl, 3) if divergence else "-",
        f"{divergence.top1:.1%}" if divergence else "-",
    )
