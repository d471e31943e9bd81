"""Every page drawn on an example made by hand: what it shows, what its controls do, what it says when empty."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from mka.objects.measures import MEASURES, Measure
from mka.studio.model.analysis_form import NEEDS
from mka.studio.visits.desk import Desk
from tests.pages.driver import APP, PAGES, Studio
from tests.studio.builders import NASTY, a_summary, an_analysis

ROOT = Path(APP).parent


def test_the_first_screen_is_the_heatmap(studio: Studio):
    assert not studio.at.exception
    assert studio.at.title[0].value == "Which layers repeat each other?"
    (cells,) = studio.spec("heatmap")["data"]
    assert cells["type"] == "heatmap" and [len(row) for row in cells["z"]] == [6] * 6
    assert studio.says("Each cell compares two of the 6 layers of demo on 12 calibration texts by NPIB")
    assert studio.commands == [
        "mka analyze demo --calibration demo --limit 12 --measure npib,npib-code,cosine,block-influence "
        "--subsamples 0 --embed diffusion --out " + studio.commands[0].split("--out ")[1]
    ]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_draws_without_an_error(studio: Studio, page: str):
    studio.go(page)
    assert not studio.at.exception
    assert len(studio.at.title) == 1


@pytest.mark.parametrize("page", PAGES)
def test_without_a_model_each_page_says_what_to_do(empty_studio: Studio, page: str):
    empty_studio.go(page)
    assert not empty_studio.at.exception
    assert len(empty_studio.at.info) == 1
    assert "Open" in empty_studio.at.info[0].value


@pytest.mark.parametrize(
    ("page", "what"), [("explore", "similarity"), ("manifold", "manifold embedding"), ("layers", "layer map")]
)
def test_without_an_analysis_the_picture_pages_say_where_to_run_one(studio: Studio, page: str, what: str):
    studio.visit.desk = Desk(a_summary())
    studio.go(page)
    assert studio.at.info[0].value.startswith(f"This model has no {what} yet. Run an analysis on the Model page")


@pytest.mark.parametrize("page", ["evaluate", "export"])
def test_with_an_empty_plan_the_last_pages_say_where_to_make_one(studio: Studio, page: str):
    studio.go(page)
    assert studio.at.info[0].value.startswith("The plan is empty.")
    assert not [button for button in studio.at.button if button.label in ("Merge and evaluate", "Write the checkpoint")]


def test_another_measure_changes_picture_and_words(studio: Studio):
    studio.set("selectbox", "Measure", "block-influence")
    (cells,) = studio.spec("heatmap")["data"]
    assert cells["reversescale"] is True
    assert studio.says("by Block influence")
    assert cells["text"][0][5].startswith("layers 0 and 5: no value")


def _with_cost(measure: Measure) -> str:
    return measure.title if measure.cheap else f"{measure.title} (slow)"


def test_propose_add_undo_redo_from_the_keyboard(studio: Studio):
    studio.widget("number_input", "From layer").set_value(2)
    studio.widget("number_input", "To layer").set_value(4)
    studio.press("Propose")
    assert studio.says("Layers 2–4 become one") and studio.says("Saves 2 layers, 200 parameters and 800 B.")
    studio.press("Propose")
    assert studio.says("empty, 6 layers stay"), "pressing Propose twice must not add"
    studio.press("Add to plan")
    assert studio.says("6 → 4 layers: 2–4")
    studio.press("Undo")
    assert studio.says("empty, 6 layers stay")
    studio.press("Redo")
    assert studio.says("6 → 4 layers, 450 parameters (−30.8 %)")
    studio.press("Remove")
    assert studio.says("empty, 6 layers stay")


def test_a_refusal_is_said_in_words(studio: Studio):
    studio.widget("number_input", "From layer").set_value(3)
    studio.widget("number_input", "To layer").set_value(3)
    studio.press("Propose")
    assert studio.says("Layer 3 alone is no block: choose two different layers.")
    assert studio.says("empty, 6 layers stay")


def test_a_plan_from_the_picture_names_the_texts_behind_it(studio: Studio):
    studio.press("Propose").press("Add to plan")
    plan = studio.visit.state.plan
    assert (plan.provenance.measure, plan.provenance.text_hashes) == ("npib", tuple(f"h{n}" for n in range(12)))


def test_model_page_shows_what_the_model_is_made_of(studio: Studio):
    studio.go("model")
    assert {m.label: m.value for m in studio.at.metric} == {
        "Decoder layers": "6",
        "Parameters": "650",
        "Weights": "2.60\xa0KB",
        "Cache per token": "768\xa0B",
    }
    assert studio.says("6 decoder layers (6 full attention) hold 92 % of 650 parameters, 100 each.")
    assert list(studio.at.dataframe[-1].value["Parameters"]) == [100] * 6
    assert studio.commands[0] == "mka inspect demo"
    groups = [group.options for group in studio.at.pills if group.label in NEEDS.values()]
    offered = [title for group in groups for title in group]
    assert sorted(offered) == sorted(_with_cost(measure) for measure in MEASURES.values())


def test_text_from_models_and_files_is_never_markup(studio: Studio):
    """Streamlit's markdown makes links of addresses however they are escaped, so none of it may go there."""
    hostile = f"{NASTY} https://example.org :material/home:"
    studio.visit.desk = Desk(a_summary(source=hostile), an_analysis(source=hostile))
    studio.at.run()
    studio.press("Propose").press("Add to plan")
    for page in PAGES:
        studio.go(page)
        assert not studio.at.exception
        assert not [text for text in studio.markdown if "example.org" in text or "<img" in text]
    assert studio.says(hostile)


@pytest.mark.parametrize("page", PAGES)
def test_pages_hold_no_arithmetic_and_no_torch(page: str):
    tree = ast.parse((ROOT / "pages" / f"{page}.py").read_text(encoding="utf-8"))
    sums = [node for node in ast.walk(tree) if isinstance(node, ast.BinOp) and not _joins_text_or_path(node)]
    assert not sums, [ast.unparse(node) for node in sums]
    imported = {alias.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names}
    imported |= {str(n.module).split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert imported <= {"__future__", "json", "pathlib", "streamlit", "mka"}


def _joins_text_or_path(node: ast.BinOp) -> bool:
    """Text + text, and folder / name."""
    ends_in_text = isinstance(node.right, ast.Constant) and isinstance(node.right.value, str)
    joins_path = isinstance(node.op, ast.Div) and "folder" in ast.unparse(node)
    return joins_path or (isinstance(node.op, ast.Add) and ends_in_text)


def test_every_page_is_drawn_before_torch_is_imported(example: Path):
    """In a process of its own, since this one has torch."""
    drawn = f"""
import sys
from streamlit.testing.v1 import AppTest
at = AppTest.from_file({APP!r}, default_timeout=60).run()
assert at.get("bidi_component"), "no picture"
for page in {PAGES!r}:
    at.switch_page(f"pages/{{page}}.py").run()
    assert not at.exception, page
print(sorted({{"torch", "transformers", "sklearn"}} & set(sys.modules)))
"""
    out = subprocess.run(
        [sys.executable, "-c", drawn], capture_output=True, text=True, timeout=120, check=True, cwd=ROOT,
        env={"MKA_EXAMPLE": str(example), "PATH": "", "HOME": str(example)},
    )  # fmt: skip
    assert out.stdout.strip() == "[]"
