"""The guide: the Markdown pages of assets/guide, as the studio shows them.

The texts come with the program, so they may go through Streamlit's markdown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mka.assets import asset

PICTURE = re.compile(r"^!\[(?P<alt>[^\]]*)\]\((?P<path>[^)\s]+)\)\s*$", re.MULTILINE)
LINK = re.compile(r"\]\((?P<topic>[\w-]+)\.md(?P<rest>#[\w-]*)?\)")
HEADING = re.compile(r"^#\s+(?P<title>.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Picture:
    """A picture of the guide: where it lies and what it shows, in words."""

    path: Path
    alt: str


@dataclass(frozen=True)
class Topic:
    """A page of the guide: its name in addresses, its first heading, and the Markdown below that."""

    name: str
    title: str
    text: str
    folder: Path

    def parts(self, address: str) -> Iterator[str | Picture]:
        """Text and pictures in turn. Links to other topics become `address` with {topic} filled in; a picture that is
        not there leaves its words."""
        text = LINK.sub(lambda found: f"]({address.format(topic=found['topic'])})", self.text)
        end = 0
        for found in PICTURE.finditer(text):
            yield text[end : found.start()]
            path = self.folder / found["path"]
            yield Picture(path, found["alt"]) if path.is_file() else found["alt"]
            end = found.end()
        yield text[end:]


def topics() -> Mapping[str, Topic]:
    """Every page of the guide by name, in the order of the names; a page without a heading is called by its name."""
    pages = sorted(asset("guide").glob("*.md"))
    return {page.stem: _topic(page) for page in pages}


def _topic(page: Path) -> Topic:
    text = page.read_text(encoding="utf-8")
    heading = HEADING.search(text)
    title = heading["title"].strip() if heading else page.stem.replace("-", " ").capitalize()
    return Topic(page.stem, title, text[heading.end() :] if heading else text, page.parent)
