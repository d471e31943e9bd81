"""The manifold page on a map made by hand: film, pair, colours, points that are found and followed."""

from __future__ import annotations

from dataclasses import replace

from mka.objects.embedding import Embedding
from mka.studio.visits.desk import Desk
from tests.pages.driver import Studio
from tests.studio.builders import a_summary, an_analysis, an_embedding

FILM, TWO = "All, as a film", "Two layers"


def lay(studio: Studio, **maps: Embedding) -> Studio:
    """Put these maps on the desk."""
    studio.visit.desk = Desk(a_summary(), replace(an_analysis(), embeddings=maps))
    studio.at.run()
    return studio


def propose(studio: Studio, first: int, last: int) -> Studio:
    """Select a block on the first page."""
    studio.widget("number_input", "From layer").set_value(first)
    studio.widget("number_input", "To layer").set_value(last)
    return studio.press("Propose")


def test_the_film_plays_every_layer(studio: Studio):
    studio.go("manifold")
    assert studio.widget("segmented_control", "Layers").value == FILM
    spec = studio.spec("manifold")
    assert [frame["name"] for frame in spec["frames"]] == list("012345")
    assert [button["label"] for button in spec["layout"]["updatemenus"][0]["buttons"]] == ["▶ Play", "❚❚ Stop"]
    assert not studio.at.slider and studio.says("from 0.850 (layer 5) to 0.900 (layer 0)")
    assert studio.says("press the left and right keys")


def test_the_ends_of_the_selected_block_are_shown_first(studio: Studio):
    propose(studio, 1, 4).go("manifold")
    assert [slider.value for slider in studio.at.slider] == [1, 4]
    assert sum(len(trace["customdata"]) for trace in studio.spec("manifold-pair")["data"]) == 24


def test_the_layers_that_are_shown_can_be_selected(studio: Studio):
    studio.go("manifold").set("segmented_control", "Layers", TWO)
    studio.set("slider", "Layer", 4).set("slider", "Second layer", 2)
    studio.press("Propose the block of layers 2–4").press("Propose the block of layers 2–4")
    assert studio.visit.state is not None and studio.visit.state.candidate_layers == ((2, 3, 4),)
    assert studio.visit.state.origin.text_hashes == an_analysis().text_hashes and not studio.visit.state.plan.groups
    assert [slider.value for slider in studio.at.slider] == [2, 4]
    studio.press("Add to plan")
    assert studio.visit.state.plan.groups[0].layers == (2, 3, 4)


def test_a_subject_is_brought_out_and_the_others_are_dimmed_not_hidden(studio: Studio):
    studio.go("manifold").set("selectbox", "Bring out", "sums")
    dots = studio.spec("manifold")["data"]
    shown = {trace["name"]: trace["opacity"] for trace in dots}
    assert shown["sums"] > 0.5 > shown["animals"] > 0
    assert sorted(point for trace in dots for point in trace["customdata"]) == list(range(12))
    studio.set("selectbox", "Colour by", "loss")
    assert len({trace["opacity"] for trace in studio.spec("manifold")["data"]}) == 2, "in any colour"


def test_a_text_is_found_and_its_point_followed_and_let_go(studio: Studio):
    studio.go("manifold").set("text_input", "Find a text", "TEXT 1")
    assert studio.says("3 points' texts hold these words.")
    assert len([button for button in studio.at.button if button.label == "Follow"]) == 3
    bright = [trace for trace in studio.spec("manifold")["data"] if trace["opacity"] > 0.5]
    assert sorted(point for trace in bright for point in trace["customdata"]) == [1, 10, 11]
    next(button for button in studio.at.button if button.key == "Follow-10").click().run()
    spec = studio.spec("manifold")
    assert spec["data"][-1]["customdata"] == [10] and spec["data"][-2]["name"] == "way of 1"
    assert studio.says("The line of a followed point is its way from layer 0 to layer 5.")
    studio.set("text_input", "Find a text", "")
    studio.press("Let go")
    assert "followed" not in [trace["name"] for trace in studio.spec("manifold")["data"]]


def test_a_text_that_no_point_holds_dims_nothing(studio: Studio):
    studio.go("manifold").set("text_input", "Find a text", "zebra")
    assert studio.says("No text holds these words.")
    assert {trace["opacity"] for trace in studio.spec("manifold")["data"]} == {0.88}


def test_followed_points_are_those_of_these_texts(studio: Studio):
    studio.go("manifold").set("text_input", "Find a text", "text 11").press("Follow")
    lay(studio, diffusion=an_embedding(6, 5))
    assert not studio.at.exception and "followed" not in [t["name"] for t in studio.spec("manifold")["data"]]


def test_a_map_is_coloured_by_what_its_points_know(studio: Studio):
    studio.go("manifold")
    known = ["subject", "place in the first layer", "loss", "position in the text"]
    assert studio.widget("selectbox", "Colour by").options == known, "all points stand on one token"
    studio.set("selectbox", "Colour by", "loss")
    assert studio.spec()["layout"]["coloraxis"]["colorbar"]["title"]["text"].startswith("loss (nats)")
    assert studio.says("how badly the model foresaw the text there, in nats")
    points = an_embedding().points
    other = replace(points[0], token="start", loss=None, position=-1)
    silent = (other, *(replace(point, loss=None, position=-1) for point in points[1:]))
    lay(studio, diffusion=replace(an_embedding(), points=silent))
    assert studio.widget("selectbox", "Colour by").options == ["subject", "place in the first layer", "token"]
    studio.set("selectbox", "Colour by", "token")
    assert {trace["name"] for trace in studio.spec()["data"]} == {"“end”", "“start”"} and not studio.at.exception


def test_points_without_texts_have_no_search(studio: Studio):
    studio.go("manifold")
    lay(studio, diffusion=replace(an_embedding(), points=()))
    assert not studio.at.text_input and not studio.at.exception


def test_a_map_of_three_dimensions_can_be_seen_in_two_and_plays_in_both(studio: Studio):
    studio.go("manifold")
    assert not [one for one in studio.at.segmented_control if one.label == "Dimensions"]
    lay(studio, diffusion=an_embedding(6, 12, 3))
    assert {trace["type"] for trace in studio.spec()["data"]} == {"scatter3d"} and len(studio.spec()["frames"]) == 6
    studio.set("segmented_control", "Dimensions", 2)
    assert {trace["type"] for trace in studio.spec()["data"]} == {"scatter"} and len(studio.spec()["frames"]) == 6


def test_a_single_layer_has_no_film(studio: Studio):
    studio.go("manifold")
    lay(studio, diffusion=an_embedding(1))
    assert not studio.at.segmented_control and not studio.at.slider and not studio.at.exception


def test_the_spectrum_stands_below_the_map_where_there_is_one(studio: Studio):
    studio.go("manifold")
    assert studio.says("The gap behind axis 2, the last one drawn, is 0.167 in layer 0 and 0.083 in layer 5")
    lay(studio, umap=replace(an_embedding(), method="umap", spectrum=an_embedding().spectrum[:, :0]))
    assert not studio.says("The gap behind") and studio.charts == ["manifold"]
