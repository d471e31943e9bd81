"""The guide's pages: each has a heading, its pictures and its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mka.objects.measures import MEASURES
from mka.objects.methods import METHODS
from mka.studio.guide import guide
from mka.studio.guide.guide import Picture, Topic, topics

PANELS = re.compile(r'(?:explained|guide_link)\((?:[^()]|\([^()]*\))*?"(\w+)"\s*\)')


def test_every_page_has_a_heading_pictures_and_links_that_lead_somewhere():
    known = topics()
    assert {"measures", "manifolds"} <= set(known)
    for topic in known.values():
        assert topic.title and not topic.title.startswith("#")
        parts = list(topic.parts("/guide?topic={topic}"))
        assert topic.text.count("](../pictures/") == sum(isinstance(part, Picture) for part in parts)
        for part in parts:
            if isinstance(part, Picture):
                assert part.path.is_file() and part.alt
            else:
                assert set(re.findall(r"/guide\?topic=(\w+)", part)) <= set(known)
                assert ".md)" not in part


def test_every_panel_links_to_a_page_that_is_there():
    root = Path(guide.__file__).parents[3]
    named = {
        topic
        for file in (*root.glob("pages/*.py"), *(root / "mka" / "studio").rglob("*.py"))
        for topic in PANELS.findall(file.read_text(encoding="utf-8"))
    }
    assert {"measures", "manifolds", "calibration"} <= named <= set(topics())


def test_every_measure_and_method_is_explained():
    pages = topics()
    assert all(f"`{name}`" in pages["measures"].text for name in MEASURES)
    assert all(f"`{name}`" in pages["manifolds"].text for name in METHODS)


@pytest.mark.parametrize(
    ("text", "title", "rest"), [("# A: b\nbody", "A: b", "\nbody"), ("no heading", "Some page", "no heading")]
)
def test_the_first_heading_is_the_title(text: str, title: str, rest: str, tmp_path: Path, monkeypatch):
    (tmp_path / "some-page.md").write_text(text)
    monkeypatch.setattr(guide, "asset", lambda name: tmp_path)
    assert topics() == {"some-page": Topic("some-page", title, rest, tmp_path)}


def test_a_picture_that_is_missing_leaves_its_words(tmp_path: Path):
    topic = Topic("t", "T", "before\n![what it shows](none.png)\nafter [m](measures.md#x)", tmp_path)
    assert list(topic.parts("?{topic}")) == ["before\n", "what it shows", "\nafter [m](?measures)"]
