"""The picture of the architecture: one block per layer, of its kind's colour and as high as its parameters."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mka.figures import takeaways
from mka.figures.layer_strip import PER_ROW, blocks_beside, kind_names, layer_strip
from mka.figures.theme import DARK, LIGHT
from mka.objects.model_summary import ModelSummary, TensorSummary
from tests.studio.builders import NASTY, a_summary


def made_of(types: tuple[str, ...], sizes: tuple[int, ...] = (), experts: tuple[int, ...] = ()) -> ModelSummary:
    layers = tuple(
        replace(layer, type=kind, parameters=size, experts=layer.index in experts)
        for layer, kind, size in zip(a_summary(len(types)).per_layer, types, sizes or (100,) * len(types), strict=True)
    )
    return replace(a_summary(len(types)), layer_types=types, per_layer=layers)


def blocks(summary: ModelSummary, chosen: str = "") -> dict[str, tuple[float, float, float]]:
    """Name -> x, foot and height of every block."""
    return {
        name: (x, foot, height)
        for trace in layer_strip(summary, LIGHT, chosen).data
        for name, x, foot, height in zip(trace.customdata, trace.x, trace.base, trace.y, strict=True)
    }


def test_a_colour_and_a_pattern_per_kind():
    figure = layer_strip(made_of(("full_attention", "sliding_attention") * 3, experts=(4,)), DARK)
    marks = {trace.name: (trace.marker.color, trace.marker.pattern.shape) for trace in figure.data if trace.name}
    assert list(marks) == ["full attention", "sliding attention", "full attention with experts"]
    for part in range(2):
        assert len({mark[part] for mark in marks.values()}) == 3
    assert figure.layout.showlegend and not layer_strip(made_of(("a",) * 3), DARK).layout.showlegend


def test_kinds_of_one_name_and_several_shapes_are_told_apart():
    summary = made_of(("a", "b", "a"))
    shaped = replace(summary, per_layer=(*summary.per_layer[:2], replace(summary.per_layer[2], shape_class=7)))
    assert kind_names(summary) == ("a", "b", "a")
    assert kind_names(shaped) == ("a, shape 1", "b", "a, shape 2")


def test_a_block_is_as_high_as_its_parameters():
    found = blocks(made_of(("a",) * 3, sizes=(100, 50, 1)))
    assert found["Layer 1"][2] == pytest.approx(found["Layer 0"][2] / 2)
    assert 0 < found["Layer 2"][2] < found["Layer 1"][2] / 2, "small, and still there to be clicked"


@pytest.mark.parametrize("layers", [1, 4, 12, 20, 21, 32, 80, 81, 126])
def test_every_layer_has_a_place_of_its_own_within_the_picture(layers: int):
    summary = a_summary(layers)
    figure, found = layer_strip(summary, LIGHT), blocks(summary)
    assert len(found) == layers + len(blocks_beside(summary))
    assert len({(x, foot) for x, foot, _ in found.values()}) == len(found)
    left, right = figure.layout.xaxis.range
    bottom, top = figure.layout.yaxis.range
    for x, foot, height in found.values():
        assert left <= x - 0.43 and x + 0.43 <= right and bottom <= foot and foot + height <= top
    rows = {}
    for name, (x, foot, _) in found.items():
        if name.startswith("Layer"):
            rows.setdefault(foot, []).append(x)
    assert all(row == sorted(row) and len(row) <= PER_ROW for row in rows.values())
    assert [len(row) for row in rows.values()] == sorted((len(row) for row in rows.values()), reverse=True)


def test_what_stands_beside_the_layers():
    weights = (
        TensorSummary("embed", (8, 4), "embedding"),
        TensorSummary("position", (3, 4), "embedding"),
        TensorSummary("norm", (4,), "norms"),
        TensorSummary("head", (8, 4), "head"),
    )
    whole = replace(a_summary(3), outside=weights, tied_embeddings=False, head_parameters=32)
    assert [(one.name, one.parameters) for one in blocks_beside(whole)] == [
        ("Embedding", 44), ("Final norm", 4), ("Head", 32),
    ]  # fmt: skip
    assert [(one.name, one.parameters) for one in blocks_beside(a_summary(3))] == [("Embedding", 40), ("Head", 0)]
    hovers = [text for trace in layer_strip(a_summary(3), LIGHT).data for text in trace.hovertext]
    assert hovers[-1] == "the embedding's own weights"


def test_the_chosen_block_is_framed():
    found = blocks(a_summary(30))["Layer 17"]
    (frame,) = layer_strip(a_summary(30), LIGHT, "Layer 17").layout.shapes
    assert frame.x0 < found[0] < frame.x1 and frame.y0 < found[1] < frame.y1
    assert len(layer_strip(a_summary(3), LIGHT, "Embedding").layout.shapes) == 1
    assert not layer_strip(a_summary(3), LIGHT, "Layer 9").layout.shapes


def test_names_of_types_are_text():
    figure = layer_strip(made_of((NASTY, "b")), LIGHT)
    assert "<img" not in figure.data[0].name and not [text for text in figure.data[0].hovertext if "<img" in text]


def test_the_sentence_tells_kinds_and_sizes():
    mixed = made_of(("full_attention", "sliding_attention") * 2, sizes=(100, 80, 100, 80))
    assert takeaways.of_model(mixed) == (
        "4 decoder layers (2 full attention, 2 sliding attention) hold 80\xa0% of 450 parameters, 80 to 100 each."
    )
    assert takeaways.of_model(a_summary(4)).endswith("hold 89\xa0% of 450 parameters, 100 each.")
