"""Maps of points and of layers: frames, colours, spectrum, path, on objects made by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mka.figures import takeaways
from mka.figures.colouring import by_scale, by_subject, loss_scale, place_scale, position_scale
from mka.figures.layer_path import LAYER, SEGMENT, layer_path, mark_id, mark_of
from mka.figures.manifold import axis_ranges, framed, is_flat, side_by_side
from mka.figures.spectrum import leading, spectrum
from mka.figures.takeaways import COLOURS, LOSS, PLACE, SUBJECT
from mka.figures.theme import DARK, LIGHT, VERMILION, sampled
from mka.objects.embedding import Embedding
from mka.objects.plan import MergeGroup
from tests.studio.builders import NASTY, a_layer_map, an_embedding


def grown(embedding: Embedding, factor: float) -> Embedding:
    """The same map with each layer `factor` times as large as the one before, and moved."""
    sizes = factor ** np.arange(embedding.layers)[:, None, None]
    return replace(embedding, coordinates=embedding.coordinates * sizes + 10 * sizes)


@pytest.mark.parametrize("dims", [2, 3])
def test_each_layer_is_drawn_at_one_size_without_distortion(dims: int):
    embedding = grown(an_embedding(6, 12, dims), 3.0)
    placed = framed(embedding)
    extent = placed.max(axis=1) - placed.min(axis=1)
    assert extent.max(axis=1) == pytest.approx(2.0)
    before = embedding.coordinates[2] - embedding.coordinates[2, 0]
    after = placed[2] - placed[2, 0]
    ratio = np.linalg.norm(after[1:], axis=1) / np.linalg.norm(before[1:], axis=1)
    assert ratio == pytest.approx(ratio[0]), "all distances of a layer shrink alike"


def test_layers_of_coinciding_points_stay_in_the_middle():
    still = replace(an_embedding(2), coordinates=np.full((2, 12, 2), 7.0))
    assert not framed(still).any()
    side_by_side(still, [0, 1], by_scale(place_scale(still, 0), LIGHT, flat=True), LIGHT)


def test_an_aligned_map_has_one_frame_for_all_layers_and_another_one_its_own():
    embedding = an_embedding(6)
    assert axis_ranges(embedding, 0) == axis_ranges(embedding, 5)
    low, high = axis_ranges(embedding, 0)[0]
    assert low < framed(embedding)[:, :, 0].min() and high > framed(embedding)[:, :, 0].max()
    flatter = np.linspace([1, 1], [1, 0.2], 6)[:, None]
    stretched = replace(embedding, aligned=False, coordinates=embedding.coordinates * flatter)
    assert axis_ranges(stretched, 0)[1] != axis_ranges(stretched, 5)[1]


def test_three_dimensions_are_drawn_as_scenes_with_symbols_that_plotly_has():
    deep = an_embedding(6, 12, 3)
    figure = side_by_side(deep, [0, 5], by_subject(deep.points, LIGHT, flat=is_flat(deep)), LIGHT)
    assert {trace.type for trace in figure.data} == {"scatter3d"}
    assert [scene.aspectmode for scene in (figure.layout.scene, figure.layout.scene2)] == ["cube", "cube"]
    assert len({(trace.marker.symbol, trace.marker.color) for trace in figure.data}) == 3
    placed = framed(deep)
    assert sorted(np.concatenate([trace.z for trace in figure.data[3:]])) == pytest.approx(sorted(placed[5, :, 2]))


def test_a_figure_without_a_value_is_a_grey_ring_below_the_others():
    embedding = an_embedding(6, 12)
    scale = loss_scale(embedding.points)
    assert scale is not None and np.isnan(scale.values[0])
    unknown, known = side_by_side(embedding, [3], by_scale(scale, DARK, flat=True), DARK).data
    assert (unknown.name, len(unknown.x), unknown.marker.color) == ("not known", 1, DARK.muted)
    assert list(known.marker.color) == list(range(11)), "by rank"
    assert known.marker.coloraxis == "coloraxis"


def test_a_few_large_losses_do_not_hide_the_others_and_the_colour_bar_says_losses():
    losses = [0.0, 0.0, 0.0, 0.001, 0.02, 0.3, 0.5, 900.0, None]
    known = an_embedding(6, 9).points
    scale = loss_scale([replace(point, loss=loss) for point, loss in zip(known, losses, strict=True)])
    assert scale is not None
    assert list(scale.values[:-1]) == [1, 1, 1, 3, 4, 5, 6, 7] and np.isnan(scale.values[-1])
    bar = scale.axis(LIGHT)["colorbar"]
    assert bar["title"]["text"] == "loss (nats),<br>coloured by rank"
    assert list(bar["tickvals"]) == [1, 2.5, 4, 5.5, 7], "between the third and the fourth: half of 0.001"
    assert list(bar["ticktext"]) == ["0.00", "< 0.01", "0.02", "0.40", "900.00"]


def test_the_colour_bar_of_places_says_places():
    embedding = an_embedding(6, 100)
    place = position_scale(embedding.points)
    assert place is not None and place.limits == (0, 99)
    ticks = place.axis(LIGHT)["colorbar"]["ticktext"]
    assert ticks[0] == "0" and ticks[-1] == "99"


def test_what_no_point_knows_is_not_offered():
    bare = [replace(point, loss=None, position=-1) for point in an_embedding().points]
    assert loss_scale(bare) is None and position_scale(bare) is None


def test_place_is_the_rank_from_left_to_right():
    scale = place_scale(an_embedding(6, 12), 2)
    order = np.argsort(scale.values)
    assert (np.diff(an_embedding(6, 12).coordinates[2, order, 0]) >= 0).all()
    assert sorted(scale.values) == list(range(12))


def test_a_dot_says_text_token_place_and_loss_and_no_markup():
    embedding = an_embedding(6, 12)
    text = side_by_side(embedding, [0], by_subject(embedding.points, LIGHT, flat=True), LIGHT).data[1].text[0]
    assert "token “end” at place" in text and "loss" in text and "nats" in text
    assert "<img" not in text and NASTY.split()[0] not in text


def test_the_spectrum_leaves_out_what_is_not_drawn_and_marks_the_gap():
    embedding = an_embedding(6)
    assert leading(embedding)[0] == pytest.approx([1, 0.5, 1 / 3, 0.25])
    figure = spectrum(embedding, (0, 5), LIGHT)
    strong = [trace for trace in figure.data if trace.showlegend]
    assert [trace.name for trace in strong] == ["layer 0", "layer 5"] and len(figure.data) == 6
    gap = next(shape for shape in figure.layout.shapes if shape.line.color == VERMILION)
    assert (gap.y0, gap.y1, gap.x0) == (pytest.approx(1 / 3), 0.5, 2.5)
    assert any(note.text == "gap of layer 0: 0.167" for note in figure.layout.annotations)
    assert "0.167 in layer 0 and 0.083 in layer 5" in takeaways.of_spectrum(embedding, (0, 5))


def test_a_short_spectrum_has_no_gap_and_pca_has_shares():
    short = replace(an_embedding(6), spectrum=an_embedding(6).spectrum[:, :3])
    assert not [shape for shape in spectrum(short, (0,), LIGHT).layout.shapes if shape.line.color == VERMILION]
    assert "kept no more" in takeaways.of_spectrum(short, (0,))
    shares = replace(an_embedding(2), method="pca", spectrum=np.array([[0.5, 0.25, 0.1], [0.9, 0.05, 0.01]]))
    assert leading(shares).shape == (2, 3)
    assert takeaways.of_spectrum(shares, (0, 1)) == (
        "The 2 axes that are drawn hold 75\xa0% in layer 0 and 95\xa0% in layer 1 of the variance."
    )


def test_colours_are_explained():
    embedding = an_embedding(6)
    for colour, words in COLOURS.items():
        assert takeaways.of_manifold(embedding, (2, 5), dots="tokens", colour=colour).endswith(words)
    said = takeaways.of_manifold(embedding, (2, 5), dots="calibration texts", colour=SUBJECT)
    assert said.startswith("Each dot is one of 12 calibration texts as layer 2 and layer 5 sees it.")
    assert "one after another" in takeaways.of_manifold(embedding, (), dots="tokens", colour=LOSS)
    assert "left to right" in COLOURS[PLACE]


def test_every_layer_is_a_numbered_mark_on_the_path():
    figure = layer_path(a_layer_map(6), LIGHT)
    dots, segments = figure.data[-1], figure.data[-2]
    assert list(dots.texttemplate) == list("012345") and [mark_of(name) for name in dots.customdata] == [
        (LAYER, layer) for layer in range(6)
    ]
    assert list(segments.x) == [0.5, 1.5, 2.5, 3.5, 4.5] and segments.y[0] == pytest.approx(0.05)
    assert [mark_of(name) for name in segments.customdata] == [(SEGMENT, layer) for layer in range(5)]
    assert dots.marker.color[0] == sampled("Viridis", 0.0) and len(set(dots.marker.color)) == 6
    assert figure.layout.yaxis.scaleanchor == "x", "only distances mean something"
    assert mark_of(mark_id(SEGMENT, 7)) == (SEGMENT, 7)


def test_blocks_are_marked_on_the_path():
    group = MergeGroup((1, 2), (0.5, 0.5))
    figure = layer_path(a_layer_map(6), LIGHT, groups=[group], candidates=[(3, 4, 5)], picked=0)
    band, dashed = figure.data[0], figure.data[1]
    assert list(band.x) == [1, 2] and band.line.color == VERMILION
    assert list(dashed.x) == [3, 4, 5] and dashed.line.dash == "dash"
    assert figure.data[-1].marker.line.color[0] == VERMILION and figure.data[-1].marker.line.width[1] == 1


@pytest.mark.parametrize("depth", [1, 2, 80])
def test_any_depth_has_a_path(depth: int):
    figure = layer_path(a_layer_map(depth), DARK)
    numbers = [text for text in figure.data[-1].texttemplate if text]
    assert len(figure.data[-1].x) == depth and 1 <= len(numbers) <= 32
    takeaways.of_layer_map(a_layer_map(depth))


def test_the_path_in_words():
    said = takeaways.of_layer_map(a_layer_map(6))
    assert "near means alike by NPIB" in said and "shortest step of the path is 0 to 1, the longest 4 to 5" in said


@pytest.mark.parametrize(
    ("stress", "words"),
    [(0.0, "nearly exactly"), (0.04, "well"), (0.1, "fairly"), (0.15, "what is plain"), (0.3, "misleads")],
)
def test_stress_in_words(stress: float, words: str):
    assert words in takeaways.of_stress(a_layer_map(stress=stress))
    assert "not known" in takeaways.of_stress(a_layer_map(stress=float("nan")))
