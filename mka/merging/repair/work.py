"""A merged model while it is repaired."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor, nn

from mka.errors import RunFailed
from mka.merging.repair.cuts import Place
from mka.merging.repair.parts import Part
from mka.merging.repair.passes import Batch
from mka.merging.repair.ridge import Fit
from mka.merging.repair.writers import Writer, as_stored, writers_of
from mka.merging.shells import set_tensor
from mka.models.loaded import LoadedModel
from mka.objects.progress import Cancel, Progress
from mka.objects.receipt import Repaired


@dataclass
class Work:
    """A merged model under repair; `merged` is changed in place, in tensors of its own, and `source` stays.

    done: what was repaired so far, by the name of the tensor in the merged model; the last change counts
    given:  by the same names, what layers that are gone gave (see `Repaired`)
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
    given: dict[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)

    @property
    def cuts(self) -> tuple[Place, ...]:
        return tuple(place for place in self.places if place.changed)

    @property
    def from_first_cut(self) -> tuple[Place, ...]:
        return self.places[self.cuts[0].number :]

    def writers(self, place: Place) -> tuple[Writer, ...]:
        return writers_of(self.merged, place.number, self.batches[0])

    def layer(self, place: Place) -> nn.Module:
        return self.merged.stack.layers[place.number]

    def path(self, place: Place, name: str) -> str:
        """The merged model's name of a module that is named from its layer."""
        return f"{self.merged.stack.path}.{place.number}.{name}"

    def expect(self, passes: int) -> None:
        """How many passes of the texts there will be."""
        self.total = passes * len(self.batches)
        self.progress("repair", 0, self.total)

    def step(self, batches: int = 1) -> None:
        """Before each batch of a pass, or so many of them."""
        self.go_on()
        self.progress("repair", self.steps, self.total)
        self.steps += batches

    def go_on(self) -> None:
        """Cancelled where the user wants no more of it."""
        if self.cancel is not None:
            self.cancel.check()

    def put_projection(self, place: Place, name: str, matrix: Tensor, bias: Tensor | None, fit: Fit) -> None:
        """The matrix (inputs, outputs) and bias of a projection, named from its layer; None leaves the bias.

        RunFailed where one is too large for the model's dtype.
        """
        module, path = self.layer(place).get_submodule(name), self.path(place, name)
        self.put(f"{path}.weight", as_stored(module, matrix), fit.penalty, fit.left)
        if bias is not None:
            self.put(f"{path}.bias", bias, fit.penalty, fit.left)

    def take_in(self, place: Place, part: Part, given: tuple[tuple[int, int], ...]) -> None:
        """From now on, heads or neurons of layers that are gone stand in a part of a layer; its writer's bias is no
        unit's."""
        names = [f"{reader}.{kind}" for reader in part.readers for kind in ("weight", "bias")]
        names.append(f"{part.writer.name}.weight")
        self.given |= {self.path(place, name): given for name in names}

    def put(self, name: str, value: Tensor, strength: float, left: float) -> None:
        """`value` in the place of the parameter `name`, at its dtype and device; the rest is as in `Repaired`."""
        old = self.merged.network.get_parameter(name)
        new = value.to(old.device, old.dtype)
        if not bool(new.isfinite().all()):
            raise RunFailed(
                f"the repair would write numbers into {name} that {str(old.dtype).removeprefix('torch.')} cannot hold; "
                "use --dtype float32 or bfloat16 (dtype=)"
            )
        set_tensor(self.merged.network, name, new)
        self.note(name, strength, left)

    def note(self, name: str, strength: float, left: float) -> None:
        self.done[name] = Repaired(name, strength, left, self.given.get(name, ()))
