"""From an address back to the view that it names. Nothing is computed or loaded; what cannot be shown is said.

No streamlit here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from mka.errors import MkaError
from mka.objects.plan import MergePlan
from mka.objects.run import Run
from mka.store import Store
from mka.studio.selection.state import StudioState
from mka.studio.visits.address import Address, said
from mka.studio.visits.desk import Desk
from mka.studio.visits.visit import Visit
from mka.workflows.desks import PLAN_ID, KeptModel, keep_model, keep_plan, kept_model, kept_plan, plan_id
from mka.workflows.runs import KEY, Shelf


@dataclass(frozen=True)
class View:
    """What an address changes of a visit; None and "" leave it as it is.

    said: a sentence for each thing that the address names and that cannot be shown
    """

    desk: Desk | None = None
    measure: str = ""
    plan: MergePlan | None = None
    run: str = ""
    said: tuple[str, ...] = ()

    @property
    def moves(self) -> bool:
        """Whether another model or plan would be open than before."""
        return self.desk is not None or self.plan is not None


@dataclass(frozen=True)
class Sources:
    """Where a view is found: the user's store, the runs, and the example that came with the program."""

    store: Store
    runs: Shelf
    example: Callable[[], Desk]

    @property
    def gone(self) -> str:
        """What is said of something that the store does not have."""
        return "is not kept on this machine" if self.store.on else "is not kept, since this studio keeps nothing"


def view_of(address: Address, visit: Visit, sources: Sources) -> View:
    """What `visit` has to change to show what `address` names. A model that is not there leaves the rest unread."""
    desk, why = _desk(address, visit, sources)
    shown = visit.desk if desk is None else desk
    if why or shown is None:
        return View(desk, said=(why,) if why else ())
    run, no_run = _run(address.run, shown, sources)
    plan, no_plan = _plan(address.plan, None if desk else visit.state, shown, run, sources)
    measure, no_measure = _measure(address.measure, shown)
    return View(desk, measure, plan, "" if run is None else run.key, tuple(filter(None, (no_measure, no_plan, no_run))))


def show(view: View, visit: Visit) -> None:
    """Make the visit show it; undo leads back to the plan before."""
    if view.desk is not None:
        visit.open(view.desk)
    if view.plan is not None and visit.state is not None:
        visit.state = replace(visit.state.replace_plan(view.plan), message=None)
    visit.measure = view.measure or visit.measure
    visit.run = view.run or visit.run
    if view.said:
        visit.notice = ("refused", " ".join(view.said))


def address_of(visit: Visit, name: str, runs: Shelf) -> Address:
    """What leads back to what the visit, called `name`, shows now."""
    if visit.desk is None or visit.state is None:
        return Address(visit=name)
    plan = visit.state.plan
    run = runs.find(visit.run)
    mine = run is not None and (run.weights, run.plan.key) == (visit.desk.weights, plan.key)
    return Address(
        visit=name,
        model=visit.desk.summary.source,
        version=visit.desk.summary.fingerprint,
        measure=visit.measure_shown,
        plan=plan_id(plan) if plan.groups else "",
        run=visit.run if mine else "",
    )


def keep(visit: Visit, store: Store) -> str:
    """Put into the store what the visit's address names, where it is not there yet; returns why something of it will
    not be found after a restart, "" where all will."""
    if visit.state is not None and visit.state.plan.groups:
        keep_plan(store, visit.state.plan)
    desk = visit.desk
    if desk is not None and not desk.bundled and desk is not visit.kept and not store.problem:
        analyses = tuple(one for one in (desk.analysis, *desk.others) if one is not None)
        keep_model(store, KeptModel(desk.summary, desk.opening, analyses))
        visit.kept = None if store.problem else desk
    return store.problem


def _desk(asked: Address, visit: Visit, sources: Sources) -> tuple[Desk | None, str]:
    """Another desk than the visit's, None to leave it; and why the model is not there."""
    source = asked.model
    if visit.desk is not None and (not source or _is_meant(visit.desk, asked)):
        return None, ""
    aside = next((desk for desk, _ in visit.aside.values() if _is_meant(desk, asked)), None)
    if aside is not None:
        return aside, ""
    kept = kept_model(sources.store, source, asked.version) if source else None
    if kept is not None:
        return _desk_of(kept), ""
    which = (
        f"The model {said(source)}, version {said(asked.version)}," if asked.version else f"The model {said(source)}"
    )
    gone = f"{which} of this address {sources.gone}; open it on the Model page, then this link again."
    try:
        example = sources.example()
    except MkaError as error:
        return None, gone if source else f"The example cannot be shown: {error}"
    if not source or _is_meant(example, asked):
        return example, ""
    return (example if visit.desk is None else None), gone


def _is_meant(desk: Desk, asked: Address) -> bool:
    """Whether an address names this model: by its source, and by its version where it says one."""
    return (desk.summary.source, asked.version or desk.summary.fingerprint) == (asked.model, desk.summary.fingerprint)


def _desk_of(kept: KeptModel) -> Desk:
    first, *others = kept.analyses or (None,)
    rest = tuple(one for one in others if one is not None)
    return Desk(kept.summary, first, others=rest, opening=kept.opening)


def _run(key: str, desk: Desk, sources: Sources) -> tuple[Run | None, str]:
    """The run of this key; and why it cannot be shown."""
    if not key:
        return None, ""
    if not KEY.fullmatch(key):
        return None, f"This address names the run {said(key)}, which is no key of a run."
    run = sources.runs.find(key)
    if run is None:
        return None, f"The run {said(key[:8])} of this address {sources.gone}; evaluate its plan again."
    if run.fingerprint != desk.summary.fingerprint:
        return None, f"The run {said(key[:8])} of this address measured another model than {said(desk.summary.source)}."
    if run.weights != desk.weights:
        now = f"{said(desk.summary.source)} is open in {desk.summary.dtype}"
        return None, f"The run {said(key[:8])} of this address measured weights in {run.report.dtype}; {now}."
    return run, ""


def _plan(
    name: str, now: StudioState | None, desk: Desk, run: Run | None, sources: Sources
) -> tuple[MergePlan | None, str]:
    """Another plan than that of `now`, None to leave it; and why it cannot be opened."""
    if not name:
        unplanned = now is None or not now.plan.groups
        return (run.plan if run is not None and unplanned else None), ""
    if now is not None and now.plan.groups and plan_id(now.plan) == name:
        return None, ""
    if not PLAN_ID.fullmatch(name):
        return None, f"This address names the plan {said(name)}, which is no key of a plan."
    plan = kept_plan(sources.store, name)
    if plan is None and run is not None and plan_id(run.plan) == name:
        plan = run.plan
    if plan is None:
        return None, f"The plan {said(name)} of this address {sources.gone}; open its file on the Plan page."
    return _fitting(plan, desk)


def _fitting(plan: MergePlan, desk: Desk) -> tuple[MergePlan | None, str]:
    """The plan, or why it is none for the open model."""
    tried = StudioState.of(desk.summary).replace_plan(plan)
    return (None, f"The plan of this address cannot be opened: {tried.refusal}") if tried.refusal else (plan, "")


def _measure(name: str, desk: Desk) -> tuple[str, str]:
    """The measure, "" to leave it; and why it cannot be shown."""
    if not name or name in desk.similarities:
        return name, ""
    source = said(desk.summary.source)
    return "", f"This address names the measure {said(name)}, which is not computed for {source}."
