"""What the store gives an analysis: the same figures to the bit, without the model, and none of anything else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mka.workflows.kept
import mka.workflows.pieces
from mka.errors import BadInput, RunFailed
from mka.models.files import stored_tensors, weight_files
from mka.models.fingerprint import fingerprint_files, sample_places
from mka.models.loaded import LoadedModel
from mka.models.loading import load
from mka.objects.measures import MEASURES
from mka.objects.methods import METHODS
from mka.objects.texts import Text, TextSet
from mka.store import Store
from mka.workflows.analysis import Analysis, analyze
from mka.workflows.opening import ModelOnDemand, Opening
from tests.tiny import tiny_model_folder
from tests.workflows.builders import same, sentences, text_file

TEXTS = TextSet(tuple(Text(one, "lands") for one in sentences(16)), "lands.txt")
EVERYTHING = {"measures": ("npib", "cosine", "block-influence"), "embeddings": ("diffusion", "pca")}
SUBSAMPLES = 4


def of_measure(name: str) -> set[str]:
    """The pieces that a measure gives."""
    return {name, f"uncertainty of {name}", f"layer map of {name}"}


PIECES = {"model", "reading", "diffusion", "pca"}.union(*map(of_measure, EVERYTHING["measures"]))
ON_CPU = Opening(dtype="float32", device="cpu")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tiny model that a test may change."""
    return tiny_model_folder(tmp_path / "models", layers=3)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "kept")


def run(folder: Path, store: Store, texts: TextSet = TEXTS, opening: Opening = ON_CPU, **options: Any) -> Analysis:
    asked = {**EVERYTHING, "subsamples": SUBSAMPLES, **options}
    return analyze(opening.on_demand(str(folder)), texts, store=store, **asked)


def unopened(folder: Path) -> ModelOnDemand:
    """The model, which may not be opened any more."""

    def refuse(progress: object) -> LoadedModel:
        raise AssertionError("the model was opened")

    return replace(ON_CPU.on_demand(str(folder)), open=refuse)


def test_a_hit_is_what_was_computed_to_the_bit_and_opens_no_model(folder: Path, store: Store) -> None:
    first = run(folder, store)
    second = analyze(unopened(folder), TEXTS, store=store, subsamples=SUBSAMPLES, **EVERYTHING)
    assert first.from_store == {} and set(second.from_store) == PIECES
    assert same(replace(first, from_store={}), replace(second, from_store={}))
    assert second.similarities["npib"].uncertainty is not None and second.layer_maps["cosine"].stress >= 0
    model = load(folder, dtype="float32", device="cpu")
    computed = analyze(model, TEXTS, store=store, subsamples=SUBSAMPLES, **EVERYTHING)
    assert same(computed, replace(second, from_store={}))


def test_new_pieces_are_computed_of_kept_activations(folder: Path, store: Store) -> None:
    run(folder, store, measures=("cosine",), embeddings=())
    demanded = unopened(folder)
    made = analyze(
        demanded, TEXTS, measures=("cosine", "npib"), embeddings=("pca",), subsamples=SUBSAMPLES, store=store
    )
    assert set(made.from_store) == {"model", "reading"} | of_measure("cosine")


def test_activations_too_large_to_keep_are_read_again(folder: Path, tmp_path: Path) -> None:
    small = Store(tmp_path / "small", 40_000)  # a quarter holds the points, not 3 layers x 16 points x 16 floats twice
    texts = replace(TEXTS, texts=tuple(Text(one) for one in sentences(60)))
    run(folder, small, texts, measures=("cosine",), embeddings=())
    assert "activations" not in {entry.kind for entry in small.entries()}
    made = run(folder, small, texts, measures=("cosine", "block-influence"), embeddings=())
    assert "cosine" in made.from_store and {"reading", "block-influence"}.isdisjoint(made.from_store)
    assert same(
        replace(made, from_store={}),
        run(folder, Store(tmp_path, 0), texts, measures=("cosine", "block-influence"), embeddings=()),
    )


def _edit_json(name: str, key: str, value: object) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        path = folder / name
        path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))

    return edit


def _other_weight(folder: Path) -> None:
    """One byte that the fingerprint does not read: it reads 64 of each tensor."""
    path, before = folder / "model.safetensors", fingerprint_files(weight_files(folder))
    tensor = max(stored_tensors(weight_files(folder)), key=lambda tensor: tensor.end - tensor.begin)
    state, raw = path.stat(), bytearray(path.read_bytes())
    raw[tensor.begin + sample_places(tensor.end - tensor.begin)[1] - 1] ^= 1
    path.write_bytes(bytes(raw))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    assert fingerprint_files(weight_files(folder)) == before


def _other_tokenizer(folder: Path) -> None:
    path = folder / "tokenizer.json"
    path.write_text(path.read_text() + "\n")


def _new_code(folder: Path) -> None:
    (folder / "special_tokens_map.json").write_text("{}")


@pytest.mark.parametrize(
    "change",
    [
        _edit_json("config.json", "rms_norm_eps", 1e-5),
        _edit_json("tokenizer_config.json", "add_prefix_space", True),
        _other_weight,
        _other_tokenizer,
        _new_code,
    ],
)
def test_any_change_of_the_model_misses(folder: Path, store: Store, change: Callable[[Path], None]) -> None:
    run(folder, store)
    change(folder)
    assert run(folder, store).from_store == {}


@pytest.mark.parametrize("opening", [Opening("bfloat16", "cpu"), Opening("auto", "cpu"), Opening("float32", "auto")])
def test_another_way_of_opening_misses(folder: Path, store: Store, opening: Opening) -> None:
    run(folder, store)
    assert run(folder, store, opening=opening).from_store == {}


def _another_text(texts: tuple[Text, ...]) -> tuple[Text, ...]:
    return (*texts[:-1], Text("Land 99 has no rivers.", "lands"))


def _another_order(texts: tuple[Text, ...]) -> tuple[Text, ...]:
    return texts[::-1]


def _more_white_space(texts: tuple[Text, ...]) -> tuple[Text, ...]:
    return (replace(texts[0], text=texts[0].text + " "), *texts[1:])


def _another_subject(texts: tuple[Text, ...]) -> tuple[Text, ...]:
    return (replace(texts[0], subject="hills"), *texts[1:])


def _one_fewer(texts: tuple[Text, ...]) -> tuple[Text, ...]:
    return texts[1:]


@pytest.mark.parametrize("change", [_another_text, _another_order, _more_white_space, _another_subject, _one_fewer])
def test_any_change_of_the_texts_misses(
    folder: Path, store: Store, change: Callable[[tuple[Text, ...]], tuple[Text, ...]]
) -> None:
    run(folder, store)
    assert set(run(folder, store, replace(TEXTS, texts=change(TEXTS.texts))).from_store) == {"model"}


def test_the_name_of_the_texts_and_of_the_model_changes_nothing(
    folder: Path, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(folder, store)
    monkeypatch.chdir(folder.parent)
    made = run(Path(folder.name), store, replace(TEXTS, source="same.txt"))
    assert set(made.from_store) == PIECES
    assert (made.calibration, made.summary.source) == ("same.txt", folder.name)


@pytest.mark.parametrize(
    "options", [{"points": "mean"}, {"points": "tokens"}, {"longest": 9}, {"limit": 12}, {"seed": 1}]
)
def test_another_way_of_reading_misses(folder: Path, store: Store, options: dict[str, Any]) -> None:
    run(folder, store)
    assert set(run(folder, store, **options).from_store) == {"model"}


def test_another_number_of_tokens_of_each_text_misses(folder: Path, store: Store) -> None:
    run(folder, store, points="tokens", per_text=2)
    made = run(folder, store, points="tokens", per_text=3)
    assert set(made.from_store) == {"model"} and (made.n_points, made.n_texts) == (48, 16)


def test_duplicates_are_counted_also_from_the_store(folder: Path, store: Store) -> None:
    run(folder, store)
    twice = replace(TEXTS, texts=(*TEXTS.texts, TEXTS.texts[0]))
    assert [run(folder, store, twice).duplicates for _ in range(2)] == [1, 1]


def test_parameters_and_dims_belong_to_their_piece_alone(folder: Path, store: Store) -> None:
    run(folder, store)
    plain = run(folder, store, parameters={"npib": {"corrected": False}})
    assert PIECES - set(plain.from_store) == of_measure("npib")
    assert plain.similarities["npib"].parameters["corrected"] is False
    wide = run(folder, store, parameters={"diffusion": {"alpha": 0.25}})
    assert PIECES - set(wide.from_store) == {"diffusion"}
    deep = run(folder, store, dims=3)
    assert PIECES - set(deep.from_store) == {"diffusion", "pca"}
    assert deep.embeddings["pca"].coordinates.shape[2] == 3


def _raised(facts: Any, name: str) -> dict[str, Any]:
    return {**facts, name: replace(facts[name], version=facts[name].version + 1)}


@pytest.mark.parametrize(
    ("table", "facts", "name", "gone"),
    [
        ("MEASURES", MEASURES, "cosine", of_measure("cosine")),
        ("METHODS", METHODS, "pca", {"pca"}),
        ("METHODS", METHODS, "diffusion", {"diffusion"} | of_measure("npib")),
    ],
)
def test_a_new_version_misses(
    folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch, table: str, facts: Any, name: str, gone: set[str]
) -> None:
    run(folder, store)
    monkeypatch.setattr(mka.workflows.pieces, table, _raised(facts, name))
    assert PIECES - set(run(folder, store).from_store) == gone


def test_a_new_version_of_collecting_misses(folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run(folder, store)
    monkeypatch.setattr(mka.workflows.pieces, "COLLECTION", 99)
    assert set(run(folder, store).from_store) == {"model"}


@pytest.mark.parametrize(("name", "piece"), [("UNCERTAINTY", "uncertainty of"), ("LAYER_MAP", "layer map of")])
def test_a_new_version_of_what_follows_a_measure_misses(
    folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch, name: str, piece: str
) -> None:
    run(folder, store)
    monkeypatch.setattr(mka.workflows.pieces, name, 99)
    assert PIECES - set(run(folder, store).from_store) == {f"{piece} {one}" for one in EVERYTHING["measures"]}


def test_other_subsamples_miss_alone(folder: Path, store: Store) -> None:
    run(folder, store)
    made = run(folder, store, subsamples=6)
    assert PIECES - set(made.from_store) == {f"uncertainty of {one}" for one in EVERYTHING["measures"]}
    without = run(folder, store, subsamples=0)
    assert all(one.uncertainty is None for one in without.similarities.values())


def test_too_few_points_for_halves_are_remembered_too(folder: Path, store: Store) -> None:
    few = replace(TEXTS, texts=TEXTS.texts[:5])  # halves of two, and npib needs four
    first = run(folder, store, few, measures=("npib",), embeddings=())
    again = run(folder, store, few, measures=("npib",), embeddings=())
    assert first.similarities["npib"].uncertainty is again.similarities["npib"].uncertainty is None
    assert of_measure("npib") <= set(again.from_store)


def test_weights_hang_on_the_model_alone(folder: Path, store: Store) -> None:
    first = run(folder, store, measures=("weights",), embeddings=())
    other = run(folder, store, replace(TEXTS, texts=TEXTS.texts[1:]), measures=("weights",), embeddings=())
    assert set(other.from_store) == {"model", "weights", "layer map of weights"}
    assert same(first.similarities["weights"], other.similarities["weights"])
    assert other.similarities["weights"].text_hashes == ()


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("_code", lambda: "another code"),
        ("versions", lambda: {"torch": "99"}),
        ("version", lambda name: f"another {name}"),
    ],
)
def test_new_code_and_new_libraries_miss(
    folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch, name: str, instead: Callable[..., Any]
) -> None:
    run(folder, store)
    monkeypatch.setattr(mka.workflows.kept, name, instead)
    assert run(folder, store).from_store == {}


def test_mka_itself_may_be_newer(folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run(folder, store)
    monkeypatch.setattr("mka.__version__", "99")
    assert set(run(folder, store).from_store) == PIECES


def test_of_a_loaded_model_nothing_is_kept_or_found(folder: Path, store: Store) -> None:
    run(folder, store)
    before = len(store.entries())
    model = load(folder, dtype="float32", device="cpu")
    assert analyze(model, TEXTS, store=store, **EVERYTHING).from_store == {}
    assert len(store.entries()) == before


def test_of_a_model_that_runs_its_own_code_nothing_is_kept(folder: Path, store: Store) -> None:
    run(folder, store, opening=replace(ON_CPU, trust_remote_code=True))
    assert store.entries() == ()


def test_a_folder_without_a_model_is_refused_as_ever(tmp_path: Path, store: Store) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match=r"has no config\.json, so it holds no model"):
        run(tmp_path / "empty", store)
    with pytest.raises(BadInput, match="there is no folder"):
        run(tmp_path / "no" / "where", store)


def test_files_replaced_under_the_run_are_noticed(folder: Path, store: Store, tiny_llama_folder: Path) -> None:
    demanded = ON_CPU.on_demand(str(folder))
    other = replace(demanded, open=lambda progress: load(tiny_llama_folder, dtype="float32", device="cpu"))
    with pytest.raises(RunFailed, match="were replaced while they were read"):
        analyze(other, TEXTS, store=store, **EVERYTHING)
    assert store.entries() == ()


def test_a_kept_piece_of_another_shape_is_a_miss(folder: Path, store: Store) -> None:
    run(folder, store)
    for entry in store.entries():
        if entry.kind == "similarity":
            key = entry.path.stem.removeprefix("similarity-")
            kept = store.get("similarity", key)
            assert kept is not None
            store.put("similarity", key, kept.meta, {"values": np.zeros((2, 2))})
    made = run(folder, store)
    assert {"npib", "cosine", "block-influence"}.isdisjoint(made.from_store)
    assert made.similarities["cosine"].values.shape == (3, 3)


def test_a_store_that_cannot_be_written_fails_no_analysis(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = Store(tmp_path / "file" / "store")
    made = run(folder, store)
    assert made.from_store == {} and made.similarities["npib"].values.shape == (3, 3)
    assert "cannot be written" in store.problem


def test_a_second_process_needs_no_heavy_library(folder: Path, tmp_path: Path) -> None:
    texts = text_file(tmp_path / "texts.txt", sentences(16))
    code = (
        "import sys; from mka.cli import main\n"
        "try: main()\n"
        "except SystemExit as left: assert left.code == 0\n"
        "heavy = {'torch', 'transformers', 'scipy', 'sklearn', 'umap', 'numba'} & set(sys.modules)\n"
        "print(sorted(heavy))\n"
    )
    words = [
        "analyze",
        str(folder),
        "--calibration",
        str(texts),
        "--measure",
        "npib,cosine",
        "--embed",
        "diffusion,pca",
    ]
    command = [sys.executable, "-c", code, *words]
    first, second = (subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2))
    assert "from the store" not in first and "torch" in first.splitlines()[-1]
    assert "from the store, computed 20" in second and second.splitlines()[-1] == "[]"
    shutil.rmtree(os.environ["MKA_STORE"])
    third = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "from the store" not in third
