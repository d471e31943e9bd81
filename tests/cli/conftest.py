"""Files that the tests of the command line read and none changes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.runner import mka
from tests.workflows.builders import mmlu_folder, sentences, text_file


@dataclass(frozen=True)
class Bench:
    """A tiny model of four layers, its calibration and other texts, questions, an analysis, a plan, a checkpoint."""

    model: Path
    calibration: Path
    texts: Path
    questions: Path
    analysis: Path
    plan: Path
    checkpoint: Path


@pytest.fixture(scope="session")
def bench(tiny_llama_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Made by the command line itself: analyze, plan, merge."""
    root = tmp_path_factory.mktemp("bench")
    made = Bench(
        model=tiny_llama_folder,
        calibration=text_file(root / "calibration.txt", sentences(12, first=100)),
        texts=text_file(root / "texts.txt", sentences(6)),
        questions=mmlu_folder(root / "mmlu"),
        analysis=root / "analysis",
        plan=root / "plan.json",
        checkpoint=root / "merged",
    )
    for words in (
        ("analyze", made.model, "--calibration", made.calibration, "--embed", "diffusion", "--out", made.analysis),
        ("plan", made.model, "--strategy", "mka", "--remove", "1", "--analysis", made.analysis, "--out", made.plan),
        ("merge", made.model, made.plan, "--out", made.checkpoint),
    ):
        seen = mka(*words)
        assert (seen.code, seen.err) == (0, ""), seen
    return made
