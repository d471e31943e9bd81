"""What strategies cost at each number of layers removed, measured alike."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mka.objects.jsonable import jsonable
from mka.objects.plan import MergePlan
from mka.objects.report import Result


@dataclass(frozen=True)
class SweepRow:
    """One strategy at one number of layers removed with one repair.

    plan:     what was merged; None where the strategy had none
    result:   what was measured of the merged model; None where it could not be made
    refused:  why it could not; "" where it could
    seconds:  that planning, merging and repairing took, what earlier rows found out already left out
    same_as:  the strategy that proposed this very plan before, whose row was measured for both; "" where none did
    """

    strategy: str
    remove: int
    repair: str
    plan: MergePlan | None
    result: Result | None
    refused: str
    seconds: float
    same_as: str = ""

    @property
    def name(self) -> str:
        """Strategy and repair in words."""
        return self.strategy if self.repair == "none" else f"{self.strategy} + {self.repair}"

    @property
    def perplexity(self) -> float:
        """NaN where it was not measured."""
        return self.result.perplexity.value if self.result and self.result.perplexity else math.nan

    @property
    def accuracy(self) -> float:
        """In [0, 1]; NaN where it was not measured."""
        return self.result.choices.accuracy if self.result and self.result.choices else math.nan

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; what was not measured, or has no value, is null."""
        found: dict[str, Any] = jsonable(
            {
                "strategy": self.strategy,
                "remove": self.remove,
                "repair": self.repair,
                "plan_key": self.plan.key if self.plan else None,
                "groups": [group.to_json() for group in self.plan.groups] if self.plan else None,
                **figures(self.result),
                "seconds": self.seconds,
                "refused": self.refused or None,
                "same_as": self.same_as or None,
            }
        )
        return found


@dataclass(frozen=True)
class Best:
    """Which row of those with as many layers removed is the best, and what it comes to in sentences."""

    remove: int
    strategy: str
    repair: str
    says: str

    @property
    def row(self) -> tuple[int, str, str]:
        """Number removed, strategy and repair, which name its row."""
        return self.remove, self.strategy, self.repair


@dataclass(frozen=True)
class Sweep:
    """Every combination, beside the model as it was.

    rows:  by number removed, then strategy, then repair, each in the order in which it was asked for
    best:  one for each number removed at which anything was measured
    """

    source: str
    fingerprint: str
    baseline: Result
    rows: tuple[SweepRow, ...]
    best: tuple[Best, ...]
    seed: int
    calibration_source: str = ""
    text_source: str = ""
    question_source: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; what was not measured, or has no value, is null."""
        found: dict[str, Any] = jsonable(
            {
                "model": {"source": self.source, "fingerprint": self.fingerprint, **figures(self.baseline)},
                "rows": [row.to_json() for row in self.rows],
                "best": self.best,
                "calibration_source": self.calibration_source or None,
                "text_source": self.text_source or None,
                "question_source": self.question_source or None,
                "seed": self.seed,
                "versions": self.versions,
            }
        )
        return found


def figures(result: Result | None) -> dict[str, Any]:
    """The figures of one row by name, None where there is none."""
    perplexity, choices, divergence = (
        (result.perplexity, result.choices, result.divergence) if result else (None, None, None)
    )
    return {
        "layers": result.cost.layers if result else None,
        "parameters": result.cost.parameters if result else None,
        "perplexity": perplexity.value if perplexity else None,
        "perplexity_stderr": perplexity.stderr if perplexity else None,
        "accuracy": choices.accuracy if choices else None,
        "accuracy_ci95": choices.ci95 if choices else None,
        "kl": divergence.kl if divergence else None,
        "top1": divergence.top1 if divergence else None,
    }
