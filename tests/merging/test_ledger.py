from __future__ import annotations

import hashlib
import math
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from mka.merging.averaging import PIECE, relative_change
from mka.merging.ledger import Ledger, change

ONE, OTHER = torch.arange(1.0, 9.0), torch.full((8,), 2.0)


def moved(new, old):
    return float((new.double() - old.double()).norm() / old.double().norm())


def by_hand(*named):
    digest = hashlib.sha256()
    for name, tensor in named:
        digest.update(name.encode() + b"\0" + tensor.numpy().tobytes())
    return digest.hexdigest()[:16]


def test_pieces_are_hashed_in_their_order_whichever_is_made_first():
    """The first piece is made when both others are; each is given back when it is hashed."""
    made, back = threading.Semaphore(0), []

    def first(rooms):
        made.acquire()
        made.acquire()
        return ONE[:4], OTHER[:4]

    def later(new, old):
        def piece(rooms):
            threading.Timer(0.05, made.release).start()
            return new, old

        return piece

    with ThreadPoolExecutor(3) as pool:
        ledger = Ledger(pool)
        notes = [ledger.note(first, name="a", hashed=lambda: back.append(0))]
        notes.append(ledger.note(later(ONE[4:], OTHER[4:]), hashed=lambda: back.append(1)))
        other = ledger.note(later(OTHER, ONE), name="b", hashed=lambda: back.append(2))
    assert back == [0, 1, 2]
    assert ledger.hash == by_hand(("a", ONE), ("b", OTHER))
    assert change(notes) == pytest.approx(moved(ONE, OTHER), rel=1e-12)
    assert change([other]) == pytest.approx(moved(OTHER, ONE), rel=1e-12)


def test_many_workers_lose_no_piece():
    """As many turns as there are pieces: a worker that leaves while another is done must not leave one behind."""
    pieces = torch.arange(2000.0).reshape(-1, 1)
    with ThreadPoolExecutor(8) as pool:
        ledger = Ledger(pool)
        for number, piece in enumerate(pieces):
            ledger.note_whole(str(number), piece, piece)
    assert ledger.hash == by_hand(*((str(number), piece) for number, piece in enumerate(pieces)))


def test_a_piece_that_fails_is_told_and_holds_nothing_up():
    back = []

    def failing(rooms):
        raise OSError("disk")

    with ThreadPoolExecutor(2) as pool:
        ledger = Ledger(pool)
        bad = ledger.note(failing, name="a", hashed=lambda: back.append(0))
        good = ledger.note(lambda rooms: (ONE, OTHER), name="b", hashed=lambda: back.append(1))
    assert back == [0, 1] and good.result()[0] > 0
    with pytest.raises(OSError, match="disk"):
        change([bad])


@pytest.mark.parametrize("count", [0, 3, 2 * PIECE + 1])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_a_tensor_that_is_there_is_noted_in_pieces(count, dtype):
    old = torch.randn(count, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    new, old = (1.25 * old).to(dtype), old.to(dtype)
    with ThreadPoolExecutor(2) as pool:
        ledger = Ledger(pool)
        notes = ledger.note_whole("a", new, old)
    assert len(notes) == max(1, math.ceil(count / PIECE)) and change(notes) == relative_change(new, old)
    assert ledger.hash == by_hand(("a", new.view(torch.uint8)))
