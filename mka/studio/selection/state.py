"""The studio's one state: a plan, a selection of layers (dashed, only proposed), and how to go back.

Immutable; every transition is a pure method that returns the next state, and what cannot be done is
said in `message` while the plan stays as it was. No streamlit here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from mka.errors import BadInput
from mka.objects.model_summary import ModelSummary
from mka.objects.plan import MERGED, MergeGroup, MergePlan, Provenance
from mka.objects.repairs import NONE, REPAIRS
from mka.planning.compatible import check_compatible
from mka.studio.selection import regroup
from mka.studio.selection.naming import group_count, layer_words, listed, named, sentence
from mka.studio.selection.regroup import equal_group

HISTORY = 100
NOTHING_SEEN = Provenance()
UNSELECTED: Mapping[str, Any] = MappingProxyType({"candidate": (), "origin": NOTHING_SEEN, "picked": None})
"""The fields of a state in which nothing is selected."""


@dataclass(frozen=True)
class Message:
    """One sentence for the person; `refused` where nothing was done."""

    text: str
    refused: bool = False


@dataclass(frozen=True)
class Moment:
    """What undo brings back: the plan and the selection, as the fields of StudioState."""

    plan: MergePlan
    candidate: tuple[MergeGroup, ...]
    origin: Provenance
    picked: int | None


@dataclass(frozen=True)
class StudioState:
    """plan: the groups decided on; candidate: groups only proposed (dashed); origin: who chose the candidate or the
    picked layer, and which calibration texts that one had seen: an evaluation of the plan must not use them;
    picked: the one layer chosen while there is no candidate, the beginning of a block or of a set of layers;
    past, future: where undo and redo lead, the nearest moment last in `past` and first in `future`;
    layer_types, shape_classes: one per layer, empty where not known: what cannot be averaged is refused at once.
    """

    plan: MergePlan
    candidate: tuple[MergeGroup, ...] = ()
    origin: Provenance = field(default_factory=Provenance)
    message: Message | None = None
    picked: int | None = None
    past: tuple[Moment, ...] = ()
    future: tuple[Moment, ...] = ()
    layer_types: tuple[str, ...] = ()
    shape_classes: tuple[int, ...] = ()

    @classmethod
    def start(cls, depth: int, *, fingerprint: str | None = None, source: str | None = None) -> StudioState:
        """An empty plan for a bare depth."""
        return cls(MergePlan(depth, fingerprint=fingerprint, source=source))

    @classmethod
    def of(cls, summary: ModelSummary) -> StudioState:
        """An empty plan for a model."""
        begun = cls.start(summary.layers, fingerprint=summary.fingerprint or None, source=summary.source)
        classes = tuple(layer.shape_class for layer in summary.per_layer)
        return replace(begun, layer_types=summary.layer_types, shape_classes=classes)

    @property
    def selected(self) -> tuple[int, ...]:
        """The layers of the candidate, or the one picked layer; increasing."""
        if self.picked is not None:
            return (self.picked,)
        return tuple(sorted(layer for layers in self.candidate_layers for layer in layers))

    @property
    def candidate_layers(self) -> tuple[tuple[int, ...], ...]:
        """The layers of each candidate group, as the figures take them."""
        return tuple(group.layers for group in self.candidate)

    @property
    def with_candidate(self) -> MergePlan | None:
        """What the plan becomes when the candidate is added; None where there is none or it cannot be."""
        added = self.add_candidate()
        return None if added.refusal else added.plan

    @property
    def proposal(self) -> MergePlan | None:
        """The whole plan that a strategy proposes; None where none does, and where it cannot be."""
        return None if self._by_hand else self.with_candidate

    @property
    def displaced(self) -> tuple[MergeGroup, ...]:
        """The planned groups that adding the candidate takes out: those that share a layer with one chosen by hand,
        all of them for a strategy's."""
        if not self.candidate or self.held is not None:
            return ()
        if not self._by_hand:
            return self.plan.groups
        return tuple(
            planned
            for planned in self.plan.groups
            if any(_meet(planned.layers, candidate.layers) for candidate in self.candidate)
        )

    @property
    def held(self) -> int | None:
        """The group of the plan that the candidate is, layer by layer; None where it is another block."""
        if not self._by_hand or len(self.candidate) != 1:
            return None
        layers = self.candidate[0].layers
        return next((index for index, group in enumerate(self.plan.groups) if group.layers == layers), None)

    @property
    def refusal(self) -> str:
        """Why the last transition did nothing; "" where it did something."""
        return self.message.text if self.message is not None and self.message.refused else ""

    # The selection.

    def click_cell(self, row: int, column: int, seen: Provenance = NOTHING_SEEN) -> StudioState:
        """Propose the block between two layers; see `click_block`."""
        return self.click_block(min(row, column), max(row, column), seen)

    def click_block(self, first: int, last: int, seen: Provenance = NOTHING_SEEN) -> StudioState:
        """Propose layers first..last; the same block again adds it to the plan, or lets go of a group of the plan.

        `seen`: by which measure of which texts a person chose them.
        """
        if 0 <= first < last and self.candidate_layers == (tuple(range(first, last + 1)),):
            if self.held is not None:
                return self.drop_candidate()
            return self._add(_joined(self.origin, seen) if self._by_hand else self.origin)
        return self.drag_range(first, last, seen) if first <= last else self._refuse_block(first, last)

    def drag_range(self, first: int, last: int, seen: Provenance = NOTHING_SEEN) -> StudioState:
        """Propose the block between two layers, and never add it."""
        first, last = min(first, last), max(first, last)
        if first == last:
            return self._refuse(f"Layer {first} alone is no block: choose two different layers.")
        if not 0 <= first < last < self.plan.depth:
            return self._refuse_block(first, last)
        return self._select(range(first, last + 1), seen)

    def pick_layer(self, layer: int, seen: Provenance = NOTHING_SEEN) -> StudioState:
        """Choose one end of a block, or, if one is chosen, the other end; the same layer again takes it back."""
        if not 0 <= layer < self.plan.depth:
            return self._refuse(f"This model has no layer {layer}.")
        if self.picked is None:
            return self._select([layer], seen)
        if self.picked == layer:
            return self.drop_candidate()
        return self.drag_range(self.picked, layer, _joined(self.origin, seen))

    def toggle_layer(self, layer: int, seen: Provenance = NOTHING_SEEN) -> StudioState:
        """Put one layer into the selection or out of it; two or more of them are the candidate, gaps allowed.

        A proposal of a strategy, or of several groups, is no selection by hand: the layer begins a new one.
        """
        if not 0 <= layer < self.plan.depth:
            return self._refuse(f"This model has no layer {layer}.")
        goes_on = self.picked is not None or (len(self.candidate) == 1 and self._by_hand)
        before = self.selected if goes_on else ()
        layers = sorted({*before} ^ {layer})
        return self._select(layers, _joined(self.origin, seen) if before else seen)

    def hold_group(self, index: int) -> StudioState:
        """Select the layers of group `index` of the plan, or let go of them."""
        layers = self.plan.groups[index].layers
        return self.drop_candidate() if self.selected == layers else self._select(layers, NOTHING_SEEN)

    def propose(self, proposal: MergePlan) -> StudioState:
        """Show a strategy's groups as candidates; the plan stays until they are added."""
        if proposal.depth != self.plan.depth:
            return self._refuse(_other_depth(proposal, self.plan))
        name = proposal.provenance.strategy
        if not proposal.groups:
            return self._refuse(f"The strategy {name} proposes no group.")
        return self._then("", candidate=proposal.groups, origin=proposal.provenance, picked=None)

    def drop_candidate(self) -> StudioState:
        """Forget what is selected or proposed."""
        return self._then("", **UNSELECTED)

    # The plan.

    def add_candidate(self) -> StudioState:
        """Put the candidate into the plan, in the place of groups that share a layer with it.

        A strategy's proposal replaces the whole plan.
        """
        return self._add(self.origin)

    def _add(self, origin: Provenance) -> StudioState:
        if not self.candidate:
            return self._refuse("Nothing is proposed yet: click a cell or choose two layers.")
        if self.held is not None:
            return self._refuse(f"Layers {listed(self.candidate_layers)} are a group of the plan already.")
        said = f"Layers {listed(self.candidate_layers)} are in the plan now"
        gone = self.displaced
        kept = tuple(group for group in self.plan.groups if group not in gone)
        instead = f", in the place of {listed(group.layers for group in gone)}" if gone else ""
        provenance = _joined(self.plan.provenance, origin) if self._by_hand else origin
        return self._decide((*kept, *self.candidate), provenance, f"{said}{instead}.", **UNSELECTED)

    def remove_group(self, index: int) -> StudioState:
        """Take group `index` (counted in the plan's order) out of the plan."""
        return self._regroup(index, lambda group: (), "Removed the group {}.")

    def clear(self) -> StudioState:
        """Empty the plan."""
        if not self.plan.groups:
            return self._refuse("The plan is empty already.")
        return self._decide((), NOTHING_SEEN, "The plan is empty; undo brings it back.", **UNSELECTED)

    def split(self, index: int, at: int) -> StudioState:
        """Make two groups of group `index`, the second beginning at layer `at`; a part of one layer leaves the plan,
        unless it is dropped."""
        return self._regroup(index, lambda group: regroup.split(group, at), f"Split the group {{}} at layer {at}.")

    def join(self, index: int) -> StudioState:
        """Make one group of group `index` and the next one; layers between them stay."""
        if not 0 <= index < len(self.plan.groups) - 1:
            return self._refuse(f"There is no group after group {index + 1} to join with.")
        first, second = self.plan.groups[index : index + 2]
        between = range(first.layers[-1] + 1, second.layers[0])
        stays = f"; {layer_words(between)} between them stay{'s' if len(between) == 1 else ''}" if between else ""
        said = f"Joined {listed((first.layers, second.layers))}{stays}."
        return self._edit(index, index + 2, lambda: (regroup.join(first, second),), said)

    def set_weight(self, index: int, layer: int, weight: float) -> StudioState:
        """Give one layer of a group this merge weight; the others share the rest in their old ratios."""
        return self._regroup(index, lambda group: (regroup.weight_one(group, layer, weight),), "New weights for {}.")

    def set_weights(self, index: int, weights: Sequence[float]) -> StudioState:
        """Give a group new merge weights, scaled here to sum to 1."""
        return self._regroup(index, lambda group: (regroup.weight_all(group, weights),), "New weights for {}.")

    def set_method(self, index: int, method: str, survivor: int | None = None) -> StudioState:
        """Merge a group's layers by a method of METHODS, keep one of them (`survivor`, else the first), or drop all."""
        others = {"keep": "become one of them", "drop": "are dropped"}
        done = f"are {MERGED[method]}" if method in MERGED else others.get(method, "")
        return self._regroup(index, lambda group: (regroup.treat(group, method, survivor),), f"Layers {{}} {done}.")

    def set_repair(self, name: str) -> StudioState:
        """Ask for a repair of REPAIRS where the plan cuts, or for none; the layers and who chose them stay."""
        if not self.plan.groups:
            return self._refuse("The plan is empty: there is nothing to repair.")
        return self._decide(self.plan.groups, self.plan.provenance, "", name)

    def replace_plan(self, plan: MergePlan) -> StudioState:
        """Take a whole plan, as from a file; it must be for this model, or for any of its depth."""
        mine = self.plan.fingerprint
        if plan.depth != self.plan.depth:
            return self._refuse(_other_depth(plan, self.plan))
        if plan.fingerprint and mine and plan.fingerprint != mine:
            return self._refuse("That plan was made for another model with as many layers; open that model to use it.")
        if plan.repair not in (NONE, *REPAIRS):
            return self._refuse(
                f"That plan asks for the repair {plan.repair}, which is unknown here; known are {', '.join(REPAIRS)}."
            )
        said = f"Opened a plan with {group_count(plan.groups)}."
        return self._decide(plan.groups, plan.provenance, said, plan.repair, **UNSELECTED)

    # The way back.

    def undo(self) -> StudioState:
        """Back to the plan and the selection before the last change."""
        if not self.past:
            return self._refuse("There is nothing to undo.")
        return self._at(self.past[-1], self.past[:-1], (self._moment, *self.future))

    def redo(self) -> StudioState:
        """Forward again after undo."""
        if not self.future:
            return self._refuse("There is nothing to redo.")
        return self._at(self.future[0], (*self.past, self._moment), self.future[1:])

    @property
    def _by_hand(self) -> bool:
        return self.origin.strategy == "manual"

    @property
    def _moment(self) -> Moment:
        return Moment(self.plan, self.candidate, self.origin, self.picked)

    def _at(self, there: Moment, past: tuple[Moment, ...], future: tuple[Moment, ...]) -> StudioState:
        return replace(self, **vars(there), message=None, past=past, future=future)

    def _then(self, said: str, **changes: Any) -> StudioState:
        """The next state, one step further where the plan or the selection changes."""
        after = replace(self, **changes, message=Message(said) if said else None)
        if after._moment == self._moment:
            return after
        return replace(after, past=(*self.past, self._moment)[-HISTORY:], future=())

    def _select(self, layers: Sequence[int], seen: Provenance) -> StudioState:
        """Select these layers, increasing: none, one, or a candidate, which is shown also where it cannot be added."""
        if not layers:
            return self.drop_candidate()
        if len(layers) == 1:
            return self._then("", candidate=(), origin=seen, picked=layers[0])
        proposed = self._then("", candidate=(equal_group(tuple(layers)),), origin=seen, picked=None)
        refusal = "" if proposed.held is not None else proposed.add_candidate().refusal
        return proposed._refuse(refusal) if refusal else proposed

    def _regroup(self, index: int, change: Callable[[MergeGroup], tuple[MergeGroup, ...]], said: str) -> StudioState:
        """Put what `change` makes of group `index` in its place; the selection stays. `said` names the group at {}."""
        if not 0 <= index < len(self.plan.groups):
            return self._refuse(f"The plan has no group {index + 1}.")
        group = self.plan.groups[index]
        return self._edit(index, index + 1, lambda: change(group), said.format(named(group.layers)))

    def _edit(self, start: int, stop: int, change: Callable[[], tuple[MergeGroup, ...]], said: str) -> StudioState:
        """Put the groups that `change` makes in the place of groups start..stop - 1."""
        try:
            groups = (*self.plan.groups[:start], *change(), *self.plan.groups[stop:])
        except BadInput as error:
            return self._refuse(sentence(str(error)))
        if groups == self.plan.groups:
            return replace(self, message=None)
        return self._decide(groups, _edited(self.plan.provenance) if groups else NOTHING_SEEN, said)

    def _decide(
        self,
        groups: tuple[MergeGroup, ...],
        provenance: Provenance,
        said: str,
        repair: str | None = None,
        **selection: Any,
    ) -> StudioState:
        """The next state with these groups, or this one with the reason why not. repair: None to leave it; an empty
        plan has none."""
        repair = self.plan.repair if repair is None else repair
        try:
            plan = replace(self.plan, groups=groups, provenance=provenance, repair=repair if groups else NONE)
            if self.layer_types:
                check_compatible(plan, self.layer_types, self.shape_classes)
        except BadInput as error:
            return self._refuse(sentence(str(error)))
        return self._then(said, plan=plan, **selection)

    def _refuse_block(self, first: int, last: int) -> StudioState:
        return self._refuse(
            f"Layers {first} to {last} are no block here: "
            f"choose two layers from 0 to {self.plan.depth - 1}, the smaller first."
        )

    def _refuse(self, why: str) -> StudioState:
        return replace(self, message=Message(why, refused=True))


def _other_depth(plan: MergePlan, mine: MergePlan) -> str:
    return f"That plan is for {plan.depth} layers, this model has {mine.depth}; open the model that it was made for."


def _edited(provenance: Provenance) -> Provenance:
    """A plan changed by hand keeps the texts that chose its layers: evaluation must not use them."""
    return provenance if provenance.strategy == "manual" else replace(provenance, strategy="manual")


def _joined(before: Provenance, seen: Provenance) -> Provenance:
    """A choice by hand that goes on: every text that chose any of its layers stays named.

    The calibration key names one set of texts, so it is None where there are two.
    """
    if before == NOTHING_SEEN:
        return seen
    if not seen.text_hashes:
        return _edited(before)
    hashes = tuple(dict.fromkeys((*before.text_hashes, *seen.text_hashes)))
    same = not before.text_hashes or before.calibration_key == seen.calibration_key
    return replace(seen, calibration_key=seen.calibration_key if same else None, text_hashes=hashes)


def _meet(first: Sequence[int], second: Sequence[int]) -> bool:
    """Whether two groups may not stand in one plan: they share a layer, or one begins inside the other."""
    return first[0] <= second[-1] and second[0] <= first[-1]
