"""One person's work: what opening a model keeps, and how jobs end in it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

import pytest

from mka.errors import BadInput
from mka.planning.planner import plan
from mka.studio.jobs.jobs import JobQueue
from mka.studio.visits.desk import Desk, Outcome
from mka.studio.visits.visit import ASIDE_KEPT, VISITS_KEPT, Process, Visit
from tests.studio.builders import a_desk, a_report, a_summary
from tests.studio.run_builders import a_receipt


@pytest.fixture
def visit() -> Visit:
    """A visit with the example on its desk and a plan for it."""
    visit = Visit()
    visit.open(a_desk())
    assert visit.state is not None
    visit.state = visit.state.click_cell(1, 2).add_candidate()
    return visit


def ended(visit: Visit, work) -> None:
    """Let the visit follow `work` to its end."""
    queue = JobQueue()
    job = queue.submit("x", "The job", work)
    visit.followed.append(job.number)
    while job.active:
        time.sleep(0.005)
    visit.receive(queue)
    assert visit.followed == []


def test_the_same_model_opened_again_keeps_plan_and_analysis(visit: Visit):
    before = visit.state
    visit.open(Desk(a_summary()))
    assert before is not None and visit.state is not None
    assert (visit.state.plan, visit.state.past) == (before.plan, before.past)
    assert visit.desk is not None and visit.desk.similarities and not visit.desk.bundled


def test_another_model_begins_an_empty_plan(visit: Visit):
    visit.open(Desk(replace(a_summary(4), fingerprint="0" * 16)))
    assert visit.state is not None and visit.state.plan.groups == () and visit.state.plan.depth == 4
    assert visit.desk is not None and visit.desk.analysis is None


def test_a_model_that_comes_back_finds_its_plan_and_analysis(visit: Visit):
    assert visit.state is not None
    plan = visit.state.plan
    visit.open(Desk(replace(a_summary(4), fingerprint="0" * 16)))
    assert visit.state.plan.groups == ()
    visit.open(Desk(a_summary()))
    assert visit.state.plan == plan and visit.desk is not None and visit.desk.similarities


def test_another_analysis_of_the_same_texts_adds_to_the_first(visit: Visit):
    first = visit.desk
    assert first is not None and first.analysis is not None
    cosine = replace(first.analysis, similarities={"cosine": first.similarities["npib"]}, embeddings={})
    visit.open(Desk(a_summary(), cosine))
    assert set(visit.desk.similarities) == {*first.similarities, "cosine"}
    assert set(visit.desk.embeddings) == set(first.embeddings)
    visit.open(Desk(a_summary(), replace(cosine, calibration_key="other texts")))
    assert set(visit.desk.similarities) == {"cosine"} and not visit.desk.embeddings


def test_what_was_said_stays_on_its_page(visit: Visit):
    assert visit.state is not None
    visit.state = visit.state.click_cell(3, 3)
    assert visit.state.refusal
    said = visit.notice = ("done", "Opening demo: done in 2 s.")
    visit.leave_page(said)
    assert not visit.state.refusal and visit.notice is None


def test_what_was_said_meanwhile_and_what_failed_goes_with_the_person(visit: Visit):
    visit.notice = ("done", "The job: done in 2 s.")
    visit.leave_page(("done", "An earlier job: done in 1 s."))
    assert visit.notice == ("done", "The job: done in 2 s.")
    failed = visit.notice = ("failed", "The job failed: no such thing; name another")
    visit.leave_page(failed)
    assert visit.notice == failed


def test_what_a_strategy_found_by_trying_is_proposed_for_its_own_model_alone(visit: Visit):
    assert visit.state is not None
    found = replace(plan(6, strategy="truncate", remove=2), fingerprint="f" * 16)
    for fingerprint, proposed in (("f" * 16, found.groups), ("0" * 16, ())):
        queue = JobQueue()
        job = queue.submit(
            "plan", "Choosing", lambda progress, cancel, key=fingerprint: replace(found, fingerprint=key)
        )
        visit.state, visit.followed = visit.state.drop_candidate(), [job.number]
        while job.active:
            time.sleep(0.005)
        before = visit.state.plan
        visit.receive(queue)
        assert visit.state.candidate == proposed and visit.state.plan == before
    assert visit.notice == (
        "note", "What truncate found is for another model than the one that is open; it is let go.",
    )  # fmt: skip


def test_a_copy_of_a_visit_goes_its_own_way(visit: Visit):
    visit.measured, visit.followed = ["a run"], [3]
    copy = visit.copy()
    assert (copy.desk, copy.state, copy.measured) == (visit.desk, visit.state, ["a run"])
    assert copy.followed == [], "the job's end is waited for where it was begun"
    copy.open(Desk(replace(a_summary(4), fingerprint="0" * 16)))
    copy.measured.append("another run")
    assert visit.desk is not None and visit.desk.summary.layers == 6
    assert visit.measured == ["a run"] and not visit.aside


def test_a_visit_is_found_by_its_own_browser_only():
    process, mine = Process(), Visit(owner="mine")
    name = process.add(mine)
    assert process.find(name, "mine") is mine
    assert process.find(name, "yours") is None and process.find(name, "") is None
    assert process.find("another name", "mine") is None
    assert process.find(name, "mine") is mine, "asking for it must not lose it"


def test_the_visits_that_were_not_seen_for_longest_are_forgotten():
    process = Process()
    first, second, *_ = [process.add(Visit(owner="mine")) for _ in range(VISITS_KEPT)]
    process.find(first, "mine")
    process.add(Visit())
    assert process.find(first, "mine") is not None and process.find(second, "mine") is None


def test_each_end_of_a_job_is_one_sentence(visit: Visit):
    def fails(progress, cancel):
        raise BadInput("no such thing; name another")

    def stops(progress, cancel):
        cancel.request()
        cancel.check()

    for work, notice in (
        (fails, ("failed", "The job failed: no such thing; name another")),
        (stops, ("note", "The job: cancelled. Nothing was changed.")),
        (lambda progress, cancel: "It fits.", ("note", "It fits.")),
        (lambda progress, cancel: a_desk(4), ("done", "The job: done in 0 s.")),
    ):
        visit.notice = None
        ended(visit, work)
        assert visit.notice == notice
    assert visit.desk is not None and visit.desk.summary.layers == 4


def test_an_evaluated_plan_is_noted_once_and_last(visit: Visit):
    for run in ("first", "second", "first"):
        ended(visit, lambda progress, cancel, run=run: Outcome(plan(6, groups=[[1, 2]]), report=a_report(), run=run))
    ended(visit, lambda progress, cancel: Outcome(plan(6, groups=[[0, 1]])))
    assert visit.measured == ["second", "first"] and visit.run == "first"


def test_a_job_that_is_forgotten_is_not_waited_for(visit: Visit):
    visit.followed = [99]
    visit.receive(JobQueue())
    assert visit.followed == [] and visit.notice is None


def test_a_failure_is_not_hidden_by_the_end_of_the_next_job(visit: Visit):
    def fails(progress, cancel):
        raise BadInput("no such thing; name another")

    ended(visit, fails)
    ended(visit, lambda progress, cancel: "It fits.")
    assert visit.notice == ("failed", "The job failed: no such thing; name another\nIt fits.")
    visit.notice = None
    ended(visit, lambda progress, cancel: "It fits.")
    assert visit.notice == ("note", "It fits.")


def test_the_models_that_were_open_before_are_kept_as_far_as_the_last_few(visit: Visit):
    for number in range(ASIDE_KEPT + 2):
        visit.open(Desk(replace(a_summary(4), fingerprint=str(number) * 16)))
    assert list(visit.aside) == [str(number) * 16 for number in range(1, ASIDE_KEPT + 1)]
    visit.open(Desk(replace(a_summary(4), fingerprint="1" * 16)))
    visit.open(Desk(replace(a_summary(4), fingerprint="9" * 16)))
    assert list(visit.aside)[-1] == "1" * 16, "seen just now"


def test_a_checkpoint_is_known_to_the_visit_that_wrote_it_while_it_is_there(visit: Visit, tmp_path: Path):
    merged = plan(6, groups=[[1, 2]])
    receipt = a_receipt(merged)
    saved = replace(receipt, verified=0.0, folder=str(tmp_path / "mine"))
    (tmp_path / "mine").mkdir()
    ended(visit, lambda progress, cancel: Outcome(merged, receipt=receipt, saved=saved))
    assert visit.saved(Outcome(merged, receipt=receipt)) == saved
    assert visit.saved(None) is None and Visit().saved(Outcome(merged, receipt=receipt)) is None
    assert visit.saved(Outcome(merged, receipt=replace(receipt, hash="1" * 16))) is None, "of other weights"
    (tmp_path / "mine").rmdir()
    assert visit.saved(Outcome(merged, receipt=receipt)) is None


class Late(dict[str, Visit]):
    """Visits of which one is put back only when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.taken, self.release = threading.Event(), threading.Event()

    def pop(self, *arguments):
        found = super().pop(*arguments)
        self.taken.set()
        assert self.release.wait(30)
        return found


def test_a_visit_is_found_while_another_window_asks_for_it():
    visits, mine = Late(), Visit(owner="mine")
    process = Process(visits=visits)
    name = process.add(mine)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(process.find, name, "mine")
        assert visits.taken.wait(30)
        second = pool.submit(process.find, name, "mine")
        wait([second], timeout=0.2)  # it asks while the first has the visit in hand
        visits.release.set()
        assert first.result() is mine and second.result() is mine
