"""The command lines that repeat what the screen shows, word by word; quoting is left to who prints them."""

from __future__ import annotations

from collections.abc import Sequence

from mka.objects.plan import MergePlan
from mka.studio.desk import Desk


def inspect_command(desk: Desk) -> list[str]:
    return ["mka", "inspect", desk.summary.source]


def analyze_command(desk: Desk, measures: Sequence[str]) -> list[str]:
    words = ["mka", "analyze", desk.summary.source, "--calibration", desk.calibration or "demo"]
    words += ["--measure", ",".join(measures)]
    if desk.embeddings:
        words += ["--embed", ",".join(desk.embeddings)]
    return [*words, "--out", "out/analysis"]


def plan_command(desk: Desk, plan: MergePlan) -> list[str]:
    """Repeats a strategy's plan by its name, a hand-made one by its groups; other weights need the plan file."""
    words = ["mka", "plan", desk.summary.source]
    strategy = plan.provenance.strategy
    if strategy != "manual":
        words += ["--strategy", strategy, "--remove", str(plan.removed), "--calibration", desk.calibration or "demo"]
    else:
        words += ["--groups", ",".join(f"{group.layers[0]}-{group.layers[-1]}" for group in plan.groups)]
    return [*words, "--out", "plan.json"]


def merge_command(desk: Desk, folder: str, *options: str) -> list[str]:
    return ["mka", "merge", desk.summary.source, "plan.json", "--out", folder, *options]


def evaluate_command(desk: Desk, data: str, tasks: Sequence[str], limit: int | None, shots: int) -> list[str]:
    words = ["mka", "evaluate", desk.summary.source, "--plan", "plan.json", "--tasks", ",".join(tasks), "--data", data]
    if shots:
        words += ["--shots", str(shots)]
    return words + (["--limit", str(limit)] if limit else [])
