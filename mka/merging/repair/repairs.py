"""The repairs by name, and a merged model repaired by one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from types import MappingProxyType

import torch

from mka.errors import BadInput
from mka.merging.repair.cuts import Place, places_of
from mka.merging.repair.grafts import Graft, graft_of
from mka.merging.repair.linear import OF_THE_INPUT, OF_THE_OUTPUT, Form, mend
from mka.merging.repair.passes import batches_for
from mka.merging.repair.refit import UNITS, check_refits, refit
from mka.merging.repair.scale import length_ratio, lengthen
from mka.merging.repair.transplant import PASSES, transplant
from mka.merging.repair.values import enrich, values_of
from mka.merging.repair.work import Work
from mka.merging.repair.writers import Writer
from mka.models.evaluating import evaluating
from mka.models.loaded import LoadedModel
from mka.objects.plan import MergePlan
from mka.objects.progress import Cancel, Progress
from mka.objects.receipt import Repaired
from mka.objects.texts import TextSet


def _linear(work: Work, sites: Sequence[tuple[Place, Writer]], form: Form) -> None:
    """Each site in its turn, front to back, so that each sees what those before it have repaired."""
    work.expect(len(sites))
    for place, writer in sites:
        mend(work, place, writer, form)


def _linear_everywhere(work: Work) -> None:
    _linear(work, [(place, writer) for place in work.from_first_cut for writer in work.writers(place)], OF_THE_INPUT)


def _linear_at_cuts(work: Work) -> None:
    _linear(work, [(place, work.writers(place)[-1]) for place in work.cuts], OF_THE_INPUT)


def _replaceme(work: Work) -> None:
    _linear(work, [(place, work.writers(place)[-1]) for place in work.cuts], OF_THE_OUTPUT)


@dataclass(frozen=True)
class _Step:
    """Something that is done at one part of one place, and how many passes of the texts it takes."""

    passes: int
    carry_out: Callable[[], object]


def _transplant(work: Work) -> None:
    """At each cut, part by part, what can move moves; whatever cannot is mended by maps."""
    _in_turn(work, [step for place, writer, graft in _parts(work) for step in _moving(work, place, writer, graft)])


def _refit(work: Work) -> None:
    """The same, and each layer is fitted as a whole when all that could move into it has."""
    found = _parts(work)
    for place in work.from_first_cut:
        check_refits(work, place)
    steps: list[_Step] = []
    for place, parts in groupby(found, key=lambda part: part[0]):
        steps += [step for _, writer, graft in parts for step in _moving(work, place, writer, graft)]
        steps.append(_Step(UNITS, partial(refit, work, place)))
    _in_turn(work, steps)


def _in_turn(work: Work, steps: Sequence[_Step]) -> None:
    work.expect(sum(step.passes for step in steps))
    for step in steps:
        step.carry_out()


def _parts(work: Work) -> list[tuple[Place, Writer, Graft | None]]:
    sites = [(place, writer) for place in work.from_first_cut for writer in work.writers(place)]
    return [(place, writer, graft_of(work, place, writer)) for place, writer in sites]


def _moving(work: Work, place: Place, writer: Writer, graft: Graft | None) -> list[_Step]:
    if graft is None:
        return [_Step(1, partial(mend, work, place, writer, OF_THE_INPUT))]
    steps = [_Step(PASSES, partial(transplant, work, graft))]
    values = values_of(work, graft) if graft.heads else None
    if values is not None:
        steps.append(_Step(1, partial(enrich, work, graft, values)))
    return steps


def _scale(work: Work) -> None:
    """Cut by cut, front to back: what stands before a later cut is lengthened again by what is still missing there."""
    work.expect(len(work.cuts))
    modules = [
        [(work.path(place, writer.name), writer.module) for writer in work.writers(place)]
        for place in work.places[: work.cuts[-1].number + 1]
    ]
    for cut in work.cuts:
        ratio = length_ratio(work.source, work.merged, cut, work.batches, work.step)
        if ratio.value != 1:
            before = [module for place in modules[: cut.number + 1] for module in place]
            for name in lengthen(work.merged, ratio.value, before, work.batches[0]):
                earlier = work.done[name].strength if name in work.done else 1.0
                work.note(name, earlier * ratio.value, ratio.left)


CARRY_OUT: Mapping[str, Callable[[Work], None]] = MappingProxyType(
    {
        "scale": _scale,
        "linear": _linear_everywhere,
        "linear-cut": _linear_at_cuts,
        "replaceme": _replaceme,
        "transplant": _transplant,
        "refit": _refit,
    }
)
"""What changes the merged model of a work in place, by the names of `mka.objects.repairs.REPAIRS`."""


def repaired(
    name: str,
    source: LoadedModel,
    merged: LoadedModel,
    plan: MergePlan,
    texts: TextSet,
    progress: Progress,
    cancel: Cancel | None,
) -> tuple[Repaired, ...]:
    """Repair `merged`, which `plan` made of `source`, in place; returns the tensors that were repaired.

    Nothing is repaired where the plan cuts nothing. BadInput where the architecture cannot be, or the plan cuts
    before the first layer, or there are too few texts, or on a device without float64; RunFailed where a model puts out
    NaN; Cancelled.
    """
    if torch.device(merged.device).type == "mps":
        raise BadInput("a repair is reckoned in float64, which mps does not know; use --device cpu (device=)")
    work = Work(source, merged, places_of(plan), batches_for(merged, texts), progress, cancel)
    if work.cuts:
        with evaluating(source.network, merged.network):  # parts of them are also copied, and run on their own
            CARRY_OUT[name](work)
        progress("repair", work.total, work.total)
    return tuple(work.done.values())
