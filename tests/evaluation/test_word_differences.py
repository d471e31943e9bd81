import pytest

from mka.evaluation.word_differences import Piece, differing


def marked(one: str, other: str) -> tuple[list[str], list[str]]:
    """The words of each side that are said to differ."""
    first, second = differing(one, other)
    return [piece.text for piece in first if piece.differs], [piece.text for piece in second if piece.differs]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("the cat sat", "the cat sat", ([], [])),
        ("the cat sat", "the dog sat", (["cat"], ["dog"])),
        ("the cat sat", "the big cat sat", ([], ["big"])),
        ("a b c", "x y z", (["a", "b", "c"], ["x", "y", "z"])),
        ("It is Paris.", "It is Paris,", (["."], [","])),
        ("", "words", ([], ["words"])),
        ("", "", ([], [])),
        # Ratcliff and Obershelp keep the longest run that both have (b c), whatever stood before it.
        ("b c a", "a b c", (["a"], ["a"])),
    ],
)
def test_words_without_a_partner_differ(one, other, expected):
    assert marked(one, other) == expected


def test_white_space_is_kept_and_never_differs():
    one, other = "the\n\n  cat\tsat ", " the cat  sat"
    first, second = differing(one, other)
    assert "".join(piece.text for piece in first) == one and "".join(piece.text for piece in second) == other
    assert not [piece for piece in (*first, *second) if piece.differs]
    assert first[:2] == (Piece("the", False), Piece("\n\n  ", False))


def test_a_common_word_of_a_long_text_still_counts():
    """difflib's own heuristic would take a word for junk that fills more than a hundredth of 200 words."""
    one, other = "the cat " * 150, "the dog " * 150
    assert marked(one, other) == (["cat"] * 150, ["dog"] * 150)
