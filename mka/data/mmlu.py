"""The layout of MMLU (Hendrycks et al., 2021, arXiv 2009.03300): SPLIT/SUBJECT_SPLIT.csv.

Rows without a header: question, four options, the letter of the right one.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from mka.data.reading import read_text
from mka.errors import BadInput
from mka.objects.texts import Question

SPLITS = ("dev", "test", "val")
COLUMNS = 6
LETTERS = "ABCD"


def csv_rows(path: Path) -> list[list[str]]:
    """The rows of a csv file that are not blank; quoted cells may hold line breaks. BadInput for a quote left open."""
    try:
        return [row for row in csv.reader(io.StringIO(read_text(path), newline=""), strict=True) if row]
    except csv.Error as error:
        raise BadInput(
            f"{path} cannot be read as csv ({error}); close each quoted cell and double the quotes inside it"
        ) from error


def questions_in(path: Path) -> tuple[Question, ...]:
    """The questions of one csv file; BadInput names the row, counted from 1, that is not in the layout."""
    subject = subject_of(path)
    return tuple(_question(path, number, row, subject) for number, row in enumerate(csv_rows(path), start=1))


def subject_of(path: Path) -> str:
    """The name without its split: "anatomy" of anatomy_dev.csv; the whole name where it names no split."""
    subject, _, split = path.stem.rpartition("_")
    return subject if split in SPLITS and subject else path.stem


def split_files(folder: Path, split: str) -> tuple[Path, ...]:
    """The csv files of one split, sorted: in the folder's subfolder `split`, or named *_SPLIT.csv in the folder.

    BadInput for an unknown split or a folder that holds none of it.
    """
    if split not in SPLITS:
        raise BadInput(f"split {split!r} is unknown; use one of {', '.join(SPLITS)}")
    found = sorted((folder / split).glob("*.csv")) or sorted(folder.glob(f"*_{split}.csv"))
    if not found:
        raise BadInput(
            f"{folder} holds no csv file of the split {split!r}; put them as {split}/SUBJECT_{split}.csv into it"
        )
    return tuple(found)


def questions_of(folder: Path, split: str) -> tuple[Question, ...]:
    """The questions of all subjects of one split, subject by subject."""
    return tuple(question for path in split_files(folder, split) for question in questions_in(path))


def _question(path: Path, number: int, row: list[str], subject: str) -> Question:
    if len(row) != COLUMNS:
        raise BadInput(
            f"{path}, row {number}: {len(row)} columns instead of {COLUMNS} (question, four options, letter); "
            "quote cells that hold commas"
        )
    stem, *options, letter = row
    answer = letter.strip()
    if len(answer) != 1 or answer not in LETTERS:
        hint = "; the layout has no header row" if number == 1 else ""
        raise BadInput(f"{path}, row {number}: the answer is {answer[:40]!r}, not A, B, C or D; correct it{hint}")
    if not stem.strip():
        raise BadInput(f"{path}, row {number}: the question is empty; write one or remove the row")
    return Question(stem, (options[0], options[1], options[2], options[3]), LETTERS.index(answer), subject)
