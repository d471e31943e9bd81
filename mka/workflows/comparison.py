"""Two finished analyses side by side, or two measures of one."""

from __future__ import annotations

from collections.abc import Sequence

from mka.analysis.comparison import compare
from mka.errors import BadInput
from mka.objects.comparison import Comparison
from mka.workflows.analysis_files import Analysis
from mka.workflows.planning import similarity_from


def compare_analyses(
    first: Analysis, second: Analysis, measures: Sequence[str] | None = None
) -> tuple[Comparison, ...]:
    """Each measure that both hold, or those named; BadInput for analyses of different depth and what is not there."""
    if first.summary.layers != second.summary.layers:
        raise BadInput(
            f"the analyses are of {first.summary.layers} and of {second.summary.layers} layers; "
            "compare two of the same depth"
        )
    shared = [name for name in first.similarities if name in second.similarities]
    named = shared if measures is None else list(measures)
    if not named:
        raise BadInput("the analyses have no measure in common; analyze again with the same --measure")
    return tuple(compare(similarity_from(first, name), similarity_from(second, name)) for name in named)


def compare_measures(analysis: Analysis, measures: Sequence[str]) -> tuple[Comparison, ...]:
    """The first of the measures with each of the others; BadInput for fewer than two and what is not there."""
    if len(measures) < 2:
        raise BadInput("one analysis is compared by two of its measures; name them with --measures, or another folder")
    first, *others = (similarity_from(analysis, name) for name in measures)
    return tuple(compare(first, other) for other in others)
