"""The repairs by name, and a merged model repaired by one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from torch import Tensor

from mka.errors import BadInput
from mka.merging.repair.cuts import Place, places_of
from mka.merging.repair.linear import OF_THE_INPUT, OF_THE_OUTPUT, Form, Missing
from mka.merging.repair.passes import Batch, batches_for
from mka.merging.repair.scale import length_ratio, lengthen
from mka.merging.repair.writers import Writer, writers_of
from mka.merging.shells import set_tensor
from mka.models.loaded import LoadedModel
from mka.objects.plan import MergePlan
from mka.objects.progress import Cancel, Progress
from mka.objects.receipt import Repaired
from mka.objects.texts import TextSet

NONE = "none"


@dataclass
class Work:
    """A merged model under repair; `merged` is changed in place, in tensors of its own, and `source` stays.

    done: what was repaired so far, by the name of the tensor in the merged model; the last change counts
    """

    source: LoadedModel
    merged: LoadedModel
    places: tuple[Place, ...]
    batches: tuple[Batch, ...]
    progress: Progress
    cancel: Cancel | None
    steps: int = 0
    total: int = 0
    done: dict[str, Repaired] = field(default_factory=dict)

    @property
    def cuts(self) -> tuple[Place, ...]:
        return tuple(place for place in self.places if place.changed)

    @property
    def from_first_cut(self) -> tuple[Place, ...]:
        return self.places[self.cuts[0].number :]

    def writers(self, place: Place) -> tuple[Writer, ...]:
        return writers_of(self.merged, place.number, self.batches[0])

    def path(self, place: Place, writer: Writer) -> str:
        return f"{self.merged.stack.path}.{place.number}.{writer.name}"

    def expect(self, passes: int) -> None:
        """How many passes of the texts there will be."""
        self.total = passes * len(self.batches)
        self.progress("repair", 0, self.total)

    def step(self) -> None:
        """Before each batch of a pass."""
        if self.cancel is not None:
            self.cancel.check()
        self.progress("repair", self.steps, self.total)
        self.steps += 1

    def put(self, name: str, value: Tensor) -> None:
        """`value` float64 in the place of the parameter `name`, at its dtype and device."""
        old = self.merged.network.get_parameter(name)
        set_tensor(self.merged.network, name, value.to(old.device, old.dtype))

    def note(self, name: str, strength: float, left: float) -> None:
        self.done[name] = Repaired(name, strength, left)


def _linear(work: Work, sites: Sequence[tuple[Place, Writer]], form: Form) -> None:
    """Each site in its turn, front to back, so that each sees what those before it have repaired."""
    measure = Missing(work.source, work.merged, work.batches, work.step)
    work.expect(len(sites))
    for place, writer in sites:
        fit = measure.fit(place, writer, form)
        if fit.map is None:
            continue
        path = work.path(place, writer)
        matrix, bias = form.fold(writer, fit.map)
        work.put(f"{path}.weight", writer.as_stored(matrix))
        work.note(f"{path}.weight", fit.penalty, fit.left)
        if bias is not None:
            work.put(f"{path}.bias", bias)
            work.note(f"{path}.bias", fit.penalty, fit.left)


def _linear_everywhere(work: Work) -> None:
    _linear(work, [(place, writer) for place in work.from_first_cut for writer in work.writers(place)], OF_THE_INPUT)


def _linear_at_cuts(work: Work) -> None:
    _linear(work, [(place, work.writers(place)[-1]) for place in work.cuts], OF_THE_INPUT)


def _replaceme(work: Work) -> None:
    _linear(work, [(place, work.writers(place)[-1]) for place in work.cuts], OF_THE_OUTPUT)


def _scale(work: Work) -> None:
    """Cut by cut, front to back: what stands before a later cut is lengthened again by what is still missing there."""
    work.expect(len(work.cuts))
    modules = [
        [(work.path(place, writer), writer.module) for writer in work.writers(place)]
        for place in work.places[: work.cuts[-1].number + 1]
    ]
    for cut in work.cuts:
        ratio = length_ratio(work.source, work.merged, cut, work.batches, work.step)
        if ratio.value != 1:
            before = [module for place in modules[: cut.number + 1] for module in place]
            for name in lengthen(work.merged, ratio.value, before, work.batches[0]):
                earlier = work.done[name].strength if name in work.done else 1.0
                work.note(name, earlier * ratio.value, ratio.left)


@dataclass(frozen=True)
class Repair:
    """A way to repair cuts.

    sentence:  what it does, for a person who chooses
    strength:  what `Repaired.strength` is of it
    carry_out: changes the merged model of the work in place
    """

    name: str
    sentence: str
    strength: str
    carry_out: Callable[[Work], None]


REPAIRS: Mapping[str, Repair] = MappingProxyType(
    {
        repair.name: repair
        for repair in (
            Repair(
                "scale",
                "Lengthen what was written to the residual stream before each cut (Prune&Comp, arXiv 2507.18212).",
                "factor",
                _scale,
            ),
            Repair(
                "linear",
                "From the first cut on, add to each projection that writes to the residual stream the ridge map from "
                "its input to what is missing behind its layer.",
                "penalty",
                _linear_everywhere,
            ),
            Repair(
                "linear-cut",
                "The same, of the down-projection before each cut alone.",
                "penalty",
                _linear_at_cuts,
            ),
            Repair(
                "replaceme",
                "At the down-projection before each cut, the ridge map of its output (ReplaceMe, arXiv 2505.02819).",
                "penalty",
                _replaceme,
            ),
        )
    }
)


def check_repair(name: str, calibration: object) -> None:
    """BadInput for an unknown repair, one without calibration texts, and such texts without a repair."""
    if name != NONE and name not in REPAIRS:
        raise BadInput(f"repair {name!r} is unknown; use one of {', '.join((NONE, *REPAIRS))}")
    if name == NONE and calibration is not None:
        raise BadInput("calibration texts are read by a repair only; name one (such as linear) or leave the texts out")
    if name != NONE and calibration is None:
        raise BadInput(
            f"the repair {name} is worked out from calibration texts; name them with --calibration "
            "(calibration=), or merge with repair none"
        )


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
    before the first layer, or there are too few texts; RunFailed where a model puts out NaN; Cancelled.
    """
    work = Work(source, merged, places_of(plan), batches_for(merged, texts), progress, cancel)
    if work.cuts:
        REPAIRS[name].carry_out(work)
        progress("repair", work.total, work.total)
    return tuple(work.done.values())
