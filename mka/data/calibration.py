"""The texts that calibrate: different from one another, none empty, at most so many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from mka.data.reading import check_limit, is_writable
from mka.data.texts import draw_texts, load_texts
from mka.errors import BadInput
from mka.objects.seeds import check_seed
from mka.objects.texts import Text, TextSet


def calibration_texts(
    calibration: str | Path | TextSet | Sequence[str], *, limit: int | None = None, seed: int = 0
) -> TextSet:
    """The different texts of `calibration`, in their order, and how many were left out as duplicates.

    calibration: "demo", a file, a folder or a hub dataset (see `load_texts`, split "dev"), texts that were loaded
                 so, or a list of texts
    limit:       at most so many texts, drawn with `seed`, as many of each subject as of the others

    Texts that differ only in white space are the same text, and the first of them stays. Given its own result again,
    it gives it back. Raises BadInput for no text, an empty one, and characters that UTF-8 cannot hold.
    """
    check_limit(limit)
    seed = check_seed(seed)
    source = _loaded(calibration)
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
    return TextSet(
        texts=draw_texts(different, limit, seed),
        source=source.source,
        split=source.split,
        duplicates=source.duplicates + len(source.texts) - len(different),
        field=source.field,
    )


def _loaded(calibration: object) -> TextSet:
    if isinstance(calibration, TextSet):
        return calibration
    if isinstance(calibration, (str, Path)):
        return load_texts(calibration, split="dev")
    if not isinstance(calibration, Iterable):
        raise BadInput(f"calibration is {type(calibration).__name__}; give demo, a file, a folder or a list of texts")
    texts = []
    for number, item in enumerate(calibration, start=1):
        if not isinstance(item, str):
            raise BadInput(f"calibration text {number} is {type(item).__name__}, not text; give a list of strings")
        texts.append(Text(item))
    return TextSet(tuple(texts), source="texts")
