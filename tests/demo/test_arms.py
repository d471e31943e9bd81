"""The pictures of the three arms: the plans and figures that they show, and that they are drawn the same twice."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mka.assets import asset
from mka.demo import arms
from mka.demo.arms import BASELINE, REMOVED, costs, draw_all, plans
from mka.workflows.analysis_files import read_analysis


def test_each_arm_removes_as_many_layers_in_its_own_way() -> None:
    made = plans(read_analysis(asset("example")).similarities)
    assert {name: one.removed for name, one in made.items()} == dict.fromkeys(
        ("mka", "mka-code", "truncate", BASELINE), REMOVED
    )
    depth = made["mka"].depth
    assert made["mka-code"].groups[0].layers == tuple(range(depth - REMOVED - 1, depth))
    # Merging the last two with a near-constant ratio a weighs a, (1-a)a, (1-a)^2 a, ..., and a is about 0.62.
    weights = made["mka-code"].groups[0].weights
    ratios = [weight / rest for weight, rest in zip(weights, 1 - np.cumsum([0, *weights[:-1]]), strict=True)][:-1]
    assert all(0.55 < ratio < 0.7 for ratio in ratios)
    assert made["truncate"].groups[0].layers == tuple(range(depth - REMOVED, depth))
    assert made[BASELINE].groups[0].layers == tuple(range(depth - REMOVED - 1, depth - 1))


def test_costs_are_the_cards() -> None:
    card = json.loads(asset("demo-model", "figures.json").read_text())
    rows = costs(asset("demo-model", "figures.json"))
    whole = [one for one in rows if one.removed == 0]
    assert {one.perplexity for one in whole} == {card["whole"]["value"]} and len(whole) == 4
    told = {(one["name"], one["removed"]): one["accuracy"] for one in card["strategies"]}
    assert {(one.name, one.removed): one.accuracy for one in rows if one.removed} == told


def test_pictures_are_drawn_and_the_same_twice(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        draw_all(tmp_path / folder)
    drawn = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert drawn == ["arms-costs.png", "arms-plans.png", "arms-similarities.png"]
    for name in drawn:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
        with Image.open(tmp_path / "a" / name) as picture:
            assert len(picture.convert("RGB").getcolors(1 << 20)) > 50


@pytest.mark.parametrize("name", ["plans", "costs", "similarities"])
def test_the_guide_shows_each_picture(name: str) -> None:
    assert f"../pictures/arms-{name}.png" in asset("guide", "arms.md").read_text(encoding="utf-8")
    assert asset("pictures", f"arms-{name}.png").stat().st_size < 150_000
    assert arms.REMOVED == 3 and "--remove 3" in asset("guide", "arms.md").read_text(encoding="utf-8")
