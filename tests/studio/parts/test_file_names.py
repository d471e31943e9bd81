"""What files are called that leave the studio."""

from __future__ import annotations

import pytest

from mka.studio.parts.file_names import SLUG_LENGTH, file_name, slug


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("demo", "demo"),
        ("/models/My Model_7B/", "my-model-7b"),
        ("C:\\models\\Big One", "big-one"),
        ("org/name.v2", "name-v2"),
        ("<b>", "b"),
        ("…", "model"),
        ("", "model"),
        ("a" * SLUG_LENGTH + "b", "a" * SLUG_LENGTH),
        ("a" * (SLUG_LENGTH - 1) + "-b", "a" * (SLUG_LENGTH - 1)),
    ],
)
def test_a_models_name_in_a_file_name(source: str, said: str):
    assert slug(source) == said


def test_a_file_names_its_model_and_what_it_is():
    assert file_name("org/Big One", "runs.csv") == "mka-big-one-runs.csv"
    assert file_name("demo", "similarity-npib") == "mka-demo-similarity-npib"
