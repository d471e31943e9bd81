"""Draws by a seed, and what may not be in a file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mka.data.reading import check_limit, draw, draw_balanced, existing, read_text
from mka.errors import BadInput

seeds = st.integers(0, 1000)


@given(count=st.integers(0, 40), limit=st.integers(1, 50) | st.none(), seed=seeds)
def test_a_draw_keeps_the_order_and_repeats(count: int, limit: int | None, seed: int) -> None:
    drawn = draw(range(count), limit, seed)
    assert len(drawn) == (count if limit is None else min(count, limit))
    assert list(drawn) == sorted(set(drawn)) and drawn == draw(range(count), limit, seed)


@given(groups=st.lists(st.sampled_from("abcd"), max_size=40), limit=st.integers(1, 50), seed=seeds)
def test_a_balanced_draw_takes_as_many_of_each(groups: list[str], limit: int, seed: int) -> None:
    drawn = draw_balanced(range(len(groups)), groups, limit, seed)
    assert len(drawn) == min(len(groups), limit)
    assert list(drawn) == sorted(set(drawn)) and drawn == draw_balanced(range(len(groups)), groups, limit, seed)
    there, taken = Counter(groups), Counter(groups[place] for place in drawn)
    most = max(taken.values(), default=0)
    # A group that gave less than the fullest by two or more had no more to give.
    assert all(taken[group] >= most - 1 or taken[group] == there[group] for group in there)


def test_seeds_differ() -> None:
    groups = ["a", "b"] * 20
    assert len({draw(range(40), 5, seed) for seed in range(20)}) > 10
    assert len({draw_balanced(range(40), groups, 5, seed) for seed in range(20)}) > 10


def test_no_group_is_always_first() -> None:
    groups = ["a", "b", "c"]
    assert {draw_balanced(groups, groups, 1, seed) for seed in range(30)} == {("a",), ("b",), ("c",)}


@pytest.mark.parametrize("limit", [0, -1, True, 1.5, "3"])
def test_limits(limit: object) -> None:
    with pytest.raises(BadInput, match="limit must be a whole number from 1"):
        check_limit(limit)  # type: ignore[arg-type]


def test_a_byte_order_mark_and_other_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeffgrün\r\nblau\rrot\n".encode())
    assert read_text(path) == "grün\nblau\nrot\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b" \n\t\n", "is empty"),
        ("\ufeff".encode(), "is empty"),
        (b"one\ntwo\nthr\xffee", "not UTF-8 text: byte 0xff in line 3"),
        (b"one\nhalf \xed\xa0\x80", "not UTF-8 text: byte 0xed in line 2"),
        ("grün".encode("latin-1"), "not UTF-8 text: byte 0xfc in line 1"),
        ("text".encode("utf-16"), "not UTF-8 text"),
    ],
)
def test_refuses_content_in_one_line(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=words) as caught:
        read_text(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_refuses_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no file or folder"):
        existing(tmp_path / "none.txt")
    with pytest.raises(BadInput, match="is empty"):
        existing("")
    with pytest.raises(BadInput, match="cannot be read"):
        read_text(tmp_path)
