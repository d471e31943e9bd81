"""Read calibration texts once and keep each decoder layer's output, one vector per calibration point.

Axes: L layers, n points, b texts of a batch, t padded tokens, d features.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mka.analysis.hooks import LayerReadings, reading_layers
from mka.analysis.losses import run_batch
from mka.analysis.reading import LAST, MEAN, POINTS, TOKENS, Reading, batches_of, context_of, read_texts
from mka.analysis.room import room_for
from mka.data.calibration import calibration_texts
from mka.errors import BadInput, RunFailed
from mka.models.loaded import LoadedModel
from mka.models.padding import padded
from mka.objects.activations import Activations, Point
from mka.objects.progress import Cancel, Progress, silent
from mka.objects.texts import TextSet

BATCH_TOKENS = 512
"""Padded tokens of one forward pass. Small, since calibration texts are short and a batch's logits are held whole."""

LAST_BITS = 2e-5
"""Largest distance of two vectors that should be equal, in lengths of the vector. Measured: 1 and 2 threads 6.4e-7
(demo model; none on random Llamas of 16 and 512 features), together and alone 6.4e-7 (demo), 4.9e-6 (512 features)."""

HALF = ("bfloat16", "float16")


def collect(
    model: LoadedModel,
    calibration: str | Path | TextSet | Sequence[str],
    *,
    points: str = LAST,
    per_text: int = 4,
    longest: int | None = None,
    limit: int | None = None,
    seed: int = 0,
    progress: Progress = silent,
    cancel: Cancel | None = None,
) -> Activations:
    """Run the calibration texts through the model and keep one vector per layer and calibration point.

    calibration: "demo", a file, a folder or a hub dataset (see `load_texts`, split "dev"), a `TextSet`, or a list
    points:      "last", the last token of each text; "mean", the mean over its tokens; or "tokens", `per_text` single
                 tokens of each, one drawn from each of as many equal stretches of the text, in their order: none
                 special (what stands at BOS is an outlier, since attention rests there) and, but for texts of one
                 token, none the last, so that each has a next token. Special tokens that the tokenizer puts behind a
                 text, such as EOS, are not read at all
    longest:     cut texts to so many tokens, special ones included; they are cut to the model's context anyhow
    limit:       use at most so many texts, drawn with `seed` evenly over their subjects, in their own order
    seed:        also draws the points of "tokens", those of a text whatever the other texts are

    Texts that occur more than once (white space aside) are read once. Texts that are cut lose their end, and the
    progress stage says how many. Each point carries how badly the model foresaw the text there (see `Point`).

    Memory is that of (L + 1) n d float32, on disk where it is large (see `room_for`), and one batch's logits.
    The same input gives the same bits in each call and process, with the same number of torch's threads. Other
    numbers of threads may move the last bits (torch computes SiLU at the end of each thread's stretch by other
    instructions), and so may other texts beside a text (a matrix product of another shape adds up in another
    order): of float32 models by LAST_BITS at most.

    Raises BadInput for no texts or a text without a token of its own; RunFailed where the model fails on a batch, or
    puts out NaN or infinity, or where there is no room; Cancelled between batches.
    """
    _check(model, points, per_text, longest)
    texts = calibration_texts(calibration, limit=limit, seed=seed)
    context = context_of(model)
    most = min((length for length in (context, longest) if length is not None), default=None)
    readings, cut = read_texts(model, texts, points, per_text, most, seed)
    what = f"the context of {most} tokens" if most == context else f"{most} tokens"
    stage = f"collect ({cut} texts cut to {what})" if cut else "collect"
    collected = _run(model, readings, points, stage, progress, cancel)
    return Activations(
        values=collected.rows[1:],
        entry=collected.rows[0],
        token_cosine=collected.token_cosine,
        points=tuple(point for reading in readings for point in _points(model, reading, collected.losses)),
        kind=points,
        tokens=sum(len(reading.tokens) for reading in readings),
        model=model.fingerprint,
        calibration_key=texts.key,
        text_hashes=texts.hashes,
        cut=cut,
        duplicates=texts.duplicates,
        longest=longest,
        per_text=per_text if points == TOKENS else 1,
        seed=seed,
    )


def _check(model: LoadedModel, points: str, per_text: int, longest: int | None) -> None:
    if not isinstance(model, LoadedModel):
        raise BadInput(
            f"activations are collected from a loaded model, not from {type(model).__name__}; "
            "open it with mka.load first (of a merged model give .model)"
        )
    if points not in POINTS:
        raise BadInput(f"points {points!r} is unknown; use one of {', '.join(POINTS)}")
    _check_count("per_text", per_text)
    if longest is not None:
        _check_count("longest", longest)


def _check_count(name: str, number: object) -> None:
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise BadInput(f"{name} must be a whole number from 1, got {number!r}")


@dataclass(frozen=True)
class _Collected:
    """Rows float32 (L + 1, n, d), the first what layer 0 was given; losses float64 (n,), NaN where undefined."""

    rows: np.ndarray
    losses: np.ndarray
    token_cosine: np.ndarray


def _run(
    model: LoadedModel, readings: Sequence[Reading], points: str, stage: str, progress: Progress, cancel: Cancel | None
) -> _Collected:
    """One forward pass per batch; rows in the order of `readings`."""
    layers, n = len(model.stack.layers), readings[-1].rows.stop
    rows: np.ndarray | None = None  # d is known after the first batch
    losses, cosine_sums, done = np.full(n, np.nan), np.zeros(layers), 0
    progress(stage, 0, len(readings))
    with torch.inference_mode(), reading_layers(model.stack.layers) as taken:
        for batch in batches_of(readings, BATCH_TOKENS):
            if cancel is not None:
                cancel.check()
            places = [row for reading in batch for row in reading.rows]
            losses[places] = _forward(model, batch, points, taken)
            found = taken.points().numpy()
            if rows is None:
                rows = room_for((layers + 1, n, found.shape[-1]))
            rows[:, places] = found
            cosine_sums += taken.cosine_sums().numpy()
            done += len(batch)
            progress(stage, done, len(readings))
    assert rows is not None  # there is at least one text, hence one batch
    return _Collected(rows, losses, cosine_sums / sum(len(reading.tokens) for reading in readings))


def _forward(model: LoadedModel, batch: Sequence[Reading], points: str, taken: LayerReadings) -> np.ndarray:
    """Read one batch, right-padded; `taken` then holds its readings. The losses of its points, float64."""
    ids, mask = padded([reading.tokens for reading in batch])
    at = None if points == MEAN else _pairs((text, place) for text, one in enumerate(batch) for place in one.places)
    taken.start(mask, at)
    tokens_of = [(text, tokens) for text, one in enumerate(batch) for tokens in one.foreseen]
    losses = run_batch(model, ids, mask, *_pairs((text, token) for text, tokens in tokens_of for token in tokens))
    _check_finite(model, batch, taken.endless(), losses)
    parts = losses.split([len(tokens) for _, tokens in tokens_of])
    return np.array([float(part.mean()) if len(part) else np.nan for part in parts])


def _pairs(pairs: Iterable[tuple[int, int]]) -> tuple[Tensor, Tensor]:
    """Texts of a batch and their tokens, int64 each."""
    both = torch.tensor(list(pairs), dtype=torch.long).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _check_finite(model: LoadedModel, batch: Sequence[Reading], endless: Tensor, losses: Tensor) -> None:
    """RunFailed where NaN or infinity came out: `endless` bool (L + 1, b), by layer and text; `losses` float64."""
    broken = endless.any(dim=1).nonzero()
    if len(broken):
        layer = int(broken[0, 0]) - 1
        which = endless[layer + 1].nonzero()[:, 0].tolist()
        where = f"layer {layer} put out" if layer >= 0 else "the embedding put out"
        whom = f"{len(which)} of the {len(batch)} texts of a batch, first {batch[which[0]].text.text[:40]!r}"
    elif not bool(losses.isfinite().all()):
        where, whom = (
            "the layers' outputs are finite, but the head put out",
            f"some of the {len(batch)} texts of a batch",
        )
    else:
        return
    half = model.dtype in HALF
    remedy = "load the model as float32, or leave these texts out" if half else "check its weights, or leave them out"
    raise RunFailed(f"{where} NaN or infinity for {whom}; {remedy}")


def _points(model: LoadedModel, reading: Reading, losses: np.ndarray) -> Iterator[Point]:
    """The points of one text; `losses` float64 (n,) by row."""
    text, subject = reading.text.text, reading.text.subject
    for row, place in zip(reading.rows, reading.places or (-1,), strict=True):
        token = str(model.tokenizer.decode([reading.tokens[place]])) if place >= 0 else ""
        yield Point(text, subject, token, place, None if np.isnan(losses[row]) else float(losses[row]))
