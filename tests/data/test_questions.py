"""Questions in the layout of MMLU, out of files written by hand."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mka.data.questions import load_questions
from mka.errors import BadInput
from mka.objects.texts import Question

QUOTED = (
    '"Statement 1 | A sum, as ""written"".\nStatement 2 | A product.","True, True","False, False",'
    '"True, False","False, True",C\n'
)
PLAIN = "How many hands has a clock?,0,1,2,3, C \n"


def row(stem: str, letter: str = "A") -> str:
    return f"{stem},1,2,3,4,{letter}\n"


def mmlu(folder: Path, **counts: int) -> Path:
    """`SPLIT_SUBJECT=n` writes n questions of a subject."""
    for name, count in counts.items():
        split, subject = name.split("_")
        (folder / split).mkdir(exist_ok=True, parents=True)
        content = "".join(row(f"{split} {subject} {number}") for number in range(count))
        (folder / split / f"{subject}_{split}.csv").write_text(content)
    return folder


def test_a_row_as_written(tmp_path: Path) -> None:
    path = tmp_path / "abstract_algebra_test.csv"
    path.write_text(QUOTED + "\n" + PLAIN)
    assert load_questions(path).questions == (
        Question(
            'Statement 1 | A sum, as "written".\nStatement 2 | A product.',
            ("True, True", "False, False", "True, False", "False, True"),
            2,
            "abstract_algebra",
        ),
        Question("How many hands has a clock?", ("0", "1", "2", "3"), 2, "abstract_algebra"),
    )


# Any text but control characters other than the line break, and but the byte order mark, which a file may begin with.
letters = st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufeff") | st.just("\n")
cells = st.text(letters, min_size=1).filter(str.strip)


@given(rows=st.lists(st.tuples(cells, cells, cells, cells, cells, st.sampled_from("ABCD")), min_size=1, max_size=4))
def test_gives_back_what_a_csv_writer_wrote(
    rows: list[tuple[str, ...]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("questions") / "s.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    found = [(one.stem, *one.options, "ABCD"[one.answer]) for one in load_questions(path).questions]
    assert found == rows


def test_a_folder_with_exemplars_of_the_subjects_asked(tmp_path: Path) -> None:
    found = load_questions(mmlu(tmp_path, test_b=2, test_a=1, dev_a=2, dev_b=1, dev_c=4))
    assert [one.stem for one in found.questions] == ["test a 0", "test b 0", "test b 1"]
    assert [one.stem for one in found.exemplars] == ["dev a 0", "dev a 1", "dev b 0"]
    assert (found.subjects, found.source) == (("a", "b"), str(tmp_path))


def test_the_dev_split_is_no_exemplar_of_itself(tmp_path: Path) -> None:
    found = load_questions(mmlu(tmp_path, test_a=1, dev_a=2), split="dev")
    assert [one.stem for one in found.questions] == ["dev a 0", "dev a 1"] and found.exemplars == ()


def test_a_folder_without_dev_has_no_exemplars(tmp_path: Path) -> None:
    assert load_questions(mmlu(tmp_path, test_a=1)).exemplars == ()


@pytest.mark.parametrize("name", ["test/a_test.csv", "val/a_val.csv"])
def test_a_file_finds_its_exemplars(name: str, tmp_path: Path) -> None:
    mmlu(tmp_path, test_a=1, val_a=1, dev_a=2, dev_b=1)
    assert [one.stem for one in load_questions(tmp_path / name).exemplars] == ["dev a 0", "dev a 1"]


def test_exemplars_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "a_test.csv").write_text(row("asked"))
    (tmp_path / "a_dev.csv").write_text(row("shown"))
    assert [one.stem for one in load_questions(tmp_path / "a_test.csv").exemplars] == ["shown"]
    assert load_questions(tmp_path / "a_dev.csv").exemplars == ()


def test_a_limit_takes_as_many_of_each_subject(tmp_path: Path) -> None:
    folder = mmlu(tmp_path, test_a=9, test_b=2, test_c=9)
    found = load_questions(folder, limit=10, seed=4)
    assert Counter(one.subject for one in found.questions) == {"a": 4, "b": 2, "c": 4}
    stems = [one.stem for one in found.questions]
    assert stems == sorted(stems) == [one.stem for one in load_questions(folder, limit=10, seed=4).questions]
    assert stems != [one.stem for one in load_questions(folder, limit=10, seed=5).questions]


def test_exemplars_only_of_subjects_that_were_drawn(tmp_path: Path) -> None:
    found = load_questions(mmlu(tmp_path, test_a=1, test_b=1, dev_a=1, dev_b=1), limit=1)
    assert [one.subject for one in found.exemplars] == [found.questions[0].subject]


def test_the_demo() -> None:
    found = load_questions("demo")
    assert found.source == "demo" and len(found.subjects) >= 8
    assert {one.subject for one in found.exemplars} == set(found.subjects)
    assert not set(found.hashes) & {one.hash for one in found.exemplars}
    assert len(load_questions("demo", limit=24).questions) == 24


BROKEN = {
    "short": (row("one") + "two,1,2,3,A\n", "row 2: 5 columns instead of 6"),
    "long": (row("a comma, unquoted"), "row 1: 7 columns instead of 6"),
    "letter": (row("one") + "\n" + row("two", "E"), "row 2: the answer is 'E', not A, B, C or D; correct it$"),
    "small letter": (row("one", "a"), "the answer is 'a'"),
    "two letters": (row("one", "AB"), "the answer is 'AB'"),
    "no letter": (row("one", ""), "the answer is ''"),
    "header": ("question,A,B,C,D,answer\n", "row 1: the answer is 'answer'.*no header row"),
    "no stem": (row("one") + row(" "), "row 2: the question is empty"),
    "nothing": ("", "is empty"),
    "open quote": ('"one,1,2,3,4,A\n', "cannot be read as csv"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_refuses_in_one_line(case: str, tmp_path: Path) -> None:
    content, words = BROKEN[case]
    path = tmp_path / "a_test.csv"
    path.write_text(content)
    with pytest.raises(BadInput, match=words) as caught:
        load_questions(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_a_broken_dev_file_is_not_passed_over(tmp_path: Path) -> None:
    mmlu(tmp_path, test_a=1, dev_a=1)
    (tmp_path / "dev" / "a_dev.csv").write_text("one,2\n")
    with pytest.raises(BadInput, match=r"a_dev\.csv, row 1: 2 columns"):
        load_questions(tmp_path)


def test_refuses_sources_and_splits(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    for call, words in (
        (lambda: load_questions(tmp_path / "none"), "there is no file or folder"),
        (lambda: load_questions(tmp_path / "a.txt"), r"a\.txt is no csv file"),
        (lambda: load_questions(tmp_path), "no csv file of the split 'test'"),
        (lambda: load_questions("demo", split="train"), "split 'train' is unknown"),
        (lambda: load_questions("demo", split="val"), "no csv file of the split 'val'"),
        (lambda: load_questions("demo", limit=-1), "limit"),
        (lambda: load_questions("demo", seed=2**32), "seed must be a whole number"),
    ):
        with pytest.raises(BadInput, match=words) as caught:
            call()
        assert "\n" not in str(caught.value)
