"""Texts for calibration and for perplexity, from what a user names."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mka.assets import asset
from mka.data.mmlu import COLUMNS, csv_rows, questions_in, questions_of
from mka.data.reading import check_limit, draw, existing, is_writable, read_text
from mka.errors import BadInput
from mka.objects.seeds import check_seed
from mka.objects.texts import Text, TextSet

DEMO_SPLITS = ("dev", "test")
FIELD, SUBJECT = "text", "subject"


def load_texts(source: str | Path, *, split: str = "dev", limit: int | None = None, seed: int = 0) -> TextSet:
    """Texts of "demo", a .txt, .jsonl or .csv file, or a folder of MMLU csv files.

    split:  what part of the demo ("dev", "test") or of a folder is read; a single file is read whole
    limit:  at most so many texts, drawn with `seed`, in their own order

    .txt: paragraphs between blank lines; one text per line where there is no blank line. .jsonl: the field "text"
    of each line's object, else the string field that is longest in all. .csv: the column "text" under a header, or
    the questions of MMLU rows. A folder: its questions, without options. Texts keep their inner white space.
    Raises BadInput with file and line or row for what cannot be read, and for a source without any text.
    """
    check_limit(limit)
    check_seed(seed)
    if source == "demo":
        if split not in DEMO_SPLITS:
            raise BadInput(f"split {split!r} is unknown; the demo has {', '.join(DEMO_SPLITS)}")
        texts, part = _paragraphs(asset("demo-texts", f"{split}.txt")), split
    else:
        path = existing(source)
        if path.is_dir():
            texts, part = tuple(Text(one.stem, one.subject) for one in questions_of(path, split)), split
        else:
            texts, part = _of_file(path), ""
    return TextSet(draw(texts, limit, seed), str(source), part)


def _of_file(path: Path) -> tuple[Text, ...]:
    readers = {".txt": _paragraphs, ".jsonl": _json_lines, ".csv": _csv}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise BadInput(f"{path} is of no known kind; give a {', '.join(readers)} file or a folder of MMLU csv files")
    return reader(path)


def _paragraphs(path: Path) -> tuple[Text, ...]:
    text = read_text(path)
    blocks = re.split(r"\n[^\S\n]*\n", text.strip())
    if len(blocks) == 1:
        blocks = text.split("\n")
    return tuple(Text(block.strip()) for block in blocks if block.strip())


def _json_lines(path: Path) -> tuple[Text, ...]:
    records = [
        (number, _record(path, number, line))
        for number, line in enumerate(read_text(path).split("\n"), start=1)
        if line.strip()
    ]
    field = _text_field(path, [record for _, record in records])
    texts = []
    for number, record in records:
        text = record.get(field)
        if not isinstance(text, str) or not text.strip():
            raise BadInput(f"{path}, line {number}: no text in the field {field!r}; write one or remove the line")
        subject = _word(record.get(SUBJECT)) if field != SUBJECT else ""
        if not is_writable(text + subject):
            raise BadInput(
                f"{path}, line {number}: half of a surrogate pair (such as \\ud800), which is no character; "
                "correct it or remove the line"
            )
        texts.append(Text(text, subject))
    return tuple(texts)


def _record(path: Path, number: int, line: str) -> Mapping[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path}, line {number}: not JSON ({error}); write one object per line") from error
    if not isinstance(record, dict):
        raise BadInput(f"{path}, line {number}: {type(record).__name__} instead of an object with a field {FIELD!r}")
    return record


def _text_field(path: Path, records: list[Mapping[str, Any]]) -> str:
    """The field "text" where a record has it, else the string field with the most characters over all records."""
    if any(isinstance(record.get(FIELD), str) for record in records):
        return FIELD
    lengths: Counter[str] = Counter()
    for record in records:
        lengths.update({name: len(value) for name, value in record.items() if isinstance(value, str)})
    if not lengths:
        raise BadInput(f"{path} has no string field; give each line's object a field {FIELD!r}")
    return lengths.most_common(1)[0][0]


def _csv(path: Path) -> tuple[Text, ...]:
    rows = csv_rows(path)
    header = [cell.strip().lower() for cell in rows[0]]
    if FIELD in header:
        return _column(path, rows[1:], header)
    if len(header) != COLUMNS:
        raise BadInput(
            f"{path}, row 1: neither a header with a column {FIELD!r} nor the {COLUMNS} columns of MMLU; add the header"
        )
    return tuple(Text(one.stem, one.subject) for one in questions_in(path))


def _column(path: Path, rows: list[list[str]], header: list[str]) -> tuple[Text, ...]:
    place = header.index(FIELD)
    subject = header.index(SUBJECT) if SUBJECT in header else None
    texts = []
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise BadInput(
                f"{path}, row {number}: {len(row)} columns instead of {len(header)}; quote cells that hold commas"
            )
        if row[place].strip():
            texts.append(Text(row[place], "" if subject is None else row[subject].strip()))
    if not texts:
        raise BadInput(f"{path} has a column {FIELD!r} without any text; give at least one")
    return tuple(texts)


def _word(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
