"""Evaluations in the store: found again by another process, told apart, and never a traceback."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from mka.store import Store, open_store
from mka.workflows import runs
from mka.workflows.runs import KIND, Shelf, read_run, run_json, run_key
from tests.studio.builders import a_report, a_result
from tests.studio.run_builders import MODEL, TRIAL, a_run


def test_a_run_is_found_by_the_next_process():
    run = a_run()
    Shelf().add(run)
    later = Shelf()
    assert later.find(run.key) == run and later.of_model(MODEL) == (run,)
    assert later.of_model("0" * 16) == ()


def test_two_trials_of_one_plan_are_two_runs_and_the_same_again_is_one():
    shelf = Shelf()
    first, more = a_run(when="2026-01-01 00:00:00 UTC"), a_run(trial=replace(TRIAL, limit=80))
    again = replace(a_run(), when="2026-03-01 00:00:00 UTC")
    for run in (first, more, again):
        shelf.add(run)
    assert shelf.of_model(MODEL) == (more, again), "the latest last"
    assert Shelf().of_model(MODEL) == (more, again)


def test_the_key_holds_model_dtype_plan_trial_and_seed_and_nothing_else():
    run = a_run()
    keys = {
        run.key,
        run_key("0" * 16, run.plan, run.trial, run.report),
        run_key(MODEL, a_run([[2, 3]]).plan, run.trial, run.report),
        run_key(MODEL, run.plan, replace(run.trial, shots=1), run.report),
        run_key(MODEL, run.plan, run.trial, replace(run.report, seed=1)),
        run_key(MODEL, run.plan, run.trial, replace(run.report, dtype="bfloat16")),
    }
    assert len(keys) == 6
    texts = (("", ""), ("a", ""), ("b", ""), ("a", "1"), ("a", "2"))
    mended = {run_key(MODEL, run.plan, run.trial, run.report, *read) for read in texts}
    assert len(mended | keys) == 10, "texts go by their name and by what they say"
    elsewhere = replace(run.plan, provenance=replace(run.plan.provenance, measure="cosine"))
    assert run_key(MODEL, elsewhere, run.trial, run.report) == run.key


def test_the_texts_of_a_repair_survive_and_a_file_from_before_there_were_any_is_read():
    run = a_run(made=replace(a_run().plan, repair="linear"), calibration="12 texts of demo", texts="a key")
    Shelf().add(run)
    assert Shelf().find(run.key) == run and (run.calibration, run.texts) == ("12 texts of demo", "a key")
    for plain, new in ((a_run(), {"calibration", "texts"}), (a_run(calibration="12 texts of demo"), {"texts"})):
        older = {name: value for name, value in run_json(plain).items() if name not in new}
        assert read_run(plain.key, older) == plain


def test_provenance_and_what_has_no_value_survive():
    made = replace(a_run().plan, provenance=replace(a_run().plan.provenance, measure="npib", text_hashes=("h1",)))
    broken = replace(a_report(made.key), result=a_result("merged", math.nan, 0.9))
    Shelf().add(a_run(made=made, report=broken))
    (back,) = Shelf().of_model(MODEL)
    assert back.plan == made and math.isnan(back.report.result.perplexity.value)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: raw | {"format": "mka-run/2"},
        lambda raw: raw | {"report": None},
        lambda raw: raw | {"plan": {"format": "mka-plan/1"}},
        lambda raw: raw | {"trial": {"tasks": "perplexity"}},
        lambda raw: raw | {"seconds": "soon"},
        lambda raw: raw | {"fingerprint": "another"},
        lambda raw: {name: raw[name] for name in raw if name != "receipt"},
        lambda raw: [raw],
        lambda raw: None,
    ],
)
def test_what_cannot_be_read_is_no_run_and_stays_where_it_is(spoil):
    run = a_run()
    store = open_store()
    store.put(KIND, run.key, spoil(run_json(run)), {})
    assert Shelf().of_model(MODEL) == () and Shelf().find(run.key) is None
    assert store.holds(KIND, run.key), "another version of the program may read it"


def test_a_file_of_rubbish_is_no_run(store_folder: Path):
    (store_folder / f"{KIND}-{'a' * 64}.npz").write_bytes(b"rubbish")
    assert Shelf().of_model(MODEL) == () and Shelf().find("a" * 64) is None


@pytest.mark.parametrize("key", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n"])
def test_what_is_no_key_finds_nothing(key: str):
    assert Shelf().find(key) is None


def test_without_a_store_runs_live_in_the_process_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MKA_STORE", "off")
    shelf, run = Shelf(), a_run()
    shelf.add(run)
    assert shelf.of_model(MODEL) == (run,) and shelf.find(run.key) == run
    assert not shelf.lasting and Shelf().of_model(MODEL) == ()


def test_a_limit_that_is_no_size_keeps_nothing_and_breaks_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MKA_STORE_LIMIT", "much")
    shelf = Shelf()
    shelf.add(a_run())
    assert shelf.of_model(MODEL) == (a_run(),) and not shelf.lasting


def test_a_folder_that_takes_no_files_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MKA_STORE", str(tmp_path / "file" / "store"))
    shelf = Shelf()
    shelf.add(a_run())
    assert "cannot be written" in shelf.problem and len(shelf.of_model(MODEL)) == 1


def test_two_processes_write_at_once_and_both_runs_are_there(store_folder: Path):
    write = (
        "import sys; from tests.studio.run_builders import a_run; from mka.workflows.runs import Shelf\n"
        "for n in range(10): Shelf().add(a_run([[1, 2]] if sys.argv[1] == '1' else [[2, 3]]))"
    )
    environment = {**os.environ, "MKA_STORE": str(store_folder)}
    writers = [
        subprocess.Popen([sys.executable, "-c", write, one], env=environment, cwd=Path(__file__).parents[2])
        for one in ("1", "2")
    ]
    assert [writer.wait(120) for writer in writers] == [0, 0]
    assert {run.plan.groups[0].layers for run in Shelf().of_model(MODEL)} == {(1, 2), (2, 3)}


def test_a_run_is_plain_json():
    run = a_run()
    assert read_run(run.key, json.loads(json.dumps(run_json(run), allow_nan=False))) == run


def test_only_the_files_of_a_plan_are_read_for_it(monkeypatch: pytest.MonkeyPatch):
    mine, other = a_run([[1, 2]]), a_run([[2, 3]])
    theirs = replace(mine, fingerprint="0" * 16, key=run_key("0" * 16, mine.plan, mine.trial, mine.report))
    for run in (mine, other, theirs):
        Shelf().add(run)
    read, get = [], Store.get
    monkeypatch.setattr(Store, "get", lambda store, kind, key: read.append(key) or get(store, kind, key))
    shelf = Shelf()
    assert shelf.of_plan(MODEL, mine.plan.key) == (mine,) and read == [mine.key]
    assert {run.key for run in shelf.of_model(MODEL)} == {mine.key, other.key}
    assert read == [mine.key, other.key], "each file once"


def test_what_is_remembered_of_the_files_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(runs, "READ_KEPT", 2)
    kept = [a_run(trial=replace(TRIAL, limit=limit)) for limit in range(8, 12)]
    for run in kept:
        Shelf().add(run)
    shelf = Shelf()
    assert len(shelf.of_model(MODEL)) == 4 and len(shelf._read) == 2
    assert {run.key for run in shelf.of_model(MODEL)} == {run.key for run in kept}


def test_a_file_that_could_not_be_read_is_tried_again():
    run, store, shelf = a_run(), open_store(), Shelf()
    store.put(KIND, run.key, {"format": "mka-run/2"}, {})
    assert shelf.find(run.key) is None
    store.put(KIND, run.key, run_json(run), {})
    assert shelf.find(run.key) == run


def test_nobody_waits_while_another_page_reads_a_file(monkeypatch: pytest.MonkeyPatch):
    run, shelf, get = a_run(), Shelf(), Store.get
    Shelf().add(run)
    reading, release = threading.Event(), threading.Event()

    def slow(store: Store, kind: str, key: str):
        reading.set()
        assert release.wait(30)
        return get(store, kind, key)

    monkeypatch.setattr(Store, "get", slow)
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(shelf.of_model, MODEL)
        assert reading.wait(30)
        made = a_run([[3, 4]])
        shelf.add(made)
        assert shelf.find(made.key) == made
        release.set()
        assert found.result() == (run,)
