"""What every reader of the room needs: a path that exists, a file as text, some of many items."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from mka.errors import BadInput

Item = TypeVar("Item")


def existing(source: str | Path) -> Path:
    """The file or folder a user named; BadInput where there is none."""
    word = " ".join(str(source).split())
    if not word:
        raise BadInput("the data source is empty; give demo, a .txt, .jsonl or .csv file, or a folder of MMLU csv")
    # os.path answers no where pathlib raises: to names too long for the system, or a user that is not there.
    path = os.path.expanduser(source)
    if not os.path.exists(path):
        raise BadInput(f"there is no file or folder {word[:200]}; check the path, or give demo")
    return Path(path)


def read_text(path: Path) -> str:
    """A UTF-8 file, with or without byte order mark, line ends as "\\n"; BadInput for any other bytes or no text."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise BadInput(
            f"{path} is not UTF-8 text: byte {error.object[error.start]:#04x} in line {line}; save it as UTF-8"
        ) from error
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}); check the path and your rights") from error
    if not text.strip():
        raise BadInput(f"{path} is empty; give a file that holds at least one text")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def is_writable(text: str) -> bool:
    """Whether UTF-8 can hold the text: JSON and Python allow half a surrogate pair by itself, UTF-8 does not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_limit(limit: int | None) -> None:
    """BadInput unless `limit` is None or a whole number from 1."""
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise BadInput(f"limit must be a whole number from 1 or None, got {limit!r}")


def draw(items: Sequence[Item], limit: int | None, seed: int) -> tuple[Item, ...]:
    """`limit` of the items, drawn without replacement by `seed`, in their own order; all of them where None."""
    if limit is None or limit >= len(items):
        return tuple(items)
    return tuple(items[place] for place in sorted(random.Random(seed).sample(range(len(items)), limit)))


def draw_balanced(items: Sequence[Item], groups: Sequence[str], limit: int | None, seed: int) -> tuple[Item, ...]:
    """Like `draw`, but as many of each group as the others, as far as a group has them; groups[i] is items[i]'s."""
    if limit is None or limit >= len(items):
        return tuple(items)
    chance = random.Random(seed)
    places: dict[str, list[int]] = {}
    for place, group in enumerate(groups):
        places.setdefault(group, []).append(place)
    # Shuffled groups too, so that no group is always first in the last, partial round.
    piles = [chance.sample(pile, len(pile)) for pile in chance.sample(list(places.values()), len(places))]
    rounds = (pile[number] for number in range(max(map(len, piles))) for pile in piles if number < len(pile))
    drawn = [place for place, _ in zip(rounds, range(limit), strict=False)]
    return tuple(items[place] for place in sorted(drawn))
