"""The studio's one state: a plan, a dashed candidate, and how to go back.

Immutable; every transition is a pure method that returns the next state, and what cannot be done is
said in `message` while the plan stays as it was. No streamlit here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from mka.errors import BadInput
from mka.objects.model_summary import ModelSummary
from mka.objects.plan import MergeGroup, MergePlan, Provenance
from mka.planning.compatible import check_compatible

HISTORY = 100
NOTHING_SEEN = Provenance()


@dataclass(frozen=True)
class Message:
    """One sentence for the person; `refused` where nothing was done."""

    text: str
    refused: bool = False


@dataclass(frozen=True)
class StudioState:
    """plan: the groups decided on; candidate: groups only proposed (dashed); origin: who proposed them, and
    which calibration texts that one had seen: an evaluation of the plan must not use them;
    picked: a layer clicked on the layer map, one end of a block whose other end is not chosen yet;
    layer_types, shape_classes: one per layer, empty where not known: what cannot be averaged is refused at once.
    """

    plan: MergePlan
    candidate: tuple[MergeGroup, ...] = ()
    origin: Provenance = field(default_factory=Provenance)
    message: Message | None = None
    picked: int | None = None
    past: tuple[MergePlan, ...] = ()
    future: tuple[MergePlan, ...] = ()
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
    def candidate_layers(self) -> tuple[tuple[int, ...], ...]:
        """The layers of each candidate group, as the figures take them."""
        return tuple(group.layers for group in self.candidate)

    @property
    def with_candidate(self) -> MergePlan | None:
        """What the plan becomes when the candidate is added; None where there is none or it cannot be."""
        added = self.add_candidate()
        return None if added.refusal else added.plan

    @property
    def refusal(self) -> str:
        """Why the last transition did nothing; "" where it did something."""
        return self.message.text if self.message is not None and self.message.refused else ""

    def click_cell(self, row: int, column: int, seen: Provenance = NOTHING_SEEN) -> StudioState:
        """Propose the block between two layers; the same block again adds it to the plan."""
        first, last = sorted((row, column))
        if first == last:
            return self._refuse(f"Layer {first} alone is no block: choose two different layers.")
        return self.click_block(first, last, seen)

    def click_block(self, first: int, last: int, seen: Provenance = NOTHING_SEEN) -> StudioState:
        """Propose layers first..last; the same block again adds it to the plan.

        `seen`: by which measure of which texts a person chose them.
        """
        if self.picked is not None:
            return replace(self, picked=None).click_block(first, last, seen)
        if not 0 <= first < last < self.plan.depth:
            return self._refuse(
                f"Layers {first} to {last} are no block here: "
                f"choose two layers from 0 to {self.plan.depth - 1}, the smaller first."
            )
        block = tuple(range(first, last + 1))
        if self.candidate_layers == (block,):
            return self.add_candidate()
        proposed = replace(self, candidate=(equal_group(block),), origin=seen, message=None)
        refusal = proposed.add_candidate().refusal
        return proposed._refuse(refusal) if refusal else proposed

    def pick_layer(self, layer: int, seen: Provenance = NOTHING_SEEN) -> StudioState:
        """Choose one end of a block, or, if one is chosen, the other end; the same layer again takes it back."""
        if not 0 <= layer < self.plan.depth:
            return self._refuse(f"This model has no layer {layer}.")
        if self.picked is None:
            said = Message(f"Layer {layer} is one end of a block: click the layer at its other end.")
            return replace(self, picked=layer, message=said)
        if self.picked == layer:
            return replace(self, picked=None, message=None)
        return self.click_cell(self.picked, layer, seen)

    @property
    def displaced(self) -> tuple[MergeGroup, ...]:
        """The planned groups that share a layer with a candidate chosen by hand: adding it takes them out."""
        if self.origin.strategy != "manual":
            return ()
        return tuple(
            planned
            for planned in self.plan.groups
            if any(_meet(planned.layers, candidate.layers) for candidate in self.candidate)
        )

    def propose(self, proposal: MergePlan) -> StudioState:
        """Show a strategy's groups as candidates; the plan stays until they are added."""
        if proposal.depth != self.plan.depth:
            return self._refuse(_other_depth(proposal, self.plan))
        name = proposal.provenance.strategy
        if not proposal.groups:
            return self._refuse(f"The strategy {name} proposes no group.")
        return replace(self, candidate=proposal.groups, origin=proposal.provenance, message=None, picked=None)

    def add_candidate(self) -> StudioState:
        """Put the candidate into the plan, in the place of groups that share a layer with it.

        A strategy's proposal replaces the whole plan.
        """
        if not self.candidate:
            return self._refuse("Nothing is proposed yet: click a cell or choose two layers.")
        from_strategy = self.origin.strategy != "manual"
        kept = tuple(group for group in self.plan.groups if group not in self.displaced)
        groups = self.candidate if from_strategy else (*kept, *self.candidate)
        provenance = self.origin if from_strategy else _joined(self.plan.provenance, self.origin)
        layers = listed(self.candidate_layers)
        return self._decide(groups, provenance, f"Layers {layers} are in the plan now.")

    def drop_candidate(self) -> StudioState:
        """Forget the proposal."""
        return replace(self, candidate=(), origin=NOTHING_SEEN, message=None, picked=None)

    def remove_group(self, index: int) -> StudioState:
        """Take group `index` (counted in the plan's order) out of the plan."""
        if not 0 <= index < len(self.plan.groups):
            return self._refuse(f"The plan has no group {index + 1}.")
        gone = self.plan.groups[index]
        rest = tuple(group for group in self.plan.groups if group is not gone)
        return self._decide(rest, _edited(self.plan.provenance), f"Removed the group {named(gone.layers)}.", keep=True)

    def clear(self) -> StudioState:
        """Empty the plan."""
        if not self.plan.groups:
            return self._refuse("The plan is empty already.")
        return self._decide((), NOTHING_SEEN, "The plan is empty; undo brings it back.")

    def set_weights(self, index: int, weights: Sequence[float]) -> StudioState:
        """Give a group new merge weights, scaled here to sum to 1."""
        if not 0 <= index < len(self.plan.groups):
            return self._refuse(f"The plan has no group {index + 1}.")
        group = self.plan.groups[index]
        total = sum(weights)
        if group.method != "average" or len(weights) != len(group.layers):
            wants = len(group.layers) if group.method == "average" else "no"
            return self._refuse(f"The group {named(group.layers)} takes {wants} weights.")
        if not total > 0 or min(weights) < 0:
            return self._refuse("Weights must not be negative and at least one must be above 0.")
        changed = replace(group, weights=tuple(weight / total for weight in weights))
        if max(abs(a - b) for a, b in zip(changed.weights, group.weights, strict=True)) < 1e-9:
            return self
        groups = tuple(changed if i == index else old for i, old in enumerate(self.plan.groups))
        return self._decide(groups, _edited(self.plan.provenance), f"New weights for {named(group.layers)}.", keep=True)

    def replace_plan(self, plan: MergePlan) -> StudioState:
        """Take a whole plan, as from a file; it must be for this model, or for any of its depth."""
        mine = self.plan.fingerprint
        if plan.depth != self.plan.depth:
            return self._refuse(_other_depth(plan, self.plan))
        if plan.fingerprint and mine and plan.fingerprint != mine:
            return self._refuse("That plan was made for another model with as many layers; open that model to use it.")
        return self._decide(plan.groups, plan.provenance, f"Opened a plan with {_count(plan.groups)}.")

    def undo(self) -> StudioState:
        """Back to the plan before the last change."""
        if not self.past:
            return self._refuse("There is nothing to undo.")
        return replace(
            self, plan=self.past[-1], past=self.past[:-1], future=(self.plan, *self.future), candidate=(), message=None
        )

    def redo(self) -> StudioState:
        """Forward again after undo."""
        if not self.future:
            return self._refuse("There is nothing to redo.")
        return replace(
            self, plan=self.future[0], past=(*self.past, self.plan), future=self.future[1:], candidate=(), message=None
        )

    def _decide(
        self, groups: tuple[MergeGroup, ...], provenance: Provenance, said: str, *, keep: bool = False
    ) -> StudioState:
        """The next state with these groups, or this one with the reason why not."""
        try:
            plan = replace(self.plan, groups=groups, provenance=provenance)
            if self.layer_types:
                check_compatible(plan, self.layer_types, self.shape_classes)
        except BadInput as error:
            return self._refuse(_sentence(str(error)))
        past = (*self.past, self.plan)[-HISTORY:]
        kept = (self.candidate, self.origin) if keep else ((), NOTHING_SEEN)
        return replace(self, plan=plan, candidate=kept[0], origin=kept[1], message=Message(said), past=past, future=())

    def _refuse(self, why: str) -> StudioState:
        return replace(self, message=Message(why, refused=True))


def _other_depth(plan: MergePlan, mine: MergePlan) -> str:
    return f"That plan is for {plan.depth} layers, this model has {mine.depth}; open the model that it was made for."


def equal_group(layers: tuple[int, ...]) -> MergeGroup:
    """A group that averages its layers with equal weights."""
    return MergeGroup(layers, (1 / len(layers),) * len(layers))


def one_line(plan: MergePlan) -> str:
    """A plan as the sidebar says it."""
    if not plan.groups:
        return f"empty, {plan.depth} layers stay"
    return f"{plan.depth} → {plan.layers_after} layers: {listed(group.layers for group in plan.groups)}"


def listed(blocks: Iterable[Sequence[int]]) -> str:
    """Several blocks of layers in a line."""
    return ", ".join(map(named, blocks))


def _edited(provenance: Provenance) -> Provenance:
    """A plan changed by hand keeps the texts that chose its layers: evaluation must not use them."""
    return provenance if provenance.strategy == "manual" else replace(provenance, strategy="manual")


def _joined(before: Provenance, seen: Provenance) -> Provenance:
    """A plan with one more group chosen by hand: every text that chose any of its layers stays named."""
    if not seen.text_hashes:
        return _edited(before)
    hashes = tuple(dict.fromkeys((*before.text_hashes, *seen.text_hashes)))
    same = before.calibration_key in (None, seen.calibration_key)
    return replace(seen, calibration_key=seen.calibration_key if same else None, text_hashes=hashes)


def _meet(first: Sequence[int], second: Sequence[int]) -> bool:
    """Whether two groups may not stand in one plan: they share a layer, or one begins inside the other."""
    return first[0] <= second[-1] and second[0] <= first[-1]


def named(layers: Sequence[int]) -> str:
    """3–5 for a run, 3, 5 where the run has gaps."""
    run = len(layers) > 1 and len(layers) == layers[-1] - layers[0] + 1
    return f"{layers[0]}–{layers[-1]}" if run else ", ".join(map(str, layers))


def _count(groups: Sequence[MergeGroup]) -> str:
    return "1 group" if len(groups) == 1 else f"{len(groups)} groups"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
