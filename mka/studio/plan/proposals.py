"""What strategies propose, asked from the screen; no torch on this way."""

from __future__ import annotations

import json

from mka.errors import BadInput
from mka.figures import words
from mka.objects.plan import MergePlan, Provenance
from mka.objects.similarity import Similarity
from mka.planning.planner import plan
from mka.studio.visits.desk import Desk
from mka.workflows.planning import measure_of


def missing_measure(desk: Desk, strategy: str) -> str:
    """The measure that the strategy reads and that is not computed yet; "" where it can go to work."""
    measure = measure_of(strategy)
    return measure if measure and measure not in desk.similarities else ""


def propose(desk: Desk, strategy: str, remove: int) -> MergePlan:
    """The plan of a strategy that removes `remove` layers of the open model.

    BadInput as the planner says, and where the model was not analyzed by the measure that the strategy reads.
    """
    measure = measure_of(strategy)
    similarity = desk.similarities.get(measure) if measure else None
    if measure and similarity is None:
        name = words.measure_title(measure)
        raise BadInput(f"{strategy} reads {name}, which is not computed yet; analyze by it on the Model page")
    return plan(desk.summary, strategy=strategy, remove=remove, similarity=similarity)


def seen(similarity: Similarity, beside: Similarity | None = None) -> Provenance:
    """What a person has seen who chooses layers on this similarity's picture, perhaps with another one beside it.

    Texts of both chose the layers; the calibration key names one set of texts, so it is None where there are two.
    """
    shown = [similarity] if beside is None else [similarity, beside]
    keys = {one.calibration_key for one in shown}
    return Provenance(
        measure=similarity.measure,
        seed=similarity.seed,
        calibration_key=(similarity.calibration_key or None) if len(keys) == 1 else None,
        text_hashes=tuple(dict.fromkeys(text for one in shown for text in one.text_hashes)),
    )


def parse_plan(raw: bytes) -> MergePlan:
    """A plan from an uploaded file. BadInput for anything that is none."""
    try:
        return MergePlan.from_json(json.loads(raw))
    except (ValueError, RecursionError) as error:  # bytes that are no text, text that is no JSON, endless numbers
        raise BadInput("that file is not JSON; choose a plan that `mka plan` or this page wrote") from error
