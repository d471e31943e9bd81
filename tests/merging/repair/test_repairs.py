"""The repairs as facts and as what carries them out."""

from __future__ import annotations

from mka.merging.repair.repairs import CARRY_OUT
from mka.objects.repairs import NONE, REPAIRS


def test_every_repair_is_told_and_carried_out() -> None:
    assert list(CARRY_OUT) == list(REPAIRS) and NONE not in REPAIRS
    assert all(name == repair.name for name, repair in REPAIRS.items())
