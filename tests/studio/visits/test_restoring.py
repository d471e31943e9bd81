"""From an address to a view and back: what is shown again, what is said where it cannot be, what stays untouched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mka.errors import BadInput
from mka.objects.plan import MergePlan
from mka.objects.run import Trial
from mka.store import Store
from mka.studio.visits.address import Address
from mka.studio.visits.desk import Desk
from mka.studio.visits.restoring import Sources, View, address_of, keep, show, view_of
from mka.studio.visits.visit import Visit
from mka.workflows.desks import keep_plan, plan_id
from mka.workflows.opening import Opening
from mka.workflows.runs import Shelf, run_of
from tests.studio.builders import NASTY, a_desk, a_report, a_summary, an_analysis, on_other_texts

OTHER = replace(a_summary(4, "folder/other"), fingerprint="0" * 16)
"""Another model than the example: four layers."""
EXAMPLE = a_desk()


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sources:
    """A store of its own, which the runs find too."""
    monkeypatch.setenv("MKA_STORE", str(tmp_path / "store"))
    return Sources(Store(tmp_path / "store"), Shelf(), lambda: EXAMPLE)


@pytest.fixture
def worked(sources: Sources) -> Visit:
    """Somebody's visit: the example, a measure that is not the first, a plan of one group."""
    visit = Visit(owner="mine")
    show(view_of(Address(), visit, sources), visit)
    assert visit.state is not None
    visit.measure = "cosine"
    visit.state = visit.state.click_cell(1, 2).add_candidate()
    keep(visit, sources.store)
    return visit


def plan_of(visit: Visit) -> MergePlan:
    assert visit.state is not None
    return visit.state.plan


def opened(address: Address, sources: Sources) -> Visit:
    """What somebody else sees at `address`, with another process behind it."""
    visit = Visit(owner="yours")
    show(view_of(address, visit, replace(sources, runs=Shelf())), visit)
    return visit


def evaluated(visit: Visit, sources: Sources) -> str:
    """Let the visit have evaluated its plan; returns the key of the run."""
    trial = Trial(("perplexity",), "demo", 8, 0)
    run = run_of("f" * 16, plan_of(visit), trial, a_report(plan_of(visit).key), None, 1.0)
    sources.runs.add(run)
    visit.run = run.key
    return run.key


def test_an_address_without_words_shows_the_example(sources: Sources):
    visit = opened(Address(), sources)
    assert visit.desk is EXAMPLE and plan_of(visit).groups == () and visit.notice is None
    assert address_of(visit, "v", sources.runs) == Address("v", "demo", "npib", "", "", "f" * 16)


def test_an_address_leads_back_to_model_measure_plan_and_run(worked: Visit, sources: Sources):
    run = evaluated(worked, sources)
    link = address_of(worked, "v", sources.runs).permalink
    assert link == Address("", "demo", "cosine", plan_id(plan_of(worked)), run, "f" * 16)
    other = opened(link, sources)
    assert plan_of(other) == plan_of(worked), "with the texts that chose its layers"
    assert (other.measure_shown, other.run, other.notice) == ("cosine", run, None)
    assert address_of(other, "v", sources.runs) == replace(link, visit="v")


def test_what_was_opened_by_a_link_is_a_copy(worked: Visit, sources: Sources):
    before = plan_of(worked)
    other = opened(address_of(worked, "v", sources.runs), sources)
    assert other.state is not None
    other.state = other.state.click_cell(3, 4).add_candidate()
    assert plan_of(worked) == before and plan_of(other) != before


def test_a_visit_that_shows_what_its_address_says_is_left_alone(worked: Visit, sources: Sources):
    evaluated(worked, sources)
    view = view_of(address_of(worked, "v", sources.runs), worked, sources)
    assert not view.moves and not view.said


def test_undo_leads_back_to_the_plan_before_the_link(worked: Visit, sources: Sources):
    before = plan_of(worked)
    other = replace(before, groups=())
    worked.state = replace(worked.state, plan=other).click_cell(3, 4).add_candidate()
    keep(worked, sources.store)
    link = address_of(worked, "v", sources.runs)
    worked.state = worked.state.undo().click_cell(1, 2).add_candidate()
    mine = plan_of(worked)
    view = view_of(link, worked, sources)
    assert view.moves
    show(view, worked)
    assert [group.layers for group in plan_of(worked).groups] == [(3, 4)]
    assert plan_of(replace(worked, state=worked.state.undo())) == mine


def test_another_model_comes_back_from_the_store_with_its_analyses(sources: Sources):
    visit = Visit()
    analysis = replace(an_analysis(4), summary=OTHER)
    other = replace(on_other_texts(an_analysis(4)), summary=OTHER)
    visit.open(Desk(OTHER, analysis, others=(other,), opening=Opening(dtype="bfloat16")))
    assert visit.state is not None
    visit.state = visit.state.click_cell(0, 1).add_candidate()
    keep(visit, sources.store)
    again = opened(address_of(visit, "v", sources.runs), sources)
    assert again.desk is not None and again.desk.summary == OTHER and again.desk.opening.dtype == "bfloat16"
    assert [one.calibration for one in (again.desk.analysis, *again.desk.others) if one] == ["demo", "others.txt"]
    assert plan_of(again) == plan_of(visit)
    assert not again.desk.bundled


def test_a_desk_is_written_once_and_the_bundled_one_never(worked: Visit, sources: Sources):
    kinds = [entry.kind for entry in sources.store.entries()]
    assert kinds == ["plan"]
    worked.open(Desk(OTHER))
    keep(worked, sources.store)
    (desk,) = [entry.path for entry in sources.store.entries() if entry.kind == "desk"]
    desk.unlink()
    keep(worked, sources.store)
    assert not desk.exists()


def test_a_model_that_was_open_before_comes_back_from_the_visit(worked: Visit, sources: Sources):
    link = address_of(worked, "v", sources.runs)
    plan = plan_of(worked)
    worked.open(Desk(OTHER))
    view = view_of(link, worked, replace(sources, example=lambda: pytest.fail("the visit has it")))
    assert view.moves
    show(view, worked)
    assert worked.desk is not None and worked.desk.summary.source == "demo" and plan_of(worked) == plan


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"model": "no/such"}, "The model “no/such” of this address is not kept on this machine; open it on the Model"),
        ({"measure": "nonsense"}, "This address names the measure “nonsense”, which is not computed for “demo”."),
        ({"measure": "cka"}, "This address names the measure “cka”, which is not computed for “demo”."),
        ({"plan": "xyz"}, "This address names the plan “xyz”, which is no key of a plan."),
        (
            {"plan": "0" * 16},
            f"The plan “{'0' * 16}” of this address is not kept on this machine; open its file on the",
        ),
        ({"plan": "0" * 5000}, f"This address names the plan “{'0' * 60}…”, which is no key of a plan."),
        ({"plan": NASTY}, f"This address names the plan “{NASTY}”, which is no key of a plan."),
        ({"run": "../x"}, "This address names the run “../x”, which is no key of a run."),
        ({"run": "0" * 64}, "The run “00000000” of this address is not kept on this machine; evaluate its plan again."),
    ],
)
def test_a_bad_value_is_said_and_changes_nothing(words: dict[str, str], sentence: str, worked: Visit, sources: Sources):
    before = (worked.desk, worked.state, worked.measure, worked.run)
    view = view_of(Address(**words), worked, sources)
    assert not view.moves and len(view.said) == 1 and view.said[0].startswith(sentence)
    show(view, worked)
    assert worked.desk is before[0] and (worked.state, worked.measure, worked.run) == before[1:]
    assert worked.notice == ("refused", view.said[0])
    fresh = opened(Address(**words), sources)
    assert fresh.desk is EXAMPLE and plan_of(fresh).groups == () and fresh.notice == worked.notice


def test_each_bad_value_is_said(sources: Sources):
    visit = opened(Address(measure="x", plan="y", run="z"), sources)
    assert visit.notice is not None and [word for word in ("“x”", "“y”", "“z”") if word in visit.notice[1]] == [
        "“x”", "“y”", "“z”",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("plan", "why"),
    [
        (MergePlan(4, fingerprint="0" * 16), "That plan is for 4 layers, this model has 6"),
        (MergePlan(6, fingerprint="0" * 16), "That plan was made for another model with as many layers"),
    ],
)
def test_a_plan_of_another_model_or_depth_is_refused_in_words(plan: MergePlan, why: str, sources: Sources):
    visit = opened(Address(model="demo", plan=keep_plan(sources.store, plan)), sources)
    assert visit.notice is not None and visit.notice[1].startswith(f"The plan of this address cannot be opened: {why}")
    assert plan_of(visit).groups == ()


def test_a_run_of_another_model_is_refused_in_words(worked: Visit, sources: Sources):
    run = evaluated(worked, sources)
    visit = Visit()
    visit.open(Desk(OTHER))
    view = view_of(Address(model=OTHER.source, run=run), visit, sources)
    assert view == View(said=(f"The run “{run[:8]}” of this address measured another model than “folder/other”.",))


def test_a_run_alone_brings_its_plan(worked: Visit, sources: Sources):
    run = evaluated(worked, sources)
    assert plan_of(opened(Address(run=run), sources)) == plan_of(worked)
    view = view_of(Address(run=run), worked, sources)
    assert not view.moves, "a plan that is there is not replaced unasked"


def test_a_plan_that_only_its_run_still_has_is_found_there(worked: Visit, sources: Sources):
    run = evaluated(worked, sources)
    link = address_of(worked, "v", sources.runs)
    for entry in sources.store.entries():
        if entry.kind == "plan":
            entry.path.unlink()
    assert run == link.run and plan_of(opened(link, sources)) == plan_of(worked)


def test_a_run_of_another_plan_is_not_in_the_address(worked: Visit, sources: Sources):
    evaluated(worked, sources)
    assert worked.state is not None
    worked.state = worked.state.click_cell(3, 4).add_candidate()
    assert address_of(worked, "v", sources.runs).run == ""


def test_without_a_store_it_is_said_that_nothing_is_kept(tmp_path: Path):
    off = Sources(Store(tmp_path, 0), Shelf(), lambda: EXAMPLE)
    visit = opened(Address(model="demo", plan="0" * 16), off)
    assert visit.notice is not None
    assert visit.notice[1] == (
        f"The plan “{'0' * 16}” of this address is not kept, since this studio keeps nothing; open its file on the "
        "Plan page."
    )


def test_without_an_example_nothing_is_open_and_it_is_said_why(sources: Sources):
    def missing() -> Desk:
        raise BadInput("nothing lies there")

    visit = opened(Address(measure="npib"), replace(sources, example=missing))
    assert visit.desk is None and visit.notice == ("refused", "The example cannot be shown: nothing lies there")
    assert address_of(visit, "v", sources.runs) == Address(visit="v")


def revisions() -> list[Desk]:
    """Two revisions of one model of the hub, each with its analysis."""
    made = [replace(a_summary(4, "owner/name"), fingerprint=letter * 16) for letter in "12"]
    return [
        Desk(one, replace(an_analysis(4), summary=one), opening=Opening(revision=f"v{one.fingerprint[0]}"))
        for one in made
    ]


def test_a_link_leads_to_the_revision_that_it_was_made_of(sources: Sources):
    visit, links = Visit(), []
    for desk in revisions():
        visit.open(desk)
        keep(visit, sources.store)
        links.append(address_of(visit, "v", sources.runs).permalink)
    assert [one.desk.opening.revision for one in (opened(link, sources) for link in links) if one.desk] == ["v1", "v2"]
    show(view_of(links[0], visit, sources), visit)
    assert visit.desk is not None and visit.desk.opening.revision == "v1", "from what lay aside"
    undated = opened(replace(links[0], version=""), sources)
    assert undated.desk is not None and undated.desk.opening.revision == "v2", "the one that was kept last"
    gone = opened(replace(links[0], version="3" * 16), sources)
    assert gone.notice is not None and gone.notice[1].startswith(
        f"The model “owner/name”, version “{'3' * 16}”, of this address is not kept on this machine"
    )


def test_a_run_on_weights_of_another_type_is_said(worked: Visit, sources: Sources):
    run = evaluated(worked, sources)
    visit = Visit()
    visit.open(Desk(replace(a_summary(), dtype="bfloat16")))
    view = view_of(Address(model="demo", run=run), visit, sources)
    assert view.run == "" and view.said == (
        f"The run “{run[:8]}” of this address measured weights in float32; “demo” is open in bfloat16.",
    )
    visit.state, visit.run = worked.state, run
    assert address_of(visit, "v", sources.runs).run == ""


def test_a_store_that_cannot_be_written_is_said_until_it_can(tmp_path: Path):
    (tmp_path / "file").write_text("")
    visit = Visit()
    visit.open(Desk(OTHER))
    assert "cannot be written" in keep(visit, Store(tmp_path / "file" / "store"))
    assert keep(visit, Store(tmp_path / "store")) == ""
    assert [entry.kind for entry in Store(tmp_path / "store").entries()] == ["desk", "desk-latest"]
    assert visit.state is not None
    visit.state = visit.state.click_cell(1, 2).add_candidate()
    assert "cannot be written" in keep(visit, Store(tmp_path / "file" / "store")), "the plan alone"
