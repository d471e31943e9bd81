"""`mka compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mka.cli.command import command
from mka.cli.options import Json, words

if TYPE_CHECKING:
    from mka.objects.comparison import Agreement, Comparison
    from mka.workflows.analysis_files import Analysis

MOST_MOVED = 5
"""Pairs that are named in an answer."""


def compare(
    first: Annotated[str, typer.Argument(metavar="A", help="What `mka analyze --out` wrote.")],
    second: Annotated[
        str | None, typer.Argument(metavar="[B]", help="Another one, of other texts or another model as deep.")
    ] = None,
    measures: Annotated[
        str | None,
        typer.Option(help="Only these, of both; with A alone, the first of them is compared with each other one."),
    ] = None,
    json: Json = None,
) -> None:
    """Say how far two analyses, or two measures of one, rank the pairs of layers alike."""
    with command(json, inputs=(first, second)) as run:
        from mka.cli.analysis_tables import show_comparisons
        from mka.workflows.analysis_files import read_analysis
        from mka.workflows.comparison import compare_analyses, compare_measures

        named = words(measures, "--measures")
        analyses = [read_analysis(folder) for folder in (first, second) if folder is not None]
        if len(analyses) == 2:
            made = compare_analyses(analyses[0], analyses[1], named)
        else:
            made = compare_measures(analyses[0], named or ())
        run.answer(
            comparison_json(analyses, made), lambda console: show_comparisons(console, analyses, made, MOST_MOVED)
        )


def comparison_json(analyses: list[Analysis], made: tuple[Comparison, ...]) -> dict[str, Any]:
    """What other programs read; ranks count from 1, the pair most alike."""
    return {
        "analyses": [
            {
                "model": one.summary.source,
                "fingerprint": one.summary.fingerprint,
                "layers": one.summary.layers,
                "calibration": one.calibration,
                "calibration_key": one.calibration_key,
                "points": one.n_points,
            }
            for one in analyses
        ],
        "comparisons": [
            {
                "measures": one.measures,
                "adjacent": _agreement_json(one.adjacent),
                "all_pairs": _agreement_json(one.all_pairs),
            }
            for one in made
        ],
    }


def _agreement_json(agreement: Agreement) -> dict[str, Any]:
    return {
        "pairs": len(agreement.pairs),
        "spearman": agreement.spearman,
        "kendall": agreement.kendall,
        "moved": [
            {"layers": agreement.pairs[place], "ranks": agreement.ranks[place]} for place in agreement.moved(MOST_MOVED)
        ],
    }
