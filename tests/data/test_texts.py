"""Texts out of files written by hand."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mka.assets import asset
from mka.data.texts import load_texts
from mka.errors import BadInput
from mka.objects.texts import Text

MMLU_ROW = '"Which of these, a or b?",one,"two, or more",three,four,B\n'


def write(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def texts_of(path: Path) -> list[str]:
    return [text.text for text in load_texts(path).texts]


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        ("one\n\ntwo\nlines\n\n\n\nthree\n", ["one", "two\nlines", "three"]),
        ("one\ntwo\n", ["one", "two"]),
        ("\n\none\ntwo\n\n", ["one", "two"]),
        ("one\n \t\ntwo", ["one", "two"]),
        ("only", ["only"]),
        ("  indented\n\nother  \n", ["indented", "other"]),
        ("one\r\n\r\ntwo\r\n", ["one", "two"]),
    ],
)
def test_txt(content: str, texts: list[str], tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content.encode())
    assert texts_of(path) == texts


paragraphs = st.lists(
    st.lists(st.text("abc .", min_size=1).filter(str.strip), min_size=1, max_size=3).map("\n".join), min_size=2
)


@given(texts=paragraphs)
def test_txt_gives_back_the_paragraphs_written(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = write(tmp_path_factory.mktemp("texts") / "a.txt", "\n\n".join(texts) + "\n")
    assert [text.split() for text in texts_of(path)] == [text.split() for text in texts]


@pytest.mark.parametrize(
    ("records", "texts"),
    [
        ([{"text": "one"}, {"text": "two\nlines", "title": "a much longer string"}], ["one", "two\nlines"]),
        ([{"body": "one", "id": 3}, {"body": "two", "id": 4}], ["one", "two"]),
        ([{"title": "t", "body": "long text"}, {"title": "longer", "body": "the text"}], ["long text", "the text"]),
    ],
)
def test_jsonl_finds_the_field(records: list[object], texts: list[str], tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", "\n".join(json.dumps(record) for record in records) + "\n\n")
    assert texts_of(path) == texts


def test_subjects_are_read_where_named(tmp_path: Path) -> None:
    lines = write(tmp_path / "a.jsonl", '{"text": "one", "subject": "s"}\n{"text": "two", "subject": 3}\n')
    assert load_texts(lines).texts == (Text("one", "s"), Text("two"))
    table = write(tmp_path / "a.csv", "Subject,Text\ns,one\n,two\n")
    assert load_texts(table).texts == (Text("one", "s"), Text("two"))


def test_a_whole_surrogate_pair_is_a_character(tmp_path: Path) -> None:
    assert texts_of(write(tmp_path / "a.jsonl", '{"text": "\\ud83d\\ude00"}\n')) == ["\U0001f600"]


def test_csv_with_a_header(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'id, text \n1,"one, and\nmore"\n2,\n3,three\n')
    assert texts_of(path) == ["one, and\nmore", "three"]


@pytest.mark.parametrize(
    ("content", "field", "texts"),
    [
        ("id,Body,title\n1,the longer one,a\n2,b,\n", None, ["the longer one", "b"]),
        ("number,word\n123456789,a\n234567891,b\n", None, ["a", "b"]),  # numbers are no text, however long
        ("text,body\na,the longer one\n", None, ["a"]),
        ("text,Body\na,the longer one\n", "body", ["the longer one"]),
        ("text,body\na,the longer one\n", " BODY ", ["the longer one"]),
        ("question,A,B,C,D,answer\nWhich of these?,1,2,3,4,A\n", None, ["Which of these?"]),  # no MMLU: a header
        ("Which of these?,1,2,3,4,A\n", None, ["Which of these?"]),  # MMLU by its letter
    ],
)
def test_csv_finds_the_column(content: str, field: str | None, texts: list[str], tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", content)
    assert [text.text for text in load_texts(path, field=field).texts] == texts


def test_jsonl_takes_the_field_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"text": "a", "Body": "b", "subject": "s"}\n')
    assert load_texts(path, field="Body").texts == (Text("b", "s"),)
    assert load_texts(path, field="subject").texts == (Text("s"),)


def test_a_field_that_is_not_there_is_said(tmp_path: Path) -> None:
    lines = write(tmp_path / "a.jsonl", '{"text": "a", "body": "b"}\n')
    table = write(tmp_path / "a.csv", "text,body\na,\n")
    plain = write(tmp_path / "a.txt", "a\n")
    for source, field, words in (
        (lines, "title", "has no field 'title'; it has 'text', 'body'"),
        (table, "title", "has no field 'title'; it has 'text', 'body'"),
        (table, "body", "field 'body' without any text"),
        (plain, "text", "a.txt has no fields to choose 'text' from; leave the field out"),
        (tmp_path, "text", "folder of MMLU questions .* has no fields"),
        ("demo", "text", "the demo has no fields"),
    ):
        with pytest.raises(BadInput, match=words) as caught:
            load_texts(source, field=field)
        assert "\n" not in str(caught.value)


def test_csv_of_mmlu_gives_its_questions_as_written(tmp_path: Path) -> None:
    path = write(tmp_path / "sea_life_dev.csv", MMLU_ROW + '"  Two\nlines ""quoted""",a,b,c,d,D\n')
    assert load_texts(path).texts == (
        Text("Which of these, a or b?", "sea_life"),
        Text('  Two\nlines "quoted"', "sea_life"),
    )


def test_a_folder_of_mmlu(tmp_path: Path) -> None:
    for split in ("dev", "test"):
        (tmp_path / split).mkdir()
        for subject in ("b", "a"):
            write(tmp_path / split / f"{subject}_{split}.csv", f"{split} {subject}?,1,2,3,4,A\n")
    found = load_texts(tmp_path)
    assert (found.texts, found.split) == ((Text("dev a?", "a"), Text("dev b?", "b")), "dev")
    assert [text.text for text in load_texts(tmp_path, split="test").texts] == ["test a?", "test b?"]
    flat = load_texts(tmp_path / "test", split="test")
    assert [text.subject for text in flat.texts] == ["a", "b"]


def test_the_demo_has_two_splits_that_share_nothing() -> None:
    dev, test = load_texts("demo"), load_texts("demo", split="test")
    assert (dev.split, test.split, dev.source) == ("dev", "test", "demo")
    assert len(dev.texts) > 100 and not set(dev.hashes) & set(test.hashes)
    assert "\n\n".join(text.text for text in dev.texts) == asset("demo-texts", "dev.txt").read_text().strip()


def test_source_and_split_say_what_was_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.TXT", "one\ntwo\nthree\n")
    found = load_texts(str(path), split="test", limit=2, seed=1)
    assert (found.source, found.split, len(found.texts)) == (str(path), "", 2)
    assert found.key != load_texts(path).key == load_texts(path, limit=9).key


BROKEN = {
    "empty.txt": ("", "is empty"),
    "empty.jsonl": ("\n", "is empty"),
    "other.pdf": ("text", r"no known kind; give a \.txt, \.jsonl, \.csv file"),
    "bad.jsonl": ('{"text": "one"}\n{"text": \n', "line 2: not JSON"),
    "deep.jsonl": ("[" * 100_000, "line 1: not JSON"),
    "list.jsonl": ("[1]\n", "line 1: list instead of an object"),
    "numbers.jsonl": ('{"a": 1}\n', "has no string field"),
    "hole.jsonl": ('{"text": "one"}\n\n{"text": ""}\n', "line 3: no text in the field 'text'"),
    "other.jsonl": ('{"text": "one"}\n{"body": "two"}\n', "line 2: no text in the field 'text'"),
    "half.jsonl": ('{"text": "one"}\n{"text": "two \\ud800"}\n', r"line 2: half of a surrogate pair \(such as"),
    "subject.jsonl": ('{"text": "one", "subject": "\\udc00"}\n', "line 1: half of a surrogate pair"),
    "six_dev.csv": ("question,A,B,C,D,answer\nq,1,2,3,4,A\n", "row 1: the answer is 'answer'.* no header row"),
    "two.csv": ("a,b\n1,2\n", "has no string field"),
    "ragged.csv": ("id,text\n1,one\n2,one,two\n", "row 3: 3 columns instead of 2"),
    "none.csv": ("id,text\n1,\n", "without any text"),
    "header.csv": ("text\n", "without any text"),
    "open.csv": ('text\n"one\n', "cannot be read as csv"),
    "five.csv": (MMLU_ROW + "q,1,2,3,A\n", "row 2: 5 columns instead of 6"),
    "letter.csv": (MMLU_ROW + "q,1,2,3,4,E\n", "row 2: the answer is 'E'"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_refuses_in_one_line(name: str, tmp_path: Path) -> None:
    content, words = BROKEN[name]
    path = write(tmp_path / name, content)
    with pytest.raises(BadInput, match=words) as caught:
        load_texts(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_refuses_sources_and_splits(tmp_path: Path) -> None:
    for call, words in (
        (lambda: load_texts(tmp_path / "none.txt"), "there is no file or folder"),
        (lambda: load_texts("nowhere"), "there is no file or folder nowhere"),
        (lambda: load_texts("no\nwhere"), "there is no file or folder no where"),
        (lambda: load_texts("x" * 5000), "there is no file or folder x{200};"),
        (lambda: load_texts("demo", split="train"), "split 'train' is unknown; the demo has dev, test"),
        (lambda: load_texts(tmp_path), "no csv file of the split 'dev'"),
        (lambda: load_texts(tmp_path, split="train"), "split 'train' is unknown; use one of dev, test, val"),
        (lambda: load_texts("demo", limit=0), "limit"),
        (lambda: load_texts("demo", seed=-1), "seed must be a whole number"),
    ):
        with pytest.raises(BadInput, match=words) as caught:
            call()
        assert "\n" not in str(caught.value)


def test_any_csv_that_python_writes_is_read_back(tmp_path: Path) -> None:
    cells = ['a "b" c', "x,y", "line\nbreak", "plain", " spaced ", "ünï"]
    with (tmp_path / "a.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["text"], *([cell] for cell in cells)])
    assert texts_of(tmp_path / "a.csv") == cells
