"""No architecture comes out worse than docs/architectures.md says."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.architectures.survey import MODEL_TYPES, REFUSED, RIGHT, UNBUILT, WRONG, Outcome, Row, examine
from tests.architectures.table import DOCUMENT, document, verdicts, worse

BEFORE = verdicts(DOCUMENT.read_text(encoding="utf-8"))
OLD = [name for name in MODEL_TYPES if name in BEFORE]


@pytest.mark.parametrize("model_type", OLD)
def test_no_row_gets_worse(model_type: str) -> None:
    row = examine(model_type)
    assert not worse(row, BEFORE[model_type]), row


def test_the_table_is_what_was_promised() -> None:
    deletions, merges = (Counter(verdict) for verdict in zip(*BEFORE.values(), strict=True))
    assert deletions[WRONG] == merges[WRONG] == 0
    assert len(BEFORE) - deletions[UNBUILT] >= 144 and deletions[RIGHT] >= 132 and merges[RIGHT] >= 120


def test_worse_is_less_right_or_wrong() -> None:
    def row(deletion: str, merge: str) -> Row:
        return Row("a", "", Outcome(deletion), Outcome(merge))

    assert worse(row(RIGHT, REFUSED), (RIGHT, RIGHT)) and worse(row(WRONG, RIGHT), (REFUSED, RIGHT))
    assert not worse(row(RIGHT, RIGHT), (REFUSED, UNBUILT)) and not worse(row(REFUSED, RIGHT), (REFUSED, RIGHT))


def test_what_is_written_is_read_again() -> None:
    rows = [
        Row("a", "model.layers", Outcome(RIGHT, "", (1, 3)), Outcome(REFUSED, "a | b", (1, 2))),
        Row("b", "", Outcome(UNBUILT, "x" * 999), Outcome(WRONG)),
    ]
    assert verdicts(document(rows)) == {"a": (RIGHT, REFUSED), "b": (UNBUILT, WRONG)}
