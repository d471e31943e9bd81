"""What each repair gives back: perplexity and accuracy of small models with 1 to 6 of their layers removed.

    python -m benchmarks.repair [--removed 1-6] [--models demo,benchmarks/second-model] [--choices greedy,...]
    (`make bench-repair`: all of it)

Every choice of layers with every repair, beside the unmerged model. Layers are chosen and repairs worked out on the
texts of the split "dev"; the test texts and questions judge. Rows are written as they come to results/repair.json and,
as tables, to docs/repair.md; a row that stands in the results is not measured again (`--again` does).
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path

import mka
from mka.analysis.collection import collect
from mka.data.questions import load_questions
from mka.data.texts import load_texts
from mka.demo.card import first_per_subject
from mka.evaluation.measure import measure
from mka.evaluation.perplexity import perplexity
from mka.merging.merge import merge
from mka.models.loaded import LoadedModel
from mka.objects.plan import MergeGroup, MergePlan, Provenance
from mka.objects.repairs import REPAIRS
from mka.objects.texts import TextSet
from mka.planning.strategies import drop_keep_last, truncate

ROOT = Path(__file__).parent.parent
RESULTS, TABLE = ROOT / "benchmarks" / "results" / "repair.json", ROOT / "docs" / "repair.md"
MODELS = ("demo", "benchmarks/second-model")
SEARCH_TEXTS, QUESTIONS = 90, 40
"""Texts that the greedy search scores on; questions of each of the 12 subjects."""
CHANCE = 0.25
GOALS = {3: (0.98, 1.05), 6: (0.92, 1.25)}
"""Layers removed -> share of the accuracy above chance that is to be kept, and how many times the perplexity."""


@dataclass(frozen=True)
class Row:
    """One merged model; `layers` are those that its plan names, seconds those of merging and repairing."""

    model: str
    removed: int
    choice: str
    repair: str
    layers: tuple[int, ...]
    perplexity: float
    accuracy: float
    seconds: float

    @property
    def key(self) -> tuple[str, int, str, str]:
        return self.model, self.removed, self.choice, self.repair


class Bench:
    """One model and what it is measured on."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.model: LoadedModel = mka.load(name, dtype="float32")
        self.depth = self.model.stack.depth
        self.dev, self.test = (load_texts("demo", split=split) for split in ("dev", "test"))
        self.questions = first_per_subject(load_questions("demo"), QUESTIONS)
        self._lost: list[int] = []

    def row(self, choice: str, plan: MergePlan, repair: str) -> Row:
        begun = time.perf_counter()
        texts = None if repair == "none" else self.dev
        merged = merge(self.model, plan, repair=repair, calibration=texts).model
        seconds = time.perf_counter() - begun
        found = measure(merged, ("perplexity", "choices"), texts=self.test, questions=self.questions)
        assert found.perplexity is not None and found.choices is not None
        layers = tuple(layer for group in plan.groups for layer in group.layers)
        return Row(
            self.name, plan.removed, choice, repair, layers, found.perplexity.value, found.choices.accuracy, seconds
        )

    def choices(self) -> dict[str, Callable[[int], MergePlan]]:
        return {
            "truncate": lambda removed: truncate(self.depth, removed),
            "drop-keep-last": lambda removed: drop_keep_last(self.depth, removed),
            "shortgpt": self.least_influence,
            "mka": self.merged_by_similarity,
            "greedy": self.greedy,
        }

    def least_influence(self, removed: int) -> MergePlan:
        """The layers whose input and output are most alike: 1 - mean cosine, ShortGPT, arXiv 2403.03853."""
        if not hasattr(self, "activations"):
            self.activations = collect(self.model, self.dev)
        return dropped(self.depth, sorted(range(self.depth), key=lambda i: -self.activations.token_cosine[i])[:removed])

    def merged_by_similarity(self, removed: int) -> MergePlan:
        if not hasattr(self, "alike"):
            self.alike = mka.similarity(collect(self.model, self.dev), "npib")
        return mka.plan(self.model, strategy="mka", remove=removed, similarity=self.alike)

    def greedy(self, removed: int) -> MergePlan:
        """One layer at a time, that without which calibration texts are least perplexing (SLEB, arXiv 2402.09025)."""
        some = TextSet(self.dev.texts[:SEARCH_TEXTS], "demo", "dev")
        while len(self._lost) < removed:
            left = [layer for layer in range(self.depth) if layer not in self._lost]
            scores = {
                layer: perplexity(merge(self.model, dropped(self.depth, [*self._lost, layer])).model, some).value
                for layer in left
            }
            self._lost.append(min(scores, key=scores.__getitem__))
        return dropped(self.depth, self._lost[:removed])


def dropped(depth: int, layers: Sequence[int]) -> MergePlan:
    """A plan that deletes these layers, one group for each."""
    groups = tuple(MergeGroup((layer,), method="drop") for layer in sorted(layers))
    return MergePlan(depth, groups, provenance=Provenance("benchmark"))


def rows(
    bench: Bench, removed: Sequence[int], choices: Sequence[str], known: set[tuple[str, int, str, str]]
) -> Iterator[Row]:
    """The rows that are not known yet."""
    if (bench.name, 0, "whole", "none") not in known:
        yield bench.row("whole", MergePlan(bench.depth), "none")
    for k in removed:
        for choice in choices or bench.choices():
            plan = bench.choices()[choice]
            missing = [repair for repair in ("none", *REPAIRS) if (bench.name, k, choice, repair) not in known]
            for repair in missing:
                yield bench.row(choice, plan(k), repair)


def read() -> list[Row]:
    if not RESULTS.exists():
        return []
    return [Row(**{**one, "layers": tuple(one["layers"])}) for one in json.loads(RESULTS.read_text())["rows"]]


def write(found: Sequence[Row]) -> None:
    names = list(dict.fromkeys(row.model for row in found))
    ordered = sorted(found, key=lambda row: (names.index(row.model), row.removed))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"rows": [asdict(row) for row in ordered]}, indent=1) + "\n", encoding="utf-8")
    TABLE.write_text(tables(ordered), encoding="utf-8")


def tables(found: Sequence[Row]) -> str:
    """The rows as Markdown, a table for each model and number of layers, and how far the goals are."""
    parts = [
        "# What each repair gives back",
        f"Written by `python -m benchmarks.repair`. Perplexity on the test texts, accuracy on {QUESTIONS} test "
        "questions of each subject (chance is 25 %); layers are chosen and repairs worked out on the dev texts alone. "
        "Each cell: perplexity / accuracy in %; – is not measured yet.",
        "\n".join(f"- `{one.name}`: {one.sentence}" for one in REPAIRS.values()),
    ]
    for name, of_model in groupby(found, key=lambda row: row.model):
        mine = list(of_model)
        whole = mine[0]
        parts.append(f"## {name}")
        parts.append(f"Unmerged: perplexity {whole.perplexity:.3f}, accuracy {100 * whole.accuracy:.1f} %.")
        for k, group in groupby(mine[1:], key=lambda row: row.removed):
            parts += _table(k, list(group), whole)
    return "\n\n".join(parts) + "\n"


def _table(removed: int, mine: Sequence[Row], whole: Row) -> list[str]:
    at = {(row.choice, row.repair): row for row in mine}
    repairs = ("none", *REPAIRS)
    lines = [f"| choice | layers | {' | '.join(repairs)} |", f"|---|---|{'---|' * len(repairs)}"]
    for choice in dict.fromkeys(row.choice for row in mine):
        layers = " ".join(map(str, next(row.layers for row in mine if row.choice == choice)))
        cells = (_cell(at.get((choice, repair))) for repair in repairs)
        lines.append(f"| {choice} | {layers} | {' | '.join(cells)} |")
    best = min(mine, key=lambda row: row.perplexity)
    said = (
        f"Lowest perplexity: {best.choice} with {best.repair}, {best.perplexity / whole.perplexity:.3f} times the "
        f"unmerged model's; it keeps {100 * kept(best, whole):.1f} % of the accuracy above chance."
    )
    if removed in GOALS:
        share, times = GOALS[removed]
        met = kept(best, whole) >= share and best.perplexity <= times * whole.perplexity
        said += f" The goal is {100 * share:.0f} % at no more than {times} times: {'met' if met else 'not met'}."
    return [f"### {removed} removed", "\n".join(lines), said]


def kept(row: Row, whole: Row) -> float:
    return (row.accuracy - CHANCE) / (whole.accuracy - CHANCE)


def _cell(row: Row | None) -> str:
    if row is None or not math.isfinite(row.perplexity):
        return "–"
    return f"{row.perplexity:.{3 if row.perplexity < 10 else 0}f} / {100 * row.accuracy:.1f}"


def _numbers(text: str) -> list[int]:
    first, _, last = text.partition("-")
    return list(range(int(first), int(last or first) + 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--removed", type=_numbers, default=_numbers("1-6"))
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--choices", type=lambda text: text.split(","), default=())
    parser.add_argument("--again", action="store_true")
    wanted = parser.parse_args()
    found = [] if wanted.again else read()
    for name in wanted.models.split(","):
        if name != "demo" and not (ROOT / name).is_dir():
            print(f"{name} is not here and is left out")
            continue
        for row in rows(Bench(name), wanted.removed, wanted.choices, {row.key for row in found}):
            found.append(row)
            write(found)
            print(
                f"{row.model} {row.removed} {row.choice} {row.repair}: {_cell(row)} ({row.seconds:.0f} s)", flush=True
            )


if __name__ == "__main__":
    main()
