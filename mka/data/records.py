"""Texts out of records: the lines of a .jsonl file, the rows of a .csv file under a header, a hub dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mka.data.reading import is_writable
from mka.errors import BadInput
from mka.objects.texts import Text

FIELD, SUBJECT = "text", "subject"


@dataclass(frozen=True)
class Record:
    """One record and how to find it, such as "line 3"."""

    place: str
    fields: Mapping[str, Any]


def texts_of(source: str, records: Sequence[Record], field: str | None, *, holes: bool) -> tuple[Text, ...]:
    """The text of each record, with its "subject" where that is a string.

    source:  what errors call where the records came from
    field:   that holds the text; where None "text", else the string field that is longest in all
    holes:   whether records without text are passed over, as a table's empty cells are, or refused

    Raises BadInput for a field that no record has, no text at all, and text that UTF-8 cannot hold.
    """
    chosen = _guessed(source, records) if field is None else _named(source, records, field)
    texts = []
    for record in records:
        text = record.fields.get(chosen)
        blank = text is None or (isinstance(text, str) and not text.strip())
        if blank and holes:
            continue
        if blank or not isinstance(text, str):
            raise BadInput(f"{source}, {record.place}: no text in the field {chosen!r}; write one or remove the line")
        subject = record.fields.get(SUBJECT) if chosen != SUBJECT else None
        subject = subject.strip() if isinstance(subject, str) else ""
        if not is_writable(text + subject):
            raise BadInput(
                f"{source}, {record.place}: half of a surrogate pair (such as \\ud800), which is no character; "
                "correct it or remove the line"
            )
        texts.append(Text(text, subject))
    if not texts:
        raise BadInput(f"{source} has a field {chosen!r} without any text; give at least one")
    return tuple(texts)


def _named(source: str, records: Sequence[Record], field: str) -> str:
    names = dict.fromkeys(name for record in records for name in record.fields)
    if field not in names:
        raise BadInput(f"{source} has no field {field!r}; it has {', '.join(map(repr, names)) or 'none'}")
    return field


def _guessed(source: str, records: Sequence[Record]) -> str:
    """The field "text" where a record has it, else the string field with the most characters over all records."""
    if any(isinstance(record.fields.get(FIELD), str) for record in records):
        return FIELD
    lengths: Counter[str] = Counter()
    for record in records:
        lengths.update({name: len(value) for name, value in record.fields.items() if _is_words(value)})
    if not lengths:
        raise BadInput(f"{source} has no string field; call the texts' field {FIELD!r}")
    return lengths.most_common(1)[0][0]


def _is_words(value: object) -> bool:
    """Whether it is a string that is no number, as a cell of a table may be."""
    if not isinstance(value, str) or not value.strip():
        return False
    try:
        float(value)
    except ValueError:
        return True
    return False
