"""One person's work: what opening a model keeps, and how jobs end in it."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from mka.errors import BadInput
from mka.planning.planner import plan
from mka.studio.desk import Desk, Outcome
from mka.studio.jobs import JobQueue
from mka.studio.visit import Visit
from tests.studio.builders import a_desk, a_report, a_summary


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
    assert visit.state is before and visit.desk is not None and visit.desk.similarities and not visit.desk.bundled


def test_another_model_begins_an_empty_plan(visit: Visit):
    visit.open(Desk(replace(a_summary(4), fingerprint="0" * 16)))
    assert visit.state is not None and visit.state.plan.groups == () and visit.state.plan.depth == 4
    assert visit.desk is not None and visit.desk.analysis is None


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
        ended(visit, work)
        assert visit.notice == notice
    assert visit.desk is not None and visit.desk.summary.layers == 4


def test_an_evaluated_plan_is_noted_once_and_last(visit: Visit):
    first, second = plan(6, groups=[[1, 2]]), plan(6, groups=[[3, 4]])
    for one in (first, second, first):
        ended(visit, lambda progress, cancel, one=one: Outcome(one, report=a_report()))
    ended(visit, lambda progress, cancel: Outcome(plan(6, groups=[[0, 1]])))
    assert [key for _, key in visit.measured] == [second.key, first.key]


def test_a_job_that_is_forgotten_is_not_waited_for(visit: Visit):
    visit.followed = [99]
    visit.receive(JobQueue())
    assert visit.followed == [] and visit.notice is None
