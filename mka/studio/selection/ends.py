"""Which two layers stand for a selection."""

from __future__ import annotations

from mka.studio.selection.state import StudioState


def ends(state: StudioState) -> tuple[int, int] | None:
    """The first and the last layer of what is selected, of several groups those of the first that has two; of a single
    layer, that and its neighbour. None where nothing is selected; twice layer 0 in a model of one layer."""
    groups = [layers for layers in state.candidate_layers if len(layers) > 1]
    chosen = groups[0] if groups else state.selected
    if not chosen:
        return None
    first, last = chosen[0], chosen[-1]
    if first != last:
        return first, last
    after = min(first + 1, state.plan.depth - 1)
    return max(0, after - 1), after
