"""Bad input: one line on stderr, its exit code, nothing on stdout, nothing written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import typer

from mka.assets import asset
from mka.objects.plan import MergePlan
from mka.planning.files import write_plan
from mka.planning.planner import plan
from tests.cli.conftest import Bench
from tests.cli.runner import mka, refused
from tests.tiny import tiny_model_folder
from tests.workflows.builders import sentences, text_file


def plan_file(path: Path, *groups: dict[str, object], layers: int = 4) -> Path:
    """A plan file as a user may write it, unchecked."""
    content = MergePlan(layers).to_json() | {"groups": list(groups)}
    path.write_text(json.dumps(content))
    return path


def test_models_that_cannot_be_opened(bench: Bench, tmp_path: Path) -> None:
    assert "nowhere" in refused(mka("inspect", tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    assert "empty" in refused(mka("inspect", tmp_path / "empty"))

    shutil.copytree(bench.model, tmp_path / "cut")
    weights = tmp_path / "cut" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert "model.safetensors" in refused(mka("inspect", tmp_path / "cut", "--json", "-"))

    shutil.copytree(bench.model, tmp_path / "bare")
    (tmp_path / "bare" / "model.safetensors").unlink()
    assert "holds no weights" in refused(mka("inspect", tmp_path / "bare"))


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [("--dtype", "float8", "dtype 'float8' is unknown"), ("--device", "abacus", "device 'abacus' is unknown")],
)
def test_options_of_opening(bench: Bench, option: str, value: str, said: str) -> None:
    assert said in refused(mka("inspect", bench.model, option, value))


def test_calibration(bench: Bench, tmp_path: Path) -> None:
    assert "name a .txt, .jsonl or .csv file" in refused(mka("analyze", bench.model))
    assert "nowhere.txt" in refused(mka("analyze", bench.model, "--calibration", tmp_path / "nowhere.txt"))
    empty = tmp_path / "empty.txt"
    empty.write_text(" \n\n")
    assert "empty.txt is empty" in refused(mka("analyze", bench.model, "--calibration", empty))
    one = text_file(tmp_path / "one.txt", sentences(1))
    assert "at least 4 points, got 1" in refused(mka("analyze", bench.model, "--calibration", one))
    assert "at least 4 points, got 1" in refused(
        mka("plan", bench.model, "--strategy", "mka", "--remove", "1", "--calibration", one)
    )
    # One text is enough for what compares points one by one.
    assert mka("analyze", bench.model, "--calibration", one, "--measure", "cosine").code == 0


def test_names(bench: Bench, tmp_path: Path) -> None:
    words = ("analyze", bench.model, "--calibration", bench.calibration)
    assert "measure 'nmi' is unknown" in refused(mka(*words, "--measure", "npib,nmi"))
    assert "--measure 'npib,'" in refused(mka(*words, "--measure", "npib,"))
    assert "embedding 'tsne' is unknown" in refused(mka(*words, "--embed", "tsne"))
    assert "points 'first' is unknown" in refused(mka(*words, "--points", "first"))
    assert "strategy 'best' is unknown" in refused(mka("plan", bench.model, "--strategy", "best", "--remove", "1"))
    words = ("evaluate", bench.model, "--text", bench.texts)
    assert "unknown tasks ['mmlu']" in refused(mka(*words, "--tasks", "perplexity,mmlu"))
    assert "divergence compares with the unmerged model" in refused(mka(*words, "--tasks", "divergence"))
    assert "choices needs questions" in refused(mka(*words, "--tasks", "choices"))


def test_plans_that_cannot_be_made(bench: Bench, tmp_path: Path) -> None:
    words = ("plan", bench.model)
    assert "--strategy and --remove, or --groups" in refused(mka(*words))
    assert "--strategy and --remove, or --groups" in refused(mka(*words, "--strategy", "mka"))
    by_hand = (*words, "--groups", "1-2")
    assert "leave out --strategy and --remove" in refused(mka(*by_hand, "--remove", "1"))
    assert "reads no --calibration" in refused(mka(*by_hand, "--calibration", bench.calibration))
    assert "no --field of one" in refused(mka(*by_hand, "--field", "said"))
    assert "give that with --analysis" in refused(mka(*by_hand, "--measure", "npib"))
    assert "holds npib, not cosine" in refused(mka(*by_hand, "--analysis", bench.analysis, "--measure", "cosine"))
    assert "names layer 9" in refused(mka(*words, "--groups", "1-9"))
    assert "overlap" in refused(mka(*words, "--groups", "0-2,2-3"))
    assert "can remove 1 to 2 of 4 layers, not 4" in refused(
        mka(*words, "--strategy", "mka", "--remove", "4", "--analysis", bench.analysis)
    )
    assert "holds npib, not cosine" in refused(
        mka(*words, "--strategy", "mka", "--remove", "1", "--analysis", bench.analysis, "--measure", "cosine")
    )
    by_analysis = (*words, "--strategy", "mka", "--remove", "1", "--analysis", bench.analysis)
    for option in (("--calibration", "x.txt"), ("--field", "said")):
        assert "not both" in refused(mka(*by_analysis, *option))
    assert "holds no analysis" in refused(mka(*words, "--strategy", "mka", "--remove", "1", "--analysis", tmp_path))
    assert "exists; choose another file or say --overwrite" in refused(
        mka(*words, "--groups", "1-2", "--out", bench.plan)
    )


def test_plans_that_cannot_be_carried_out(bench: Bench, tmp_path: Path) -> None:
    out = tmp_path / "m"

    def merge(path: Path, *more: str) -> str:
        line = refused(mka("merge", bench.model, path, "--out", out, *more))
        assert not out.exists()
        return line

    assert "no such plan file" in merge(tmp_path / "nowhere.json")
    assert "for 6 layers, but the model has 4" in merge(plan_file(tmp_path / "deep.json", layers=6))
    pair, other = {"layers": [0, 1], "weights": [0.5, 0.5]}, {"layers": [1, 2], "weights": [0.5, 0.5]}
    assert "overlap" in merge(plan_file(tmp_path / "overlap.json", pair, other))
    off = {"layers": [0, 1], "weights": [0.6, 0.6]}
    assert "weights sum to 1.2, not 1" in merge(plan_file(tmp_path / "off.json", off))
    (tmp_path / "text.json").write_text("layers 3 and 4")
    assert "is no JSON" in merge(tmp_path / "text.json")

    write_plan(plan(4, groups=[[1, 2]]), tmp_path / "bare.json")
    foreign = tiny_model_folder(tmp_path, seed=7)
    assert "made for another model" in refused(mka("merge", foreign, bench.plan, "--out", out))
    assert mka("merge", foreign, bench.plan, "--out", out, "--any-model").code == 0
    words = ("evaluate", foreign, "--plan", bench.plan, "--text", bench.texts)
    assert "made for another model" in refused(mka(*words))
    assert mka(*words, "--any-model", "--json", "-").json["model"]["layers"] == 3
    assert mka("merge", foreign, tmp_path / "bare.json", "--out", tmp_path / "n").code == 0


def test_a_repair_can_be_left_out_and_is_not_streamed(bench: Bench, tmp_path: Path) -> None:
    words = ("merge", bench.model, bench.plan, "--out", tmp_path / "m")
    for more in (("--repair", "linear"), ("--calibration", "demo")):
        assert "leave --stream out" in refused(mka(*words, "--stream", *more))
    assert mka(*words, "--repair", "none").code == 0


def test_a_repair_and_its_texts_come_together(bench: Bench, tmp_path: Path) -> None:
    words = ("merge", bench.model, bench.plan, "--out", tmp_path / "m")
    assert "name them with --calibration" in refused(mka(*words, "--repair", "linear"))
    assert "read by a repair only" in refused(mka(*words, "--calibration", "demo"))
    assert "'magic' is unknown; use one of none, scale" in refused(mka(*words, "--repair", "magic"))
    assert not (tmp_path / "m").exists()


def test_outputs_that_exist(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "note.txt").write_text("mine")
    words = ("analyze", bench.model, "--calibration", bench.calibration, "--out", tmp_path / "taken")
    assert "not empty" in refused(mka(*words))
    assert "so it is not overwritten" in refused(mka(*words, "--overwrite"))
    assert "exists already" in refused(mka("merge", bench.model, bench.plan, "--out", tmp_path / "taken"))
    assert "not overwritten" in refused(
        mka("merge", bench.model, bench.plan, "--out", tmp_path / "taken", "--overwrite")
    )
    assert "holds the model" in refused(mka("merge", bench.model, bench.plan, "--out", bench.model, "--overwrite"))
    assert (tmp_path / "taken" / "note.txt").read_text() == "mine"
    assert "is a folder; name a file" in refused(mka("inspect", bench.model, "--json", tmp_path))
    assert "is a file, so" in refused(mka("inspect", bench.model, "--json", tmp_path / "taken" / "note.txt" / "r.json"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["taken"]


def test_an_answer_goes_over_an_earlier_answer_only(bench: Bench, tmp_path: Path) -> None:
    nothing = tmp_path / "no-model"
    for content in ("my notes", "[1, 2]", '{"half": ', '{"two": 1}\n{"records": 2}', "\x00{", '{"a": "config"}'):
        place = tmp_path / "r.json"
        place.write_text(content)
        assert "holds no answer of mka, so it is not replaced" in refused(mka("inspect", nothing, "--json", place))
        assert place.read_text() == content
    for content in ("", '{"mka": "0.1.0", "an": "answer"}'):
        place.write_text(content)
        assert mka("inspect", bench.model, "--json", place).code == 0
        assert json.loads(place.read_text())["layers"] == 4


def test_an_answer_that_takes_its_place_meanwhile_stays(bench: Bench, tmp_path: Path) -> None:
    from mka.cli.command import command

    place = tmp_path / "r.json"
    with pytest.raises(typer.Exit) as left, command(str(place)) as run:
        place.write_text("my notes")
        run.answer({}, lambda console: None)
    assert left.value.exit_code == 2 and place.read_text() == "my notes"


def test_an_answer_goes_nowhere_into_what_a_command_reads_or_writes(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads, writes = "which this command reads", "want the same place"
    model, analysis, other = bench.model, bench.analysis, tmp_path / "link"
    other.symlink_to(model)
    text = tmp_path / "one.jsonl"
    text.write_text('{"text": "one"}\n')
    out = tmp_path / "out"
    config = model / "config.json"
    before = config.read_bytes()
    chosen = ("--strategy", "mka", "--remove", "1")
    for words, answer, said in (
        (("inspect", model), config, reads),
        (("inspect", model), model / "new" / "r.json", reads),
        (("inspect", other), config, reads),
        (("analyze", model, "--calibration", text), text, reads),
        (("analyze", model, "--calibration", bench.calibration, "--out", out), out, writes),
        (("analyze", model, "--calibration", bench.calibration, "--out", out), out / "analysis.json", writes),
        (("analyze", model, "--calibration", bench.calibration, "--out", out / "deep" / "a"), out, writes),
        (("plan", model, *chosen, "--analysis", analysis), analysis / "analysis.json", reads),
        (("plan", model, *chosen, "--calibration", text), text, reads),
        (("plan", model, "--groups", "1-2", "--out", out), out, writes),
        (("merge", model, bench.plan, "--out", out), bench.plan, reads),
        (("merge", model, bench.plan, "--out", out), out / "config.json", writes),
        (("evaluate", bench.checkpoint, "--against", model, "--text", bench.texts), config, reads),
        (("evaluate", model, "--plan", bench.plan, "--text", bench.texts), bench.plan, reads),
        (("evaluate", model, "--text", text), text, reads),
        (("evaluate", model, "--data", text), text, reads),
        (("evaluate", model, "--questions", text), text, reads),
        (("inspect", "demo"), asset("demo-model") / "config.json", reads),
    ):
        assert said in refused(mka(*words, "--json", answer)), (words, answer)
    assert config.read_bytes() == before and not out.exists()
    # A hub id is no folder here.
    monkeypatch.chdir(tmp_path)
    assert "cannot be fetched" in refused(mka("inspect", "owner/name", "--json", "owner/name/r.json"))


def test_what_can_be_checked_is_checked_before_a_model_is_read(bench: Bench, tmp_path: Path) -> None:
    nothing = tmp_path / "no-model"
    taken = bench.analysis
    calibrated = ("--calibration", bench.calibration)
    long = tmp_path / ("x" * 300)
    for words, said in (
        (("analyze", nothing, *calibrated, "--out", long), "longer than the"),
        (("analyze", nothing, *calibrated, "--json", long), "longer than the"),
        (("merge", nothing, bench.plan, "--out", long), "longer than the"),
        (("plan", nothing, "--groups", "1-2", "--out", long), "longer than the"),
        (("analyze", nothing, *calibrated, "--out", taken), "not empty"),
        (("analyze", nothing, *calibrated, "--json", taken), "is a folder"),
        (("merge", nothing, bench.plan, "--out", taken), "exists already"),
        (("plan", nothing, "--groups", "1-2", "--out", bench.plan), "exists; choose another"),
        (("plan", nothing, "--strategy", "mka", "--remove", "1", "--analysis", tmp_path), "holds no analysis"),
        (("evaluate", nothing, "--text", tmp_path / "no-text"), "no-text"),
    ):
        assert said in refused(mka(*words))
    assert "no-model" in refused(mka("analyze", nothing, *calibrated))


def test_a_disk_that_fills(bench: Bench, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    words = ("analyze", bench.model, "--calibration", bench.calibration)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, hard))
    try:
        assert "could not be written" in refused(mka(*words, "--out", tmp_path / "new" / "a"), code=1)
        assert "could not be written" in refused(mka(*words, "--json", tmp_path / "new" / "r.json"), code=1)
        assert "could not be written" in refused(mka("merge", bench.model, bench.plan, "--out", tmp_path / "m"), code=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_no_text_that_calibrated_judges(bench: Bench, tmp_path: Path) -> None:
    said = "also calibrated the plan"
    words = ("--tasks", "perplexity", "--text", bench.calibration)
    assert said in refused(mka("evaluate", bench.model, "--plan", bench.plan, *words))
    # The checkpoint was made earlier; its plan came along.
    assert said in refused(mka("evaluate", bench.checkpoint, "--against", bench.model, *words))
    assert said in refused(mka("evaluate", bench.checkpoint, *words))
    # Said before the model is read, which can take long.
    (tmp_path / "model").mkdir()
    assert said in refused(mka("evaluate", tmp_path / "model", "--plan", bench.plan, *words))
    # The unmerged model has no calibration.
    assert mka("evaluate", bench.model, *words).code == 0


def test_evaluation_data(bench: Bench) -> None:
    assert "--data, or --text and --questions" in refused(mka("evaluate", bench.model))
    assert "give it, or --text and --questions" in refused(
        mka("evaluate", bench.model, "--data", bench.questions, "--text", bench.texts)
    )
    assert "is no csv file" in refused(mka("evaluate", bench.model, "--data", bench.texts, "--tasks", "choices"))
    assert list(mka("evaluate", bench.model, "--data", bench.texts, "--json", "-").json["tasks"]) == ["perplexity"]
    assert "5 shots asked, but subject 'hills' has 2" in refused(
        mka("evaluate", bench.model, "--questions", bench.questions, "--shots", "5")
    )


def test_usage_errors_are_typers_own(bench: Bench) -> None:
    for words in (
        ("analyse",),
        ("inspect",),
        ("inspect", bench.model, "--what"),
        ("plan", bench.model, "--remove", "0"),
    ):
        seen = mka(*words)
        assert (seen.code, seen.out) == (2, ""), words
        assert "Error" in seen.err and "Traceback" not in seen.err


def test_what_nobody_foresaw_is_one_line_too() -> None:
    from mka.cli.command import explained
    from mka.errors import RunFailed

    assert explained(RunFailed("two\n  lines")) == ("two lines", 1)
    assert explained(KeyboardInterrupt())[1] == 130
    assert explained(OSError(28, "No space left on device", "x")) == (
        "x: No space left on device; nothing was left half-written", 1
    )  # fmt: skip
    for error in (MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried")):
        assert "memory is full" in explained(error)[0]
    assert explained(ValueError("odd")) == ("failed unexpectedly: ValueError: odd (MKA_DEBUG=1 shows where)", 1)
