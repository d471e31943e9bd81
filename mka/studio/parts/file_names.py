"""How every file that leaves the studio is called: by the model that it tells of and by what it is."""

from __future__ import annotations

import re

SLUG_LENGTH = 40


def file_name(source: str, what: str) -> str:
    """`mka-MODEL-WHAT`. source: the model's name; what: with its ending, or without one for a family of files."""
    return f"mka-{slug(source)}-{what}"


def slug(source: str) -> str:
    """A model's name as part of a file name: lower-case letters, digits and hyphens of its last part, at most
    SLUG_LENGTH; "model" where nothing of it can be written so."""
    last = source.rstrip("/\\").replace("\\", "/").rpartition("/")[2]
    return re.sub(r"[^a-z0-9]+", "-", last.lower()).strip("-")[:SLUG_LENGTH].strip("-") or "model"
