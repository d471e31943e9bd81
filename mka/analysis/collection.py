"""Read calibration texts once and keep each decoder layer's output, one vector per text.

Axes: L layers, n points (one per text), b texts of a batch, t padded tokens, d features.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from mka.analysis.hooks import LayerReadings, reading_layers
from mka.data.reading import is_writable
from mka.data.texts import load_texts
from mka.errors import BadInput
from mka.models.loaded import LoadedModel
from mka.models.padding import padded, running
from mka.objects.activations import Activations, Point
from mka.objects.progress import Cancel, Progress, silent
from mka.objects.seeds import check_seed
from mka.objects.texts import Text, TextSet

BATCH_TOKENS = 512
"""Padded tokens of one forward pass. Small, since calibration texts are short and memory is L x tokens x d."""

POINTS = ("last", "mean")


@dataclass(frozen=True)
class _Reading:
    """One text as the model reads it: `number` is its place among the texts, from 0."""

    number: int
    text: Text
    tokens: tuple[int, ...]


def collect(
    model: LoadedModel,
    calibration: str | Path | TextSet | Sequence[str],
    *,
    points: str = "last",
    limit: int | None = None,
    seed: int = 0,
    progress: Progress = silent,
    cancel: Cancel | None = None,
) -> Activations:
    """Run the calibration texts through the model's decoder layers and keep one vector per layer and text.

    calibration: "demo", a file or a folder (see `load_texts`, split "dev"), a `TextSet`, or a list of texts
    points:      "last", the last token of each text, or "mean", the mean over its tokens; special tokens that the
                 tokenizer puts behind a text, such as EOS, are not read at all
    limit:       use at most so many texts, drawn with `seed`, in their own order

    Texts that occur more than once (white space aside) are read once. A text longer than the model's context
    is cut to it from its start, and the progress stage says so. Padding enters no figure, so that the result
    does not depend on how texts are batched (float32: to about 1e-6). Raises BadInput for no texts, a text
    without a token of its own, or points="tokens", which comes with a later version; RunFailed where the model
    fails on a batch; Cancelled between batches.
    """
    if not isinstance(model, LoadedModel):
        raise BadInput(
            f"activations are collected from a loaded model, not from {type(model).__name__}; "
            "open it with mka.load first (of a merged model give .model)"
        )
    if points == "tokens":
        raise BadInput("points 'tokens' comes with a later version; use 'last' or 'mean'")
    if points not in POINTS:
        raise BadInput(f"points {points!r} is unknown; use one of {', '.join(POINTS)}")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise BadInput(f"limit must be a whole number from 1 or None, got {limit!r}")
    texts = _choose_texts(calibration, limit, check_seed(seed))
    context = _context(model)
    readings, cut = _tokenize(model, texts, context)
    stage = f"collect ({cut} texts cut to the context of {context} tokens)" if cut else "collect"
    collected = _run(model, readings, points, stage, progress, cancel)
    return Activations(
        values=collected.values,
        entry=collected.entry,
        token_cosine=collected.token_cosine,
        points=tuple(_point(model, reading, points) for reading in readings),
        kind=points,
        tokens=sum(len(reading.tokens) for reading in readings),
        model=model.fingerprint,
        calibration_key=texts.key,
        text_hashes=texts.hashes,
        cut=cut,
    )


def _choose_texts(calibration: str | Path | TextSet | Sequence[str], limit: int | None, seed: int) -> TextSet:
    """The different texts of `calibration`, at most `limit` of them drawn by `seed`, in their own order."""
    if isinstance(calibration, (str, Path)):
        source = load_texts(calibration, split="dev", seed=seed)
    elif isinstance(calibration, TextSet):
        source = calibration
    else:
        source = TextSet(_listed(calibration), source="texts")
    once: dict[str, Text] = {}
    for number, text in enumerate(source.texts, start=1):
        if not text.text.strip():
            raise BadInput(
                f"calibration text {number} of {len(source.texts)} is empty; remove it from {source.source!r}"
            )
        if not is_writable(text.text):
            raise BadInput(
                f"calibration text {number} of {len(source.texts)} holds half of a surrogate pair, which is no "
                f"character; correct it or remove it from {source.source!r}"
            )
        once.setdefault(text.hash, text)
    different = tuple(once.values())
    if not different:
        raise BadInput(f"the calibration {source.source!r} holds no text; name a source with at least one text")
    if limit is not None and limit < len(different):
        drawn = sorted(random.Random(seed).sample(range(len(different)), limit))
        different = tuple(different[number] for number in drawn)
    return TextSet(different, source.source, source.split)


def _listed(calibration: object) -> tuple[Text, ...]:
    if not isinstance(calibration, Iterable):
        raise BadInput(f"calibration is {type(calibration).__name__}; give demo, a file, a folder or a list of texts")
    texts = []
    for number, item in enumerate(calibration, start=1):
        if not isinstance(item, str):
            raise BadInput(f"calibration text {number} is {type(item).__name__}, not text; give a list of strings")
        texts.append(Text(item))
    return tuple(texts)


def _context(model: LoadedModel) -> int | None:
    """Longest text in tokens that the model's positions allow; None where its config names no limit."""
    context = getattr(model.stack.text_config, "max_position_embeddings", None)
    return context if isinstance(context, int) and context > 0 else None


def _tokenize(model: LoadedModel, texts: TextSet, context: int | None) -> tuple[list[_Reading], int]:
    """Each text's tokens, the tokenizer adding its own special ones; and how many texts were cut to the context."""
    special = set(model.tokenizer.all_special_ids)
    readings: list[_Reading] = []
    cut = 0
    for number, text in enumerate(texts.texts):
        tokens = model.tokenizer(text.text, verbose=False)["input_ids"]
        if special.issuperset(tokens):
            raise BadInput(
                f"calibration text {number + 1} of {len(texts.texts)} ({text.text[:40]!r}) has no token of its own; "
                "remove it from the calibration"
            )
        cut += context is not None and len(tokens) > context
        readings.append(_Reading(number, text, _without_end(tuple(tokens[:context]), special)))
    return readings, cut


def _without_end(tokens: tuple[int, ...], special: set[int]) -> tuple[int, ...]:
    """The tokens up to the last that is not special; all of them where there is none, as in a very short context."""
    # An EOS looks the same behind every text, and no earlier token can see it.
    ends = [place for place, token in enumerate(tokens, start=1) if token not in special]
    return tokens[: ends[-1]] if ends else tokens


def _batches(readings: Sequence[_Reading]) -> Iterator[list[_Reading]]:
    """Batches of about equally long texts, each at most BATCH_TOKENS padded tokens or a single text."""
    batch: list[_Reading] = []
    for reading in sorted(readings, key=lambda reading: len(reading.tokens)):
        # Sorted by length, so the newest text is the longest and sets the padded width.
        if batch and (len(batch) + 1) * len(reading.tokens) > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(reading)
    if batch:
        yield batch


@dataclass(frozen=True)
class _Collected:
    values: np.ndarray
    entry: np.ndarray
    token_cosine: np.ndarray


def _run(
    model: LoadedModel, readings: Sequence[_Reading], points: str, stage: str, progress: Progress, cancel: Cancel | None
) -> _Collected:
    """One forward pass per batch through the decoder without its head; rows in the order of `readings`."""
    layers, n = len(model.stack.layers), len(readings)
    # Row 0 is what layer 0 is given, row l + 1 the output of layer l; d is known after the first batch.
    rows: np.ndarray | None = None
    cosine_sums, done = np.zeros(layers), 0
    progress(stage, 0, n)
    with torch.inference_mode(), reading_layers(model.stack.layers, points) as taken:
        for batch in _batches(readings):
            if cancel is not None:
                cancel.check()
            _forward(model, batch, taken)
            if rows is None:
                rows = np.empty((layers + 1, n, taken.points[0].shape[-1]), dtype=np.float32)
            rows[:, [reading.number for reading in batch]] = torch.stack(taken.points).numpy()
            cosine_sums += taken.cosine_sums
            done += len(batch)
            progress(stage, done, n)
    assert rows is not None  # there is at least one text, hence one batch
    return _Collected(rows[1:], rows[0], cosine_sums / sum(len(reading.tokens) for reading in readings))


def _forward(model: LoadedModel, batch: Sequence[_Reading], taken: LayerReadings) -> None:
    """Read one batch, right-padded; `taken` then holds its readings."""
    ids, mask = padded([reading.tokens for reading in batch])
    taken.start(mask)
    device = model.network.device
    with running(ids):
        model.stack.base(input_ids=ids.to(device), attention_mask=mask.to(device), use_cache=False)


def _point(model: LoadedModel, reading: _Reading, points: str) -> Point:
    if points == "mean":
        return Point(reading.text.text, reading.text.subject, "", -1)
    last = len(reading.tokens) - 1
    token = str(model.tokenizer.decode([reading.tokens[last]]))
    return Point(reading.text.text, reading.text.subject, token, last)
