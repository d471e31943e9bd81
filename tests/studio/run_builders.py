"""Runs made by hand, as an evaluation in the studio would leave them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mka.objects.plan import MergePlan
from mka.objects.receipt import Receipt, TensorChange
from mka.objects.report import Report
from mka.objects.run import Run, Trial
from mka.planning.planner import plan
from mka.workflows.runs import run_of
from tests.studio.builders import a_report, a_result

TRIAL = Trial(("perplexity", "choices"), "demo", 40, 0)
MODEL = "f" * 16
"""The fingerprint of `builders.a_summary`."""


def a_receipt(made: MergePlan) -> Receipt:
    """Two tensors changed, everything else plain."""
    changes = tuple(TensorChange(f"layers.1.{n}", (f"a.{n}", f"b.{n}"), (0.5, 0.5), 0.25) for n in ("q", "v"))
    return Receipt(
        made.key, "demo", MODEL, made.depth, made.layers_after, 650, 550, 2600, 2200,
        made.layer_map, (2,), ((3, 2),), (("num_hidden_layers", "6", "5"),), changes, 7, "0" * 16,
    )  # fmt: skip


def a_run(
    groups: Sequence[Sequence[int]] = ((1, 2),),
    perplexity: float = 3.0,
    accuracy: float = 0.9,
    *,
    trial: Trial = TRIAL,
    when: str = "2026-01-31 12:00:05 UTC",
    report: Report | None = None,
    made: MergePlan | None = None,
    calibration: str = "",
    texts: str = "",
) -> Run:
    """Six layers, some merged; unmerged perplexity 2.6 and accuracy 0.97, controls as in `builders.a_report`."""
    mine = made or plan(6, groups=[list(group) for group in groups])
    left = mine.layers_after
    told = report or replace(a_report(mine.key), result=a_result("merged", perplexity, accuracy, left))
    return replace(run_of(MODEL, mine, trial, told, a_receipt(mine), 12.0, calibration, texts), when=when)
