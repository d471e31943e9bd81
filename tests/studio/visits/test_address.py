"""The page's address: what it says, that it says it again, and that nothing in it can break a sentence."""

from __future__ import annotations

from urllib.parse import parse_qsl

from hypothesis import given
from hypothesis import strategies as st

from mka.studio.visits.address import LONGEST, NAMES, Address, query_string, said

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
addresses = st.builds(Address, *(words for _ in NAMES))


@given(addresses)
def test_what_is_written_is_read_again(address: Address):
    query = query_string(address.words)
    assert query.isascii()
    assert Address.read(dict(parse_qsl(query, keep_blank_values=True))) == address


def test_what_is_not_said_is_left_out():
    assert Address(visit="v", model="demo").words == {"visit": "v", "model": "demo"}
    assert query_string(Address().words) == ""


def test_a_permalink_leaves_the_visit_to_its_browser():
    assert Address("v", "demo", "npib", "p", "r").permalink == Address("", "demo", "npib", "p", "r")


def test_parameters_of_a_page_stay_and_old_ones_of_ours_go():
    asked = {"topic": "measures", "plan": "an old one", "visit": "another"}
    assert Address(visit="v", model="demo").among(asked) == {"visit": "v", "model": "demo", "topic": "measures"}


def test_a_file_name_that_is_no_unicode_is_no_error():
    assert query_string({"model": "broken-\udcff"}) == "model=broken-%3F"


@given(st.text(max_size=300))
def test_a_value_is_said_on_one_short_line(value: str):
    line = said(value)
    assert line.isprintable() and len(line) <= LONGEST + 3
    line.encode()


def test_a_short_value_is_said_whole_and_a_long_one_is_cut():
    assert said("<b>hi") == "“<b>hi”"
    assert said("a" * 60) == f"“{'a' * 60}”" and said("a" * 61) == f"“{'a' * 60}…”"
    assert said("two\nlines") == "“two�lines”"
