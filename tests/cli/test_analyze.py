"""What `mka analyze` says besides its values: how sure they are, what was read, and what came from the store."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mka.objects.measures import MEASURES
from mka.objects.methods import METHODS
from mka.workflows.analysis_files import read_analysis
from tests.cli.conftest import Bench
from tests.cli.runner import Seen, mka, refused
from tests.workflows.builders import sentences, text_file

SHOUT = "!" * 100


def analyze(bench: Bench, *words: str | Path, calibration: Path | None = None) -> Seen:
    return mka("analyze", bench.model, "--calibration", calibration or bench.calibration, *words)


def test_help_names_every_measure_and_method() -> None:
    said = " ".join(mka("analyze", "--help").out.split())
    assert all(name in said for name in (*MEASURES, *METHODS))


def test_every_figure_comes_with_how_sure_it_is(bench: Bench, tmp_path: Path) -> None:
    answer = analyze(
        bench, "--measure", "cosine,weights", "--subsamples", "8", "--out", tmp_path / "a", "--json", "-"
    ).json
    written = read_analysis(tmp_path / "a")
    known = written.similarities["cosine"].uncertainty
    assert known is not None and known.subsamples == 8
    cosine = answer["measures"]["cosine"]
    assert np.array_equal(cosine["stderr"], known.stderr) and np.array_equal(cosine["ranks"], known.ranks)
    assert (cosine["tau"], cosine["subsamples"]) == (known.tau, 8)
    weights = answer["measures"]["weights"]
    assert (weights["stderr"], weights["ranks"], weights["tau"], weights["subsamples"]) == (None, None, None, 0)
    assert set(answer["layer_maps"]) == {"cosine", "weights"} == set(written.layer_maps)
    assert np.array_equal(answer["layer_maps"]["cosine"]["coordinates"], written.layer_maps["cosine"].coordinates)


def test_the_table_shows_errors_ranks_and_how_steady_they_are(bench: Bench) -> None:
    seen = analyze(bench, "--measure", "cosine")
    known = analyze(bench, "--measure", "cosine", "--json", "-").json["measures"]["cosine"]
    low, high = known["ranks"][0]
    span = f"{low:.0f}" if round(low) == round(high) else f"{low:.0f}-{high:.0f}"
    row = next(line.split() for line in seen.out.splitlines() if line.startswith("0-1"))
    assert row == ["0-1", f"{known['adjacent'][0]:.3f}", "±", f"{known['stderr'][0][1]:.3f}", f"[{span}]"]
    assert len({line.index("±") for line in seen.out.splitlines()[1:4]}) == 1
    assert "cosine: two halves of the points " in seen.out and f"(Kendall's tau {known['tau']:.2f})" in seen.out
    plain = analyze(bench, "--measure", "cosine", "--subsamples", "0").out
    assert "±" not in plain and "tau" not in plain


def test_many_measures_stand_below_one_another(bench: Bench) -> None:
    names = ("npib", "cosine", "angular", "euclidean", "cka", "procrustes", "block-influence", "copula")
    out = analyze(bench, "--measure", ",".join(names), "--subsamples", "0").out
    heads = [line.split()[1:] for line in out.splitlines() if line.startswith("layers")]
    assert [name for head in heads for name in head] == list(names) and len(heads) == 2


def test_single_tokens_of_cut_texts(bench: Bench) -> None:
    seen = analyze(bench, "--points", "tokens", "--per-text", "3", "--longest", "20", "--json", "-")
    answer = seen.json
    assert (answer["kind"], answer["texts"], answer["points"]) == ("tokens", 12, 36)
    assert (answer["per_text"], answer["longest"], answer["cut"]) == (3, 20, 12)
    assert seen.err == "mka: 12 of 12 texts are longer than 20 tokens and were cut to them, as --longest says\n"
    assert "36 points in 12 texts" in analyze(bench, "--points", "tokens", "--per-text", "3").out


def test_a_field_and_duplicates(bench: Bench, tmp_path: Path) -> None:
    lines = [json.dumps({"text": "the same", "story": one}) for one in (*sentences(12), *sentences(2))]
    stories = text_file(tmp_path / "stories.jsonl", lines)
    answer = analyze(bench, "--field", "story", "--measure", "cosine", "--json", "-", calibration=stories).json
    assert (answer["texts"], answer["duplicates"]) == (12, 2)
    assert "2 left out that say the same" in analyze(bench, "--field", "story", calibration=stories).out


def test_maps_in_three_dimensions(bench: Bench, tmp_path: Path) -> None:
    analyze(bench, "--measure", "cosine", "--embed", "pca", "--dims", "3", "--out", tmp_path / "a")
    assert read_analysis(tmp_path / "a").embeddings["pca"].coordinates.shape == (4, 12, 3)


def test_the_split_that_judges_is_warned_of_loudly(bench: Bench, tmp_path: Path) -> None:
    words = ("--measure", "cosine", "--subsamples", "0")
    seen = analyze(bench, "--split", "test", *words, "--out", tmp_path / "a", calibration=bench.questions)
    first, said, last = seen.err.splitlines()
    assert first == last == f"mka: {SHOUT}" and said.startswith("mka: WARNING: ")
    warning = said.removeprefix("mka: WARNING: ")
    assert "test" in warning and str(bench.questions) in warning
    assert f"WARNING: {warning}" in seen.out.splitlines()
    assert read_analysis(tmp_path / "a").warning == warning
    silent = analyze(bench, *words, "--json", "-", calibration=bench.questions)
    assert (silent.json["split"], silent.json["warning"], silent.err) == ("dev", "", "")
    loud = analyze(bench, "--split", "test", *words, "--json", "-", calibration=bench.questions)
    assert (loud.json["split"], loud.json["warning"]) == ("test", warning) and SHOUT in loud.err


def test_a_plan_made_on_the_split_that_judges_is_warned_of_as_loudly(bench: Bench, tmp_path: Path) -> None:
    judged = tmp_path / "geography_test.csv"
    judged.write_text("".join(f'"{one}",a,b,c,d,A\n' for one in sentences(12)))
    words = (bench.model, "--calibration", judged, "--json", "-")
    said = mka("analyze", *words, "--measure", "cosine").err.splitlines()
    assert said[0] == said[2] == f"mka: {SHOUT}" and str(judged) in said[1]
    assert mka("plan", *words, "--strategy", "mka", "--remove", "1").err.splitlines()[:3] == said[:3]


def test_a_second_run_says_that_it_came_from_the_store(bench: Bench) -> None:
    first = analyze(bench, "--measure", "cosine", "--json", "-").json
    assert first["from_store"] == {"reading": False, "cosine": False}
    second = analyze(bench, "--measure", "cosine,angular", "--embed", "pca", "--json", "-").json
    assert second["from_store"] == {"reading": True, "cosine": True, "angular": False, "pca": False}
    assert second["measures"]["cosine"]["from_store"] and not second["measures"]["angular"]["from_store"]
    assert not second["embeddings"]["pca"]["from_store"]
    assert second["measures"]["cosine"]["values"] == first["measures"]["cosine"]["values"]
    third = analyze(bench, "--measure", "cosine,euclidean").out
    assert "from the store, computed 20" in third and ": cosine; computed now: euclidean" in third
    assert ": what was read; computed now: cka" in analyze(bench, "--measure", "cka").out


def test_texts_that_were_never_read_are_not_said_to_come_from_the_store(bench: Bench, tmp_path: Path) -> None:
    analyze(bench, "--measure", "cosine", "--json", "-")  # so that the model's summary is there
    other = text_file(tmp_path / "other.txt", sentences(9, first=300))
    seen = analyze(bench, "--measure", "cosine", calibration=other).out
    assert "9 texts of" in seen and "from the store" not in seen


def test_one_text_is_no_plural(bench: Bench, tmp_path: Path) -> None:
    one = text_file(tmp_path / "one.txt", sentences(1))
    assert f"\n1 text of {one}, " in analyze(bench, "--measure", "cosine", calibration=one).out


def test_a_store_that_cannot_be_written_is_one_note(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("MKA_STORE", str(tmp_path / "file" / "store"))
    seen = analyze(bench, "--measure", "cosine", "--json", "-")
    assert seen.code == 0 and seen.json["measures"]["cosine"]["adjacent"]
    assert seen.err.startswith("mka: results are not kept for next time: ") and seen.err.count("\n") == 1


def test_a_limit_of_the_store_that_is_no_size_is_refused(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MKA_STORE_LIMIT", "much")
    assert "MKA_STORE_LIMIT is 'much', which is no size" in refused(analyze(bench))


def test_an_odd_number_of_subsamples_is_refused_before_any_work(bench: Bench) -> None:
    assert "even number" in refused(analyze(bench, "--subsamples", "3"))
