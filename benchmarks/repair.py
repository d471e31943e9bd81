"""What each repair gives back: perplexity and accuracy of small models with 1 to 6 of their layers removed.

    python -m benchmarks.repair [--removed 1-6] [--models demo,benchmarks/second-model] [--choices greedy,...]
                                [--repairs none,linear,...] [--texts 3000]
    (`make bench-repair`: all of it; hours on two cores)

Choices of layers with every repair, beside the unmerged model. Layers are chosen on the texts of the split "dev", and
repairs worked out on them or on so many (--texts) of the split "train"; the test texts and questions judge. Rows are
written as they come to results/repair.json and, as tables, to docs/repair.md; a row that stands in the results is not
measured again (`--again` does).
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from itertools import groupby
from pathlib import Path

import mka
from mka.analysis.collection import collect
from mka.data.questions import load_questions
from mka.data.texts import load_texts
from mka.demo.card import first_per_subject
from mka.demo.world import World
from mka.errors import BadInput
from mka.evaluation.measure import measure
from mka.merging.merge import merge
from mka.models.loaded import LoadedModel
from mka.objects.plan import MergeGroup, MergePlan, Provenance
from mka.objects.repairs import REPAIRS
from mka.objects.texts import Text, TextSet
from mka.planning.guided import GUIDED, Score
from mka.planning.strategies import drop_keep_last, truncate
from mka.workflows.planning import scorer

ROOT = Path(__file__).parent.parent
RESULTS, TABLE = ROOT / "benchmarks" / "results" / "repair.json", ROOT / "docs" / "repair.md"
MODELS = ("demo", "benchmarks/second-model")
SEARCH_TEXTS, QUESTIONS = 90, 40
"""Texts that searches score on; questions of each of the 12 subjects."""
DEV = 0
"""Documents of the training split that a repair is worked out on where it is worked out on the dev texts."""
FIRST = 1_000_000
"""The number of the first of such documents: none that a model was trained on or is judged by."""
PICKED = {"demo": {6: (2, 4, 6, 8, 9, 10)}, "benchmarks/second-model": {6: (2, 4, 6, 8, 10, 11)}}
"""By model and number: layers chosen by hand, nearly every second one, by what repairs gave back on other documents of
the training split."""
CHANCE = 0.25
GOALS = {3: (0.98, 1.05), 6: (0.92, 1.25)}
"""Layers removed -> share of the accuracy above chance that is to be kept, and how many times the perplexity."""


@dataclass(frozen=True)
class Row:
    """One merged model; `layers` are those that its plan names, seconds those of merging and repairing.

    texts: documents of the training split that the repair was worked out on; 0 where it was the dev texts
    """

    model: str
    removed: int
    choice: str
    repair: str
    texts: int
    layers: tuple[int, ...]
    perplexity: float
    accuracy: float
    seconds: float

    @property
    def key(self) -> Key:
        return self.model, self.removed, self.choice, self.way

    @property
    def way(self) -> str:
        """The repair, and the texts where they are more than usual."""
        return way(self.repair, self.texts)


Key = tuple[str, int, str, str]


def way(repair: str, texts: int) -> str:
    return f"{repair}, {texts} texts" if texts and repair != "none" else repair


class Bench:
    """One model and what it is measured on."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.model: LoadedModel = mka.load(name, dtype="float32")
        self.depth = self.model.stack.depth
        self.dev, self.test = (load_texts("demo", split=split) for split in ("dev", "test"))
        self.questions = first_per_subject(load_questions("demo"), QUESTIONS)
        self._plans: dict[tuple[str, int], MergePlan] = {}
        self._scores: dict[str, Score] = {}

    def row(self, choice: str, plan: MergePlan, repair: str, texts: int) -> Row:
        begun = time.perf_counter()
        calibration = (train(texts) if texts else self.dev) if repair != "none" else None
        merged = merge(self.model, plan, repair=repair, calibration=calibration).model
        seconds = time.perf_counter() - begun
        found = measure(merged, ("perplexity", "choices"), texts=self.test, questions=self.questions)
        assert found.perplexity is not None and found.choices is not None
        layers = tuple(layer for group in plan.groups for layer in group.layers)
        told = found.perplexity.value, found.choices.accuracy
        return Row(self.name, plan.removed, choice, repair, texts, layers, *told, seconds)

    def plan(self, choice: str, removed: int) -> MergePlan:
        if (choice, removed) not in self._plans:
            self._plans[choice, removed] = self.choices()[choice](removed)
        return self._plans[choice, removed]

    def choices(self) -> dict[str, Callable[[int], MergePlan]]:
        return {
            "truncate": lambda removed: truncate(self.depth, removed),
            "drop-keep-last": lambda removed: drop_keep_last(self.depth, removed),
            "shortgpt": self.least_influence,
            "mka": self.merged_by_similarity,
            "laco": lambda removed: self.tried("laco", removed),
            "greedy": lambda removed: self.tried("greedy", removed),
            **{name: partial(self.with_the_one_before, name) for name in ("average", "slerp", "rdsc", "keep")},
            "picked": self.by_hand,
        }

    def by_hand(self, removed: int) -> MergePlan:
        if removed not in PICKED.get(self.name, {}):
            raise BadInput("no layers were picked by hand")
        return dropped(self.depth, PICKED[self.name][removed])

    def with_the_one_before(self, method: str, removed: int) -> MergePlan:
        """The layers that greedy would delete, each merged with those before it instead, up to the first that stays."""
        gone = sorted(layer for group in self.plan("greedy", removed).groups for layer in group.layers)
        groups: list[tuple[int, ...]] = []
        for layer in gone:
            if groups and groups[-1][-1] == layer - 1:
                groups[-1] = (*groups[-1], layer)
            else:
                groups.append((layer - 1, layer))
        made = [
            MergeGroup.from_json(
                {"layers": layers, "method": method} | ({"layer": layers[-1]} if method == "keep" else {})
            )
            for layers in groups
        ]
        return MergePlan(self.depth, tuple(made), provenance=Provenance("benchmark"))

    def least_influence(self, removed: int) -> MergePlan:
        """The layers whose input and output are most alike: 1 - mean cosine, ShortGPT, arXiv 2403.03853."""
        if not hasattr(self, "activations"):
            self.activations = collect(self.model, self.dev)
        return dropped(self.depth, sorted(range(self.depth), key=lambda i: -self.activations.token_cosine[i])[:removed])

    def merged_by_similarity(self, removed: int) -> MergePlan:
        if not hasattr(self, "alike"):
            self.alike = mka.similarity(collect(self.model, self.dev), "npib")
        return mka.plan(self.model, strategy="mka", remove=removed, similarity=self.alike)

    def tried(self, strategy: str, removed: int) -> MergePlan:
        """LaCo's merge (arXiv 2402.11187) or SLEB's deletion (greedy, arXiv 2402.09025), on some of the dev texts."""
        if strategy not in self._scores:
            found = scorer(self.model, strategy, TextSet(self.dev.texts[:SEARCH_TEXTS], "demo", "dev")).score
            self._scores[strategy] = cache(found)
        return GUIDED[strategy].propose(self.depth, removed, self._scores[strategy])


def train(count: int) -> TextSet:
    """Documents of the world, of those that neither the training nor the test has seen."""
    world = World()
    numbers = range(FIRST, FIRST + count)
    return TextSet(tuple(Text(world.document("train", number)) for number in numbers), "demo", "train")


def dropped(depth: int, layers: Sequence[int]) -> MergePlan:
    """A plan that deletes these layers, one group for each."""
    groups = tuple(MergeGroup((layer,), method="drop") for layer in sorted(layers))
    return MergePlan(depth, groups, provenance=Provenance("benchmark"))


def rows(bench: Bench, wanted: argparse.Namespace, known: set[Key]) -> Iterator[Row]:
    """The rows that are not known yet."""
    if (bench.name, 0, "whole", "none") not in known:
        yield bench.row("whole", MergePlan(bench.depth), "none", DEV)
    for removed in wanted.removed:
        for choice in wanted.choices or bench.choices():
            for repair in wanted.repairs:
                if (bench.name, removed, choice, way(repair, wanted.texts)) in known:
                    continue
                try:
                    plan = bench.plan(choice, removed)
                except BadInput as error:  # slerp takes two layers, and not everything was picked by hand
                    print(f"{bench.name} {removed} {choice}: {error}", flush=True)
                    break
                yield bench.row(choice, plan, repair, wanted.texts)


def read() -> list[Row]:
    if not RESULTS.exists():
        return []
    return [Row(**{**one, "layers": tuple(one["layers"])}) for one in json.loads(RESULTS.read_text())["rows"]]


def write(found: Sequence[Row]) -> None:
    choices = ["whole", "truncate", "drop-keep-last", "shortgpt", "mka", "laco"]
    choices += ["average", "slerp", "rdsc", "keep", "greedy", "picked"]
    ordered = sorted(found, key=lambda row: (MODELS.index(row.model), row.removed, choices.index(row.choice)))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"rows": [asdict(row) for row in ordered]}, indent=1) + "\n", encoding="utf-8")
    TABLE.write_text(tables(ordered), encoding="utf-8")


def tables(found: Sequence[Row]) -> str:
    """The rows as Markdown, a table for each model and number of layers, and how far the goals are."""
    parts = [
        "# What each repair gives back",
        f"Written by `python -m benchmarks.repair`. Perplexity on the test texts, accuracy on {QUESTIONS} test "
        "questions of each of 12 subjects (chance is 25 %); layers are chosen on the dev texts alone, and repairs "
        "worked out on them or, where a number is said, on so many documents of the training split that are new to the "
        "model. Each cell: perplexity / accuracy in %; – is not measured. `greedy` is SLEB's deletion and `laco` "
        "LaCo's merge by differences; `average`, `slerp`, `rdsc` and `keep` (the last one stays) merge the layers that "
        "greedy would delete with the one before them; `picked` are layers chosen by hand, nearly every second one, by "
        "what repairs gave back on other documents of the training split.",
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
    at = {(row.choice, row.way): row for row in mine}
    counts = sorted({row.texts for row in mine})
    every = [way(repair, texts) for texts in counts for repair in ("none", *REPAIRS)]
    ways = [one for one in dict.fromkeys(every) if any(one == row.way for row in mine)]
    lines = [f"| choice | layers | {' | '.join(ways)} |", f"|---|---|{'---|' * len(ways)}"]
    for choice in dict.fromkeys(row.choice for row in mine):
        layers = " ".join(map(str, next(row.layers for row in mine if row.choice == choice)))
        cells = (_cell(at.get((choice, one))) for one in ways)
        lines.append(f"| {choice} | {layers} | {' | '.join(cells)} |")
    best = min(mine, key=lambda row: row.perplexity)
    said = (
        f"Lowest perplexity: {best.choice} with {best.way}, {best.perplexity / whole.perplexity:.3f} times the "
        f"unmerged model's; it keeps {100 * kept(best, whole):.2f} % of the accuracy above chance."
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
    parser.add_argument("--repairs", type=lambda text: text.split(","), default=("none", *REPAIRS))
    parser.add_argument("--texts", type=int, default=DEV)
    parser.add_argument("--again", action="store_true")
    wanted = parser.parse_args()
    for name in wanted.models.split(","):
        if name != "demo" and not (ROOT / name).is_dir():
            print(f"{name} is not here and is left out")
            continue
        known = set() if wanted.again else {row.key for row in read()}
        for row in rows(Bench(name), wanted, known):
            write([*(one for one in read() if one.key != row.key), row])
            print(f"{row.model} {row.removed} {row.choice} {row.way}: {_cell(row)} ({row.seconds:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
