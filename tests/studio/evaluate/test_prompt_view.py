"""Prompts that both models continue: what is kept of them in a visit."""

from __future__ import annotations

import time
from dataclasses import replace

from mka.objects.report import Generation
from mka.planning.planner import plan
from mka.studio.evaluate.prompt_view import remark_on
from mka.studio.jobs.jobs import JobQueue
from mka.studio.visits.desk import Continuation
from mka.studio.visits.visit import PROMPTS_KEPT, Visit

PLAN = plan(6, groups=[[1, 2], [4, 5]])


def made(prompt: str) -> Continuation:
    return Continuation("f", PLAN, Generation(prompt, "a", "b"))


def test_a_visit_keeps_the_last_prompts_the_latest_first():
    visit, queue = Visit(), JobQueue()
    for number in range(PROMPTS_KEPT + 2):
        job = queue.submit("prompt", "Continuing", lambda progress, cancel, number=number: made(str(number)))
        visit.followed.append(job.number)
        while job.active:
            time.sleep(0.005)
        visit.receive(queue)
    last = PROMPTS_KEPT + 1
    assert [one.generation.prompt for one in visit.prompts] == [str(last - back) for back in range(PROMPTS_KEPT)]
    assert visit.notice == ("done", "Continuing: done in 0 s.") and not visit.measured


def test_another_plan_is_named():
    assert remark_on(made("x"), PLAN) == ""
    assert remark_on(made("x"), plan(6, groups=[[2, 3]])) == "By another plan: layers 1–2, 4–5."
    mended = replace(PLAN, repair="linear")
    assert remark_on(made("x"), mended) == "By another plan: layers 1–2, 4–5."
    assert remark_on(replace(made("x"), plan=mended), PLAN) == "By another plan: layers 1–2, 4–5, repair linear."
