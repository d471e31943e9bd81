"""An analysis: the same figures as the library's steps, and the same again after writing and reading."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mka.analysis.collection import collect
from mka.analysis.layer_map import layer_map
from mka.analysis.measures import similarity
from mka.analysis.uncertainty import uncertainty
from mka.errors import BadInput, RunFailed
from mka.models.loaded import LoadedModel
from mka.objects.texts import Text, TextSet
from mka.workflows.analysis import analyze
from mka.workflows.analysis_files import ARRAYS, CONTENT, Analysis, read_analysis, write_analysis
from mka.workflows.pieces import has_map
from tests.workflows.builders import same, sentences

TEXTS = TextSet(tuple(Text(one, "lands") for one in sentences(20)), "lands.txt")


@pytest.fixture(scope="module")
def analysis(tiny_llama: LoadedModel) -> Analysis:
    return analyze(
        tiny_llama, TEXTS, measures=("npib", "cosine"), embeddings=("diffusion", "pca"), limit=16, seed=3, subsamples=4
    )


def test_an_analysis_holds_what_the_steps_give_one_by_one(tiny_llama: LoadedModel, analysis: Analysis) -> None:
    read = collect(tiny_llama, TEXTS, limit=16, seed=3)
    for name in ("npib", "cosine"):
        one = similarity(read, name, seed=3)
        assert same(analysis.layer_maps[name], layer_map(one))
        known = uncertainty(read, name, subsamples=4, seed=3)
        assert known is not None and same(analysis.similarities[name], replace(one, uncertainty=known))
    assert analysis.n_points == 16
    assert analysis.text_hashes == read.text_hashes == tuple(Text(point.text).hash for point in analysis.points)
    assert analysis.calibration == "lands.txt"
    assert analysis.summary.layers == 4


def test_a_measure_without_a_value_for_some_pair_has_no_layer_map(tiny_llama: LoadedModel) -> None:
    whole = similarity(collect(tiny_llama, TEXTS, limit=16), "cosine")
    values = whole.values.copy()
    assert has_map(whole)
    values[2, 3] = values[3, 2] = math.nan
    assert not has_map(replace(whole, values=values))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dims": 4}, "dims must be 2 or 3"),
        ({"dims": 2.0}, "dims must be 2 or 3"),
        ({"subsamples": 3}, "even number"),
        ({"subsamples": "32"}, "even number"),
        ({"parameters": {"npip": {"corrected": False}}}, "parameters are given for 'npip', which is neither"),
        ({"seed": -1}, "seed must be a whole number"),
    ],
)
def test_options_are_checked_before_any_work(tiny_llama: LoadedModel, options: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        analyze(tiny_llama, "no-such-file.txt", **options)


def test_a_seed_of_numpy_is_a_seed(tiny_llama: LoadedModel) -> None:
    options: dict[str, Any] = {"measures": ("cosine",), "points": "tokens", "limit": 9}
    of_numpy = analyze(tiny_llama, TEXTS, **options, seed=np.int64(3))  # type: ignore[arg-type]
    assert same(of_numpy, analyze(tiny_llama, TEXTS, **options, seed=3))


def test_texts_beyond_the_context_are_counted(tiny_llama: LoadedModel) -> None:
    context = tiny_llama.stack.text_config.max_position_embeddings
    # BOS and context - 1 bytes fit.
    long = (Text("x" * (context - 1)), Text("y" * context))
    texts = TextSet((*(Text(one) for one in sentences(3)), *long), "texts")
    assert analyze(tiny_llama, texts, measures=("cosine",)).cut == 1


def test_names_are_checked_before_any_work(tiny_llama: LoadedModel) -> None:
    with pytest.raises(BadInput, match="measure 'npip' is unknown; use some of npib"):
        analyze(tiny_llama, "no-such-file.txt", measures=("npip",))
    with pytest.raises(BadInput, match="embedding 'tsne' is unknown"):
        analyze(tiny_llama, "no-such-file.txt", embeddings=("tsne",))
    with pytest.raises(BadInput, match="nothing to compute"):
        analyze(tiny_llama, "no-such-file.txt", measures=())


def test_an_analysis_comes_back_as_it_was(analysis: Analysis, tmp_path: Path) -> None:
    values = analysis.similarities["npib"].values.copy()
    values[0, 1] = values[1, 0] = math.nan
    quality = {"trustworthiness": (math.nan, 0.5, 0.25, 1.0)}
    written = replace(
        analysis,
        similarities={"npib": replace(analysis.similarities["npib"], values=values, note="NaN for a reason")},
        embeddings={"pca": replace(analysis.embeddings["pca"], quality=quality)},
    )
    write_analysis(written, tmp_path / "deep" / "a")
    read = read_analysis(tmp_path / "deep" / "a")
    assert same(read, written)
    assert read.similarities["npib"].uncertainty is not None and set(read.layer_maps) == {"npib", "cosine"}


def test_nothing_is_overwritten_unasked_and_nothing_foreign_ever(analysis: Analysis, tmp_path: Path) -> None:
    write_analysis(analysis, tmp_path / "a")
    with pytest.raises(BadInput, match="not empty; choose another folder or say --overwrite"):
        write_analysis(analysis, tmp_path / "a")
    write_analysis(replace(analysis, seed=9), tmp_path / "a", overwrite=True)
    assert read_analysis(tmp_path / "a").seed == 9

    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "thesis.txt").write_text("years of work")
    with pytest.raises(BadInput, match=r"holds no analysis\.json, so it is not overwritten"):
        write_analysis(analysis, tmp_path / "papers", overwrite=True)
    (tmp_path / "a" / "thesis.txt").write_text("years of work")
    with pytest.raises(BadInput, match=r"also holds thesis\.txt"):
        write_analysis(analysis, tmp_path / "a", overwrite=True)
    for place in ("papers", "a"):
        assert (tmp_path / place / "thesis.txt").read_text() == "years of work"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "papers"]

    (tmp_path / "empty").mkdir()
    write_analysis(analysis, tmp_path / "empty")


def test_a_disk_that_refuses_leaves_what_was_there(analysis: Analysis, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    write_analysis(analysis, tmp_path / "a")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))  # no file may grow beyond 1000 bytes
    try:
        with pytest.raises(RunFailed, match="File too large"):
            write_analysis(replace(analysis, seed=9), tmp_path / "a", overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert read_analysis(tmp_path / "a").seed == 3
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def _drop_arrays(folder: Path) -> None:
    (folder / ARRAYS).unlink()


def _cut_arrays(folder: Path) -> None:
    (folder / ARRAYS).write_bytes((folder / ARRAYS).read_bytes()[:500])


def _cut_content(folder: Path) -> None:
    (folder / CONTENT).write_text((folder / CONTENT).read_text()[:100])


def _edit(folder: Path, key: str, value: object) -> None:
    content = json.loads((folder / CONTENT).read_text())
    (folder / CONTENT).write_text(json.dumps(content | {key: value}))


def _other_format(folder: Path) -> None:
    _edit(folder, "format", "mka-analysis/99")


def _fewer_points(folder: Path) -> None:
    _edit(folder, "points", [])


def _summary_of_something_else(folder: Path) -> None:
    _edit(folder, "summary", {"layers": 4})


class _Trap:
    """Unpickling it writes a file into the working directory."""

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("sprung"),))


def _pickled_array(folder: Path) -> None:
    np.savez(folder / ARRAYS, token_cosine=np.array([_Trap()], dtype=object))


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (_drop_arrays, "is damaged"),
        (_cut_arrays, "is damaged"),
        (_cut_content, "is damaged"),
        (_other_format, "is not of format mka-analysis/2"),
        (_fewer_points, "is damaged .*expected floats of shape"),
        (_summary_of_something_else, "is damaged"),
        (_pickled_array, "is damaged"),
    ],
)
def test_a_damaged_folder_is_refused_in_one_line(
    analysis: Analysis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: Callable[[Path], None], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_analysis(analysis, tmp_path / "a")
    harm(tmp_path / "a")
    with pytest.raises(BadInput, match=said) as raised:
        read_analysis(tmp_path / "a")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "sprung").exists()


def test_a_folder_without_an_analysis_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="holds no analysis"):
        read_analysis(tmp_path / "nowhere")


def test_reading_needs_no_torch(analysis: Analysis, tmp_path: Path) -> None:
    write_analysis(analysis, tmp_path / "a")
    code = (
        "import sys; from mka.workflows.analysis import read_analysis; "
        f"print(read_analysis({str(tmp_path / 'a')!r}).n_points, 'torch' in sys.modules, 'transformers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["16", "False", "False"]
