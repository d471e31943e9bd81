"""What the pages around maps offer and say: layers, colours, tables, clicks on the layer map, costs of an analysis."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mka.figures.layer_path import LAYER, SEGMENT, mark_id
from mka.figures.manifold import flattened
from mka.objects.plan import MergePlan, Provenance
from mka.studio.explore import map_view, pair_view, path_view
from mka.studio.model.analysis_form import cost_words, judging
from mka.studio.selection.state import StudioState, equal_group
from mka.studio.visits.desk import Order
from tests.studio.builders import a_desk, a_layer_map, a_similarity, a_summary, an_embedding

SEEN = Provenance("manual", "npib", 0, "key", ("h1",))


def clicked(state: StudioState, kind: str, layer: int) -> StudioState:
    return path_view.transition(state, {"x": 0.0, "y": 0.0, "customdata": mark_id(kind, layer)}, SEEN)


def test_two_layers_of_the_path_propose_the_block_between():
    one = clicked(StudioState.start(6), LAYER, 4)
    assert one.picked == 4 and one.candidate == () and not one.refusal
    two = clicked(one, LAYER, 1)
    assert two.candidate_layers == ((1, 2, 3, 4),) and two.picked is None and two.origin == SEEN


def test_the_same_layer_again_is_taken_back():
    again = clicked(clicked(StudioState.start(6), LAYER, 4), LAYER, 4)
    assert again.picked is None and again.message is None and again.candidate == ()


def test_a_segment_proposes_its_pair_and_adds_it_when_clicked_again():
    once = clicked(StudioState.start(6), SEGMENT, 2)
    assert once.candidate_layers == ((2, 3),)
    assert clicked(once, SEGMENT, 2).plan.groups[0].layers == (2, 3)


def test_any_other_choice_forgets_the_picked_layer():
    picked = clicked(StudioState.start(6), LAYER, 4)
    assert picked.click_cell(0, 1).picked is None and picked.click_cell(0, 1).candidate_layers == ((0, 1),)
    assert picked.drop_candidate().picked is None
    assert picked.pick_layer(9).refusal and picked.click_block(3, 99).picked == 4, "a refusal leaves the selection"


def test_the_path_as_a_table():
    assert path_view.as_csv(a_layer_map(3)) == "layer,x,y\n0,0.0,0.0\n1,1.0,0.1\n2,2.0,0.4\n"


def test_a_measure_without_a_map_says_why():
    sentences = {sentence.split(" has no map")[0]: sentence for sentence in path_view.without_map(a_desk(6))}
    assert sorted(sentences) == ["Block influence", "Cosine", "NPIB as coded"]
    assert "layers 0 and 5 have no value" in sentences["Block influence"]
    assert "analyze it again" in sentences["Cosine"], "it has all values"


@pytest.mark.parametrize(("clicks", "shown"), [((), (4, 5)), ((2,), (2, 3)), ((5,), (4, 5)), ((4, 1), (1, 4))], ids=str)
def test_maps_show_the_ends_of_what_is_selected_else_the_neighbours_most_alike(
    clicks: tuple[int, ...], shown: tuple[int, int]
):
    state = StudioState.start(6)
    for layer in clicks:
        state = clicked(state, LAYER, layer)
    assert map_view.shown_layers(state, 6, a_similarity()) == shown


def test_without_a_value_of_neighbours_the_pair_in_the_middle_is_shown():
    start = StudioState.start(6)
    assert map_view.shown_layers(start, 6, None) == (2, 3) and map_view.shown_layers(StudioState.start(2), 2, None) == (
        0,
        1,
    )
    unknown = replace(a_similarity(), values=np.full((6, 6), np.nan))
    assert map_view.shown_layers(start, 6, unknown) == (2, 3)
    assert pair_view.shown_words(start, (2, 3), None).startswith("Layers 2 and 3. Select")
    assert pair_view.shown_words(start, (2, 3), unknown).startswith("Layers 2 and 3. Select")


def test_a_film_begins_at_what_is_selected_else_in_the_middle():
    start = StudioState.start(6)
    assert map_view.first_layer(start, 6) == 3 and map_view.first_layer(start.drag_range(1, 4), 6) == 1
    assert map_view.first_layer(StudioState.start(1), 1) == 0


def test_of_a_strategys_groups_the_first_is_shown_and_of_a_single_layer_itself():
    groups = tuple(equal_group(layers) for layers in ((1, 2), (3, 4, 5)))
    proposed = StudioState.start(6).propose(replace(MergePlan(6, groups), provenance=Provenance("mka")))
    assert proposed.candidate_layers == ((1, 2), (3, 4, 5)) and map_view.shown_layers(proposed, 6, a_similarity()) == (
        1,
        2,
    )
    assert map_view.shown_layers(StudioState.start(1), 1, None) == (0,)


def test_a_picture_says_what_it_leaves_out():
    said = map_view.picture_words(an_embedding(2, 2500), (), ())
    assert "shows 2,000 of the 2,500 points" in said and "way" not in said
    assert "2,000" not in map_view.picture_words(an_embedding(2, 2500), (0, 1), ())
    unaligned = replace(an_embedding(), aligned=False)
    assert "has no line" in map_view.picture_words(unaligned, (0, 1), (None, 3))


def test_a_flattened_map_is_its_first_two_axes():
    deep = an_embedding(6, 12, 3)
    flat = flattened(deep)
    assert flat.coordinates.shape == (6, 12, 2) and (flat.coordinates == deep.coordinates[:, :, :2]).all()


@pytest.mark.parametrize("dims", [2, 3])
def test_a_map_as_a_table_holds_what_each_point_is(dims: int):
    rows = map_view.as_csv(an_embedding(6, 12, dims), (0, 5)).splitlines()
    assert rows[0] == "layer,point,subject,text,token,position,loss," + ("x,y" if dims == 2 else "x,y,z")
    assert len(rows) == 1 + 24 and rows[2].split(",")[:3] == ["0", "1", "sums"] and ",end,1,0.1," in rows[2]
    assert ",end,0,," in rows[1], "the loss of the first point is not known"
    assert len(map_view.as_csv(an_embedding(6, 12), ()).splitlines()) == 1 + 6 * 12
    assert len(map_view.as_csv(replace(an_embedding(6, 12), points=()), (0,)).splitlines()) == 13


def test_a_spectrum_as_a_table():
    rows = map_view.spectrum_csv(an_embedding(2)).splitlines()
    assert rows[0] == "layer,axis 1,axis 2,axis 3,axis 4"
    assert [float(cell) for cell in rows[2].split(",")] == pytest.approx([1, 0.9, 0.45, 0.3, 0.225])


@pytest.mark.parametrize(
    ("source", "split", "judges"),
    [
        ("mmlu", "test", True),
        ("mmlu", "dev", False),
        ("demo", "test", True),
        ("texts.txt", "test", False),
        ("mmlu/test/anatomy_test.csv", "dev", True),
        ("mmlu/dev/anatomy_dev.csv", "test", False),
    ],
)
def test_a_split_that_judges_is_known_before_it_is_read(source: str, split: str, judges: bool):
    assert judging(source, split) is judges


def test_the_cost_is_said_by_the_measures_own_facts():
    quick = Order("demo", measures=("npib", "cosine"), subsamples=32)
    assert "at most 256 texts" in cost_words(a_summary(), quick)
    assert "take seconds, also for 80 layers" in cost_words(a_summary(), quick)
    assert "on 32 halves of the points" in cost_words(a_summary(), quick)
    slow = cost_words(a_summary(), replace(quick, measures=("npib", "mahalanobis"), subsamples=0))
    assert "Mahalanobis distance with L n d² + L² n d + d³" in slow and "halves" not in slow
    assert "halves" not in cost_words(a_summary(), replace(quick, measures=("weights",)))
