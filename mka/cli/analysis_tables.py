"""The readable answers about analyses: what they hold, how sure it is, and how two of them differ."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from rich.console import Console

from mka.cli.tables import digits, new_table, plain, say, written
from mka.objects.comparison import Agreement, Comparison
from mka.objects.similarity import Similarity
from mka.objects.sizes import bytes_text
from mka.workflows.analysis_files import Analysis

COLUMN = 24
"""Characters that one measure takes in the table, its errors and ranks included."""
STEADINESS = (
    (0.8, "agree on the ranking of neighbours"),
    (0.5, "agree by and large on the ranking of neighbours, so near ties say nothing"),
    (0.2, "agree little on the ranking of neighbours, so only wide gaps say something"),
)
"""What two halves of the points do from which tau on."""
NOISE = "do not agree on the ranking of neighbours: it is noise"
MISLEADING_STRESS = 0.2


def show_analysis(out: Console, analysis: Analysis, folder: str | None) -> None:
    """Every pair of neighbours by every measure, and how far the figures and the maps can be believed."""
    for measures in _beside(analysis.similarities, max(1, (out.width - 8) // COLUMN)):
        table = new_table("layers", *measures)
        for layer, cells in enumerate(zip(*map(_cells, measures.values()), strict=True)):
            table.add_row(f"{layer}-{layer + 1}", *cells)
        out.print(table)
    if any(one.uncertainty for one in analysis.similarities.values()):
        say(out, "value ± standard error over the points [95 % interval of its rank among neighbours: 1 is most alike]")
    for sentence in _remarks(analysis):
        say(out, sentence)
    written(out, folder)


def show_comparisons(out: Console, analyses: Sequence[Analysis], made: Sequence[Comparison], most_moved: int) -> None:
    """Correlations of the rankings, then the neighbours that moved most."""
    for name, analysis in zip("AB", analyses, strict=False):
        about = f"{analysis.n_points} points of {plain(analysis.calibration)}"
        say(out, f"{name}: {plain(analysis.summary.source)} on {about}")
    table = new_table("measure", "neighbours: Spearman", "Kendall", "all pairs: Spearman", "Kendall")
    for one in made:
        figures = (one.adjacent.spearman, one.adjacent.kendall, one.all_pairs.spearman, one.all_pairs.kendall)
        table.add_row(_pair(one), *map(digits, figures))
    out.print(table)
    say(out, "1: both rank the pairs alike; 0: one ranking tells nothing of the other; -1: the other way round")
    for one in made:
        for which, agreement in (("neighbours", one.adjacent), ("all pairs", one.all_pairs)):
            if agreement.moved(1):
                say(out, f"{_pair(one)}, {which} that move most: {_moves(agreement, most_moved)}")


def show_store(out: Console, answer: Mapping[str, Any]) -> None:
    """Where the store is and what it holds, by kind."""
    if not answer["on"]:
        say(out, "the store is off: nothing is kept, and everything is computed anew")
    table = new_table("kind", "results", "size")
    for kind, held in answer["kinds"].items():
        table.add_row(kind, f"{held['number']:,}", bytes_text(held["bytes"]))
    if answer["kinds"]:
        out.print(table)
    say(
        out,
        f"{plain(answer['place'])}: {answer['number']:,} results, {bytes_text(answer['bytes'])} "
        f"of {bytes_text(answer['limit'])} at most",
    )


def _beside(similarities: Mapping[str, Similarity], count: int) -> Iterator[dict[str, Similarity]]:
    """The measures, as many at a time as a table has room for."""
    named = list(similarities.items())
    for start in range(0, len(named), count):
        yield dict(named[start : start + count])


def _cells(one: Similarity) -> list[str]:
    """One per pair of neighbours: the value, and its error and ranks where they are known, below one another."""
    known, values = one.uncertainty, one.adjacent
    if known is None:
        return [digits(value) for value in values]
    ranks = [_span(low, high) for low, high in known.ranks]
    width = max(map(len, ranks), default=0)
    errors = np.diagonal(known.stderr, offset=1)
    return [
        f"{digits(value)} ± {digits(error)} {rank:>{width}}" if math.isfinite(error) else digits(value)
        for value, error, rank in zip(values, errors, ranks, strict=True)
    ]


def _span(low: float, high: float) -> str:
    if math.isnan(low):
        return ""
    return f"[{low:.0f}]" if round(low) == round(high) else f"[{low:.0f}-{high:.0f}]"


def _remarks(analysis: Analysis) -> Iterator[str]:
    for name, one in analysis.similarities.items():
        if one.uncertainty is not None and not math.isnan(one.uncertainty.tau):
            yield f"{name}: {_steadiness(one.uncertainty.tau)}"
        if one.note:
            yield f"{name}: {one.note}"
    for name, embedding in analysis.embeddings.items():
        trust = [figure for figure in embedding.quality.get("trustworthiness", ()) if math.isfinite(figure)]
        if trust:
            yield f"{name} map: trustworthiness {min(trust):.3f} to {max(trust):.3f} over the layers (1 is best)"
    bent = [name for name, one in analysis.layer_maps.items() if one.stress > MISLEADING_STRESS]
    if bent:
        yield f"maps of the layers by {', '.join(bent)} mislead: two dimensions do not hold their distances"
    yield from _provenance(analysis)
    if analysis.warning:
        yield f"WARNING: {analysis.warning}"


def _provenance(analysis: Analysis) -> Iterator[str]:
    same = f", {analysis.duplicates} left out that say the same as another" if analysis.duplicates else ""
    points = "" if analysis.n_points == analysis.n_texts else f"{_number(analysis.n_points, 'point')} in "
    texts, tokens = _number(analysis.n_texts, "text"), _number(analysis.tokens, "token")
    yield f"{points}{texts} of {plain(analysis.calibration)}{same}, {tokens}"
    pieces = (*analysis.similarities, *analysis.embeddings)
    kept = [name for name in pieces if name in analysis.from_store]
    new = [name for name in pieces if name not in analysis.from_store]
    # The model's summary and the maps of layers may be there too, but nobody waits for them.
    known = kept or [name for name in ("reading",) if name in analysis.from_store]
    if known:
        yield (
            f"from the store, computed {min(analysis.from_store[name] for name in known)}: "
            f"{', '.join(kept) or 'what was read'}" + (f"; computed now: {', '.join(new)}" if new else "")
        )


def _number(count: int, thing: str) -> str:
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def _steadiness(tau: float) -> str:
    said = next((words for least, words in STEADINESS if tau >= least), NOISE)
    return f"two halves of the points {said} (Kendall's tau {tau:.2f})"


def _pair(one: Comparison) -> str:
    first, second = one.measures
    return first if first == second else f"{first}, {second}"


def _moves(agreement: Agreement, count: int) -> str:
    return ", ".join(
        f"{one}-{other} from {before:g} to {after:g}"
        for (one, other), (before, after) in (
            (agreement.pairs[place], agreement.ranks[place]) for place in agreement.moved(count)
        )
    )
