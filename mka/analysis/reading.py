"""Texts as the model reads them: their tokens, and which of these become calibration points."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mka.errors import BadInput
from mka.models.loaded import LoadedModel
from mka.objects.texts import Text, TextSet

LAST, MEAN, TOKENS = "last", "mean", "tokens"
POINTS = (LAST, MEAN, TOKENS)


@dataclass(frozen=True)
class Reading:
    """One text as the model reads it.

    tokens:    its ids, special ones included
    places:    the tokens that become points, ascending; empty for the mean over all
    foreseen:  for each of its points, the tokens that its loss is of (see `Point`); all of them have one before them
    first:     the row of its first point
    """

    text: Text
    tokens: tuple[int, ...]
    places: tuple[int, ...]
    foreseen: tuple[tuple[int, ...], ...]
    first: int

    @property
    def rows(self) -> range:
        """The rows of its points."""
        return range(self.first, self.first + len(self.foreseen))


def context_of(model: LoadedModel) -> int | None:
    """Longest text in tokens that the model's positions allow; None where its config names no limit."""
    context = getattr(model.stack.text_config, "max_position_embeddings", None)
    return context if isinstance(context, int) and context > 0 else None


def read_texts(
    model: LoadedModel, texts: TextSet, points: str, per_text: int, longest: int | None, seed: int
) -> tuple[list[Reading], int]:
    """Each text's tokens, the tokenizer adding its own special ones; and how many texts lost their end.

    longest:  most tokens of a text, special ones included; None for any length

    BadInput for a text without a token of its own.
    """
    special = set(model.tokenizer.all_special_ids)
    readings: list[Reading] = []
    cut, first = 0, 0
    for number, text in enumerate(texts.texts, start=1):
        read = model.tokenizer(text.text, verbose=False)["input_ids"]
        if special.issuperset(read):
            raise BadInput(
                f"calibration text {number} of {len(texts.texts)} ({text.text[:40]!r}) has no token of its own; "
                "remove it from the calibration"
            )
        cut += longest is not None and len(read) > longest
        tokens = _without_end(tuple(read[:longest]), special)
        own = [place for place, token in enumerate(tokens) if token not in special]
        places, foreseen = _points(points, len(tokens), own, per_text, f"{seed} {text.hash}")
        readings.append(Reading(text, tokens, places, foreseen, first))
        first += len(foreseen)
    return readings, cut


def _without_end(tokens: tuple[int, ...], special: set[int]) -> tuple[int, ...]:
    """The tokens up to the last that is not special; all of them where there is none, as in a very short context."""
    # An EOS looks the same behind every text, and no earlier token can see it.
    ends = [place for place, token in enumerate(tokens, start=1) if token not in special]
    return tokens[: ends[-1]] if ends else tokens


def _points(
    kind: str, length: int, own: Sequence[int], per_text: int, chance: str
) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]:
    """`places` and `foreseen` of a text of this length whose tokens `own` are not special."""
    last = length - 1
    if kind == MEAN:
        return (), (tuple(place for place in own if place > 0),)
    if kind == LAST:
        return (last,), ((last,) if last > 0 else (),)
    places = _stratified([place for place in own if place < last], per_text, random.Random(chance)) or (last,)
    return places, tuple((place + 1,) if place < last else () for place in places)


def _stratified(items: Sequence[int], count: int, chance: random.Random) -> tuple[int, ...]:
    """One item drawn from each of `count` equally long stretches; all items where there are no more than that."""
    if len(items) <= count:
        return tuple(items)
    ends = [stretch * len(items) // count for stretch in range(count + 1)]
    return tuple(items[chance.randrange(ends[stretch], ends[stretch + 1])] for stretch in range(count))


def batches_of(readings: Sequence[Reading], tokens: int) -> Iterator[list[Reading]]:
    """Batches of about equally long texts, each at most `tokens` padded tokens or a single text."""
    batch: list[Reading] = []
    for reading in sorted(readings, key=lambda reading: len(reading.tokens)):
        # Sorted by length, so the newest text is the longest and sets the padded width.
        if batch and (len(batch) + 1) * len(reading.tokens) > tokens:
            yield batch
            batch = []
        batch.append(reading)
    if batch:
        yield batch
