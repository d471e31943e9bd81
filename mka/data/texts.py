"""Texts for calibration and for perplexity, from what a user names."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mka.assets import asset
from mka.data.hub import hub_dataset, texts_of_hub
from mka.data.mmlu import COLUMNS, LETTERS, SPLITS, csv_rows, questions_in, questions_of
from mka.data.reading import check_limit, draw, draw_balanced, existing, read_text
from mka.data.records import FIELD, Record, texts_of
from mka.errors import BadInput
from mka.objects.seeds import check_seed
from mka.objects.texts import Text, TextSet

DEMO_SPLITS = ("dev", "test")


def load_texts(
    source: str | Path, *, split: str = "dev", field: str | None = None, limit: int | None = None, seed: int = 0
) -> TextSet:
    """Texts of "demo", a .txt, .jsonl or .csv file, a folder of MMLU csv files, or a dataset of the hub.

    split:  what part of the demo ("dev", "test"), of a folder or of a hub dataset is read; a single file is read whole
    field:  that holds the texts of a .jsonl or .csv file or a hub dataset; guessed where None
    limit:  at most so many texts, drawn with `seed`, as many of each subject as of the others, in their own order

    .txt: paragraphs between blank lines; one text per line where there is no blank line. .jsonl: the field `field` of
    each line's object, else "text", else the string field that is longest in all. .csv: the questions of MMLU rows,
    else a column under a header, chosen in the same way; empty cells are passed over. A folder: its questions,
    without options. A hub dataset is OWNER/NAME[@REVISION][#CONFIG][:SPLIT]; a file or folder of that name comes
    first. Texts keep their inner white space, and come as often as they stand there.
    Raises BadInput with file and line or row for what cannot be read, and for a source without any text.
    """
    check_limit(limit)
    seed = check_seed(seed)
    texts, part = _read(source, split, field)
    return TextSet(draw_texts(texts, limit, seed), str(source), part, field=field)


def draw_texts(texts: Sequence[Text], limit: int | None, seed: int) -> tuple[Text, ...]:
    """`limit` of the texts, drawn by `seed`, evenly over their subjects where they have some, in their own order."""
    subjects = [text.subject for text in texts]
    return draw_balanced(texts, subjects, limit, seed) if any(subjects) else draw(texts, limit, seed)


def _read(source: str | Path, split: str, field: str | None) -> tuple[tuple[Text, ...], str]:
    """The texts and the split that they are."""
    if source == "demo":
        _refuse_field("the demo", field)
        if split not in DEMO_SPLITS:
            raise BadInput(f"split {split!r} is unknown; the demo has {', '.join(DEMO_SPLITS)}")
        return _paragraphs(asset("demo-texts", f"{split}.txt")), split
    dataset = hub_dataset(source) if isinstance(source, str) and not os.path.exists(source) else None
    if dataset is not None:
        return texts_of_hub(dataset, str(source), split, field), dataset.split or split
    path = existing(source)
    if path.is_dir():
        _refuse_field(f"the folder of MMLU questions {path}", field)
        return tuple(Text(one.stem, one.subject) for one in questions_of(path, split)), split
    return _of_file(path, field)


def _refuse_field(what: str, field: str | None) -> None:
    if field is not None:
        raise BadInput(f"{what} has no fields to choose {field!r} from; leave the field out")


def _of_file(path: Path, field: str | None) -> tuple[tuple[Text, ...], str]:
    kind = path.suffix.lower()
    if kind == ".txt":
        _refuse_field(str(path), field)
        return _paragraphs(path), ""
    if kind == ".jsonl":
        return _json_lines(path, field), ""
    if kind == ".csv":
        return _csv(path, field)
    raise BadInput(f"{path} is of no known kind; give a .txt, .jsonl, .csv file or a folder of MMLU csv files")


def _paragraphs(path: Path) -> tuple[Text, ...]:
    text = read_text(path)
    blocks = re.split(r"\n[^\S\n]*\n", text.strip())
    if len(blocks) == 1:
        blocks = text.split("\n")
    return tuple(Text(block.strip()) for block in blocks if block.strip())


def _json_lines(path: Path, field: str | None) -> tuple[Text, ...]:
    records = [
        Record(f"line {number}", _object(path, number, line))
        for number, line in enumerate(read_text(path).split("\n"), start=1)
        if line.strip()
    ]
    return texts_of(str(path), records, field, holes=False)


def _object(path: Path, number: int, line: str) -> Mapping[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path}, line {number}: not JSON ({error}); write one object per line") from error
    if not isinstance(record, dict):
        raise BadInput(f"{path}, line {number}: {type(record).__name__} instead of an object with a field {FIELD!r}")
    return record


def _csv(path: Path, field: str | None) -> tuple[tuple[Text, ...], str]:
    rows = csv_rows(path)
    header = [cell.strip().lower() for cell in rows[0]]
    part = path.stem.rpartition("_")[2]
    named, answered = part in SPLITS, rows[0][-1].strip() in tuple(LETTERS)
    if field is None and FIELD not in header and len(header) == COLUMNS and (named or answered):
        return tuple(Text(one.stem, one.subject) for one in questions_in(path)), part if named else ""
    return _table(path, header, rows[1:], field), ""


def _table(path: Path, header: list[str], rows: list[list[str]], field: str | None) -> tuple[Text, ...]:
    records = []
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise BadInput(
                f"{path}, row {number}: {len(row)} columns instead of {len(header)}; quote cells that hold commas"
            )
        records.append(Record(f"row {number}", dict(zip(header, row, strict=True))))
    if not records:
        raise BadInput(f"{path} is one row, a header, without any text under it; give at least one")
    if field is None and FIELD in header:
        field = FIELD
    return texts_of(str(path), records, None if field is None else field.strip().lower(), holes=True)
