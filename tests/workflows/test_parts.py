"""The pieces of an analysis as JSON and back."""

from __future__ import annotations

import json

from mka.models.loaded import LoadedModel
from mka.models.summary import summarize
from mka.workflows.parts import summary_of, summary_parts
from tests.merging.models import model_of

SINCE_PARTS = ("parts", "layer_tensors", "outside", "refusals")


def as_read(model: LoadedModel) -> dict:
    """A summary's JSON object, after it was text."""
    return json.loads(json.dumps(summary_parts(summarize(model))[0]))


def test_a_description_comes_back(tiny_llama: LoadedModel) -> None:
    for model in (tiny_llama, model_of("gpt2", scale_attn_by_inverse_layer_idx=True)):
        assert summary_of(as_read(model)) == summarize(model)


def test_a_description_of_an_earlier_version_is_read(tiny_llama: LoadedModel) -> None:
    old = {name: value for name, value in as_read(tiny_llama).items() if name not in SINCE_PARTS}
    old["per_layer"] = [{k: v for k, v in layer.items() if k != "experts"} for layer in old["per_layer"]]
    found, whole = summary_of(old), summarize(tiny_llama)
    assert found.per_layer == whole.per_layer and found.parameters == whole.parameters
    assert [getattr(found, name) for name in SINCE_PARTS] == [(), (), (), ()]
