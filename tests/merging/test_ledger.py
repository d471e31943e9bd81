from __future__ import annotations

import math
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from blake3 import blake3

from mka.merging.averaging import PIECE, relative_change
from mka.merging.ledger import STRETCH, Ledger, change

ONE, OTHER = torch.arange(1.0, 9.0), torch.full((8,), 2.0)


def moved(new, old):
    return float((new.double() - old.double()).norm() / old.double().norm())


def by_hand(*named):
    """Of tensors given in their pieces."""
    whole = blake3()
    for name, *parts in named:
        whole.update(name.encode() + b"\0")
        for part in parts:
            whole.update(blake3(part.numpy().tobytes()).digest())
    return whole.hexdigest()[:16]


def given(new, old):
    return lambda rooms: (new, old)


def test_pieces_are_hashed_in_their_order_whichever_is_made_first():
    """The first tensor is made when both others are."""
    made = threading.Semaphore(0)

    def first(rooms):
        made.acquire()
        made.acquire()
        return ONE, OTHER

    def later(new, old):
        def piece(rooms):
            threading.Timer(0.05, made.release).start()
            return new, old

        return piece

    with ThreadPoolExecutor(3) as pool:
        ledger = Ledger(pool)
        notes = [ledger.enter(name, [piece]) for name, piece in (("a", first), ("b", later(OTHER, ONE)))]
        notes.append(ledger.enter("c", [later(ONE, ONE)]))
    assert ledger.hash == by_hand(("a", ONE), ("b", OTHER), ("c", ONE))
    assert [change(one) for one in notes] == pytest.approx([moved(ONE, OTHER), moved(OTHER, ONE), 0.0], rel=1e-12)


@pytest.mark.parametrize("count", [1, STRETCH, 2 * STRETCH + 1])
def test_a_tensor_is_shared_out_in_stretches(count):
    parts = torch.arange(1.0, 8 * count + 1).reshape(count, 8)
    with ThreadPoolExecutor(3) as pool:
        ledger = Ledger(pool)
        notes = ledger.enter("a", [given(2 * part, part) for part in parts])
        ledger.enter("b", [given(ONE, OTHER)])
    assert len(notes) == math.ceil(count / STRETCH) and sum(len(stretch.result()) for stretch in notes) == count
    assert ledger.hash == by_hand(("a", *(2 * parts)), ("b", ONE)) and change(notes) == pytest.approx(1.0, rel=1e-12)


def test_a_piece_that_fails_is_told_and_holds_nothing_up():
    def failing(rooms):
        raise OSError("disk")

    with ThreadPoolExecutor(2) as pool:
        ledger = Ledger(pool)
        bad = ledger.enter("a", [given(ONE, OTHER), failing])
        good = ledger.enter("b", [given(ONE, OTHER)])
    assert change(good) > 0
    with pytest.raises(OSError, match="disk"):
        change(bad)
    with pytest.raises(OSError, match="disk"):
        _ = ledger.hash


@pytest.mark.parametrize("count", [0, 3, 2 * PIECE + 1])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_a_tensor_that_is_there_is_noted_in_pieces(count, dtype):
    old = torch.randn(count, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    new, old = (1.25 * old).to(dtype), old.to(dtype)
    with ThreadPoolExecutor(2) as pool:
        ledger = Ledger(pool)
        notes = ledger.enter_whole("a", new, old)
    assert change(notes) == relative_change(new, old)
    assert ledger.hash == by_hand(("a", *(part.view(torch.uint8) for part in new.split(PIECE))))
