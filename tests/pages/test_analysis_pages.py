"""The analysis pages on objects made by hand: comparing, errors, maps, the layer path, the guide, the form."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mka.figures.theme import DARK, LIGHT, Theme
from mka.objects.embedding import Embedding
from mka.studio.visits import session
from mka.studio.visits.desk import Desk, reading_key
from mka.workflows.analysis_files import Analysis
from tests.pages.driver import Studio
from tests.studio.builders import (
    a_desk,
    a_layer_map,
    a_similarity,
    a_summary,
    an_analysis,
    an_embedding,
    on_other_texts,
    sure,
)


def lay(studio: Studio, analysis: Analysis, *others: Analysis) -> Studio:
    """Put analyses on the desk, the first in front."""
    studio.visit.desk = Desk(a_summary(), analysis, others=others)
    studio.at.run()
    return studio


def with_maps(**maps: Embedding) -> Analysis:
    return replace(an_analysis(), embeddings=maps)


def test_two_measures_are_compared_by_rank_and_said_in_words(studio: Studio):
    studio.set("selectbox", "Compare with", ("measure", "block-influence"))
    cells = studio.spec()["data"][0]
    assert cells["zmin"] == -cells["zmax"] and studio.spec()["layout"]["title"]["text"].startswith("NPIB − Block")
    assert studio.says("Blue: more alike by NPIB; orange: more alike by Block influence.")
    assert studio.says("The two order the neighbours almost the same: Spearman 1.00")
    assert studio.commands[-1].endswith("--measures npib,block-influence")
    assert {"side-0", "side-1"} < set(studio.charts), "both sides stand beside their difference"
    studio.set("selectbox", "Compare with", ("nothing",))
    assert not {"side-0", "side-1"} & set(studio.charts) and len(studio.commands) == 1


def test_two_texts_are_compared_and_the_other_put_in_front(studio: Studio):
    lay(studio, on_other_texts(an_analysis()), an_analysis())
    studio.set("selectbox", "Compare with", ("texts", *reading_key(an_analysis())))
    assert studio.says("Blue: more alike on these texts; orange: more alike on the other texts.")
    assert studio.says("Diamonds: the same on the other texts.")
    sides = [studio.spec(chart)["data"][0] for chart in ("side-0", "side-1")]
    limits = [(side["zmin"], side["zmax"]) for side in sides]
    assert limits[0] == limits[1], "one measure on two texts, in the same colours"
    studio.press("Put the other texts in front")
    assert studio.visit.desk is not None and studio.visit.desk.analysis is not None
    assert studio.visit.desk.analysis.calibration == "demo"
    assert studio.widget("selectbox", "Compare with").value == ("nothing",), "what is in front is no other text"


def test_a_comparison_that_is_gone_is_no_error(studio: Studio):
    lay(studio, on_other_texts(an_analysis()), an_analysis())
    studio.set("selectbox", "Compare with", ("texts", *reading_key(an_analysis())))
    lay(studio, an_analysis())
    assert not studio.at.exception and "side-0" not in studio.charts


def test_choices_that_another_analysis_does_not_offer_fall_back_to_the_first(studio: Studio):
    studio.set("selectbox", "Measure", "cosine").go("manifold").set("selectbox", "Colour by", "loss").go("layers")
    silent = replace(an_embedding(), method="umap", points=())
    few = {"cka": a_similarity(6, "cka")}
    other = replace(with_maps(umap=silent), similarities=few, layer_maps={"cka": a_layer_map(6, "cka")})
    lay(studio, other)
    assert studio.widget("selectbox", "Measure").value == "cka"
    studio.go("manifold")
    assert studio.widget("selectbox", "Map").value == "umap"
    assert studio.widget("selectbox", "Colour by").value == "place in the first layer"
    studio.go("explore")
    assert studio.widget("selectbox", "Measure").value == "cka" and not studio.at.exception


def test_choices_survive_a_change_of_page(studio: Studio):
    studio.set("selectbox", "Measure", "cosine").set("selectbox", "Compare with", ("measure", "npib"))
    studio.go("plan").go("explore")
    assert studio.widget("selectbox", "Measure").value == "cosine"
    assert studio.widget("selectbox", "Compare with").value == ("measure", "npib")


def test_the_strip_says_how_sure_it_is(studio: Studio):
    assert studio.says("was not estimated")
    known = an_analysis()
    lay(studio, replace(known, similarities={"npib": sure(known.similarities["npib"], tau=0.9)}))
    assert studio.spec("neighbours")["data"][0]["error_y"]["array"] is not None
    assert studio.says("The ranking of neighbours is steady (32 subsamples of 6 points each: Kendall's tau 0.90).")


@pytest.mark.parametrize("page", ["explore", "manifold", "layers"])
def test_pictures_of_a_judging_split_carry_the_warning(studio: Studio, page: str):
    studio.go(page)
    assert not studio.at.error
    lay(studio, replace(an_analysis(), split="test"))
    assert "test split, by which models are judged" in studio.at.error[0].value


def test_the_form_warns_of_a_judging_split_before_it_is_read(studio: Studio):
    studio.go("model")
    assert not studio.at.error
    studio.set("selectbox", "Split", "test")
    assert "test split, by which models are judged" in studio.at.error[0].value


def test_the_form_asks_for_tokens_only_where_points_are_tokens(studio: Studio):
    studio.go("model")
    assert "Tokens of each" not in [one.label for one in studio.at.number_input]
    studio.set("segmented_control", "Points", "tokens")
    assert studio.widget("number_input", "Tokens of each").value == 4


def test_slow_measures_say_so_before_they_run(studio: Studio):
    studio.go("model")
    assert studio.says("The measures chosen take seconds")
    studio.set("pills", "On the hidden states themselves", ["procrustes"])
    assert studio.says("Slow with L layers, n points, d features: Procrustes with L²")


def test_the_layer_path_says_step_and_stress(studio: Studio):
    studio.go("layers")
    assert studio.says("The shortest step of the path is 0 to 1, the longest 4 to 5.")
    assert studio.says("Stress 0.040 (0 is perfect): the map keeps the measure's distances well.")
    studio.widget("number_input", "From layer").set_value(2)
    studio.widget("number_input", "To layer").set_value(4)
    studio.press("Propose")
    assert studio.says("Layers 2–4 become one") and studio.visit.state is not None
    assert studio.visit.state.origin.text_hashes == an_analysis().text_hashes


def test_a_measure_without_a_layer_map_is_named_with_the_reason(studio: Studio):
    studio.go("layers")
    assert studio.widget("selectbox", "Measure").options == ["NPIB"]
    assert studio.says("Block influence has no map: a map needs a distance for every pair, and layers 0 and 5 have no")


def test_the_guide_shows_the_topic_that_the_address_names(studio: Studio):
    studio.at.query_params["topic"] = "measures"
    studio.go("guide")
    assert studio.at.title[0].value.startswith("Measures") and studio.says("median distance") is False
    studio.set("pills", "Topic", "manifolds")
    assert studio.at.title[0].value.startswith("Manifolds")
    assert "manifolds" in studio.at.query_params["topic"]


def test_the_guides_title_stands_above_its_topics(studio: Studio):
    studio.go("guide")
    kinds = [one.type for one in studio.at.main]
    assert kinds.index("title") < kinds.index("button_group"), kinds


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_pictures_drawn_on_white_are_dimmed_on_a_dark_page_alone(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, theme: Theme
):
    monkeypatch.setattr(session, "theme", lambda: theme)
    studio.go("guide")
    assert any("brightness" in one.proto.body for one in studio.at.get("html")) == (theme == DARK)


def test_the_guide_needs_no_model(empty_studio: Studio):
    empty_studio.go("guide")
    assert not empty_studio.at.exception and len(empty_studio.at.title) == 1


def test_an_analysis_from_before_opens_as_ever(studio: Studio):
    """No error, no layer map, no loss: what an older folder lacks is left out."""
    bare = replace(an_analysis(), layer_maps={}, embeddings={"diffusion": an_embedding()})
    lay(studio, bare).go("layers")
    assert studio.at.info[0].value.startswith("This model has no layer map yet.")
    assert a_desk().layer_maps
