from __future__ import annotations

import csv
import itertools
import json
from dataclasses import asdict
from pathlib import Path

import pytest
from PIL import Image

from mka.demo import publish
from mka.demo.publish import Entry, draw_loss, read_log, write_log


def entry(step: int, loss: float = 1.5) -> Entry:
    return Entry(step, loss, 0.001, step * 100, 900)


def test_a_step_trained_twice_counts_once_as_the_later(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    written = [entry(20, 3.0), entry(40, 2.0), entry(60, 9.0), entry(40, 2.1), entry(60, 1.0)]
    log.write_text("".join(json.dumps(asdict(one)) + "\n" for one in written))
    assert read_log(log) == [entry(20, 3.0), entry(40, 2.1), entry(60, 1.0)]


def test_the_log_that_ships(tmp_path: Path) -> None:
    write_log([entry(20, 3.25), entry(40)], tmp_path / "log.csv")
    assert (tmp_path / "log.csv").read_text() == (
        "step,tokens,loss,learning_rate\n20,2000,3.25,0.001\n40,4000,1.5,0.001\n"
    )


@pytest.mark.parametrize("rows", [1, 4, 5, 6, 11])
def test_a_long_log_is_thinned_and_keeps_its_end(rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "LOG_ROWS", 5)

    class Writes:
        """Stands for a network and a tokenizer; what those write is tested with the trainer."""

        def save_pretrained(self, folder: Path) -> None:
            assert folder.is_dir()

    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps(asdict(entry(step + 1))) + "\n" for step in range(rows)))
    publish.publish(Writes(), Writes(), log, tmp_path / "out", title="Loss")  # type: ignore[arg-type]
    with (tmp_path / "out" / "training-log.csv").open() as file:
        steps = [int(row["step"]) for row in csv.DictReader(file)]
    assert 1 <= len(steps) <= 5
    assert steps[-1] == rows
    assert len({b - a for a, b in itertools.pairwise(steps)}) <= 1


def test_the_curve_is_a_picture_and_the_same_log_draws_the_same_bytes(tmp_path: Path) -> None:
    entries = [entry(20, 7.0), entry(40, 2.0), entry(60, 1.0)]
    draw_loss(entries, tmp_path / "a.png", "Loss")
    draw_loss(entries, tmp_path / "b.png", "Loss")
    draw_loss(entries, tmp_path / "c.png", "Loss of another")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes() != (tmp_path / "c.png").read_bytes()
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (840, 420)
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 10
