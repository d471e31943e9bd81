"""Measures of the layers' parameters: from files and from memory, the same numbers as the network's own parameters."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import mka
from mka.analysis import weights
from mka.analysis.measures import similarity
from mka.analysis.weights import LayerParameters, Parameter, layer_parameters, weight_cosine, weight_distance
from mka.errors import BadInput, Cancelled
from mka.models.loaded import LoadedModel
from mka.models.loading import load
from mka.objects.progress import Cancel
from tests.tiny import tiny_model_folder

Array = np.ndarray


def flat(model: LoadedModel) -> Array:
    """Each layer's parameters as one vector: float64 (L, all numbers)."""
    return np.stack(
        [
            torch.cat([parameter.double().reshape(-1) for parameter in layer.parameters()]).numpy()
            for layer in model.stack.layers
        ]
    )


def expected(model: LoadedModel) -> tuple[Array, Array]:
    rows = flat(model)
    length = np.linalg.norm(rows, axis=1)
    apart = np.linalg.norm(rows[:, None] - rows[None, :], axis=2)
    root_mean_square = np.sqrt((length[:, None] ** 2 + length[None, :] ** 2) / 2)
    return rows @ rows.T / np.outer(length, length), apart / root_mean_square


@pytest.mark.parametrize("family", ["llama", "gpt2", "phi3", "gpt_neox"])
@pytest.mark.parametrize(("dtype", "shard"), [("float32", "1GB"), ("bfloat16", "8KB"), ("float16", "1GB")])
def test_agree_with_the_loaded_networks_parameters(tmp_path: Path, family: str, dtype: str, shard: str) -> None:
    folder = tiny_model_folder(tmp_path, family, dtype=dtype, max_shard_size=shard)
    assert shard == "1GB" or len(list(folder.glob("*.safetensors"))) > 1
    model = load(folder, device="cpu")
    cosine, distance = expected(model)
    found = similarity(str(folder), "weights")
    np.testing.assert_allclose(found.values, cosine, atol=1e-12)
    np.testing.assert_allclose(similarity(folder, "weights-distance").values, distance, atol=1e-7)
    assert found.model == model.fingerprint and found.note == "" and found.calibration_key == ""
    np.testing.assert_array_equal(similarity(model, "weights").values, found.values)


def test_small_pieces_add_up_to_the_same(tiny_llama_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = similarity(tiny_llama_folder, "weights").values
    monkeypatch.setattr(weights, "CHUNK", 7)
    monkeypatch.setattr(weights, "SPAN", 100)
    np.testing.assert_allclose(similarity(tiny_llama_folder, "weights").values, whole, atol=1e-14)


def test_a_file_is_read_at_its_own_precision(tmp_path: Path) -> None:
    folder = tiny_model_folder(tmp_path)
    rounded = load(folder, dtype="bfloat16", device="cpu")
    exact = similarity(folder, "weights").values
    np.testing.assert_array_equal(similarity(rounded, "weights").values, exact)
    shutil.rmtree(folder)
    gone = similarity(rounded, "weights").values
    np.testing.assert_allclose(gone, expected(rounded)[0], atol=1e-12)
    assert (gone != exact).any()


def test_a_merged_model_is_read_from_memory(tiny_llama: LoadedModel) -> None:
    merged = mka.merge(tiny_llama, mka.plan(tiny_llama, groups=[[1, 2]]))
    cosine, _ = expected(merged.model)
    for source in (merged, merged.model):
        found = similarity(source, "weights")
        np.testing.assert_allclose(found.values, cosine, atol=1e-12)
        assert found.model == merged.model.fingerprint != tiny_llama.fingerprint


def test_files_of_a_base_model_and_old_buffers(tmp_path: Path) -> None:
    folder = tiny_model_folder(tmp_path, "gpt2")
    known = similarity(folder, "weights").values
    file = folder / "model.safetensors"
    tensors = {name.removeprefix("transformer."): tensor for name, tensor in load_file(file).items()}
    tensors |= {f"h.{layer}.attn.bias": torch.ones(1, 1, 8, 8, dtype=torch.uint8) for layer in range(4)}
    save_file(tensors, file, metadata={"format": "pt"})
    np.testing.assert_array_equal(similarity(folder, "weights").values, known)


def test_the_demo_model() -> None:
    found = similarity("demo", "weights")
    assert found.values.shape == (12, 12) and found.bounds == (-1, 1) and found.uncertainty is None
    assert (np.diagonal(found.values) == 1).all() and (found.values == found.values.T).all()


def of_arrays(*layers: dict[str, Array]) -> LayerParameters:
    def parameter(array: Array) -> Parameter:
        return Parameter(array.shape, lambda begin, end: array.reshape(-1)[begin:end].astype(np.float64))

    return LayerParameters(tuple({name: parameter(a) for name, a in layer.items()} for layer in layers), "model")


def test_by_hand() -> None:
    given = of_arrays(
        *(
            {"a": np.array(a), "b": np.array([b])}
            for a, b in (([3.0, 0.0], 4.0), ([0.0, 5.0], 0.0), ([6.0, 0.0], 8.0), ([-3.0, 0.0], -4.0))
        )
    )
    np.testing.assert_array_equal(weight_cosine(given)[0], [1, 0, 1, -1])
    np.testing.assert_allclose(weight_distance(given)[0], [0, np.sqrt(2), 5 / np.sqrt(62.5), 2], rtol=1e-15)


def test_layers_of_zeros_and_equal_layers() -> None:
    some = np.random.default_rng(0).normal(size=(30, 3))
    given = of_arrays({"a": 0 * some}, {"a": some}, {"a": 0 * some}, {"a": some})
    np.testing.assert_array_equal(weight_cosine(given), [[1, 0, 1, 0], [0, 1, 0, 1]] * 2)
    right = np.sqrt(2)
    np.testing.assert_array_equal(weight_distance(given), [[0, right, 0, right], [right, 0, right, 0]] * 2)


def test_layers_that_differ_in_names_or_shapes() -> None:
    rng = np.random.default_rng(0)
    square, wide = rng.normal(size=(2, 2)), rng.normal(size=(4,))
    given = of_arrays({"a": square}, {"a": wide}, {"a": square}, {"b": square})
    for measure, own, other in ((weight_cosine, 1, 1), (weight_distance, 0, 0)):
        found = measure(given)
        np.testing.assert_array_equal(found[0], [own, np.nan, other, np.nan])
        np.testing.assert_array_equal(np.diagonal(found), own)


def test_differing_layers_are_noted(tiny_llama: LoadedModel) -> None:
    network = tiny_llama.network
    layers = [torch.nn.Linear(2, 2), torch.nn.Linear(2, 2), torch.nn.Linear(3, 2)]
    stack = replace(tiny_llama.stack, layers=torch.nn.ModuleList(layers), depth=3)
    found = similarity(replace(tiny_llama, network=network, stack=stack, fingerprint="other"), "weights")
    assert np.isnan(found.values[0, 2]) and np.isfinite(found.values[0, 1])
    assert found.note == "NaN between layers whose parameters differ in name or shape"


def altered(folder: Path, name: str, tensor: torch.Tensor | None) -> None:
    tensors = load_file(folder / "model.safetensors")
    del tensors[name]
    save_file(tensors if tensor is None else {**tensors, name: tensor}, folder / "model.safetensors")


NORM = "model.layers.2.input_layernorm.weight"


@pytest.mark.parametrize("measure", ["weights", "weights-distance"])
def test_refuses_what_it_cannot_compare(tmp_path: Path, measure: str) -> None:
    def folder(hidden: int) -> Path:
        return tiny_model_folder(tmp_path / measure, hidden=hidden)

    whole, holed, short, quantised = (folder(hidden) for hidden in (16, 32, 48, 64))
    altered(whole, NORM, torch.ones(16, dtype=torch.int8))
    altered(holed, NORM, torch.full((32,), torch.nan))
    for name in list(load_file(short / "model.safetensors")):
        if name.startswith("model.layers.3."):
            altered(short, name, None)
    config = json.loads((quantised / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "gptq", "bits": 4}
    (quantised / "config.json").write_text(json.dumps(config))
    for source, words in (
        (whole, r"layer 2 are stored as I8 .*before it was quantised"),
        (holed, r"input_layernorm.weight of layer 2 holds NaN or infinity"),
        (short, "holds no weights of layer 3 under model.layers"),
        (quantised, "is quantised"),
        (tmp_path / "nothing", "there is no folder"),
        (np.ones((2, 3, 4)), "give it a model .*, not ndarray"),
        (None, "not NoneType"),
    ):
        with pytest.raises(BadInput, match=words) as caught:
            similarity(source, measure)  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)


def test_reports_and_stops_when_asked(tiny_llama_folder: Path) -> None:
    told: list[tuple[str, int, int]] = []
    similarity(tiny_llama_folder, "weights", progress=lambda *words: told.append(words))
    assert told == [("weights", done, 9) for done in range(1, 10)]  # a Llama layer has nine parameters
    cancel = Cancel()
    cancel.request()
    with pytest.raises(Cancelled):
        similarity(tiny_llama_folder, "weights", cancel=cancel)


def test_finding_them_reads_no_number(tiny_llama_folder: Path) -> None:
    found = layer_parameters(tiny_llama_folder)
    assert len(found.layers) == 4 and found.layers[0]["mlp.down_proj.weight"].shape == (16, 32)
