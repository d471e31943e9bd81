"""Pieces of an analysis that are read from the store, or computed and put there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import mka
from mka.objects.texts import TextSet
from mka.store import DAMAGE, Store, key_of
from mka.workflows.parts import Arrays, Meta, Parts
from mka.workflows.versions import versions

Piece = TypeVar("Piece")
Ingredients = Mapping[str, Any]

COLLECTION = 1
"""Raised whenever the same model and texts give other activations, points or counts."""
UNCERTAINTY = 1
LAYER_MAP = 1
"""Raised whenever the same figures give others."""
ROOMS = ("analysis", "models")
"""Where the code of the figures lives."""
MORE_LIBRARIES = ("tokenizers", "numba")
"""Besides those that an analysis names: they may change the last bits."""


@dataclass
class Kept:
    """The store as one analysis uses it.

    of:     what all pieces have in common: model, code, libraries; None where nothing is to be kept or found
    found:  piece -> when it was computed, of those that came from the store
    """

    store: Store
    of: Ingredients | None
    found: dict[str, str] = field(default_factory=dict)

    def piece(
        self,
        name: str,
        kind: str,
        ingredients: Ingredients,
        compute: Callable[[], Piece],
        split: Callable[[Piece], Parts],
        join: Callable[[Meta, Arrays], Piece],
    ) -> Piece:
        """The piece of these ingredients from the store, else computed and kept.

        `split` and `join` turn it into what the store holds and back, to the bit.
        """
        piece = self.look_up(name, kind, ingredients, join)
        if piece is None:
            piece = compute()
            self.keep(kind, ingredients, split(piece))
        return piece

    def look_up(
        self, name: str, kind: str, ingredients: Ingredients, join: Callable[[Meta, Arrays], Piece]
    ) -> Piece | None:
        """The piece as it was kept; None where it is not there whole."""
        if self.of is None:
            return None
        key = self._key(ingredients)
        artifact = self.store.get(kind, key)
        if artifact is None:
            return None
        try:
            piece = join(artifact.meta, artifact.arrays)
        except DAMAGE:
            self.store.drop(kind, key)
            return None
        self.found[name] = artifact.computed
        return piece

    def holds(self, kind: str, ingredients: Ingredients) -> bool:
        """Whether `look_up` has something to read."""
        return self.of is not None and self.store.holds(kind, self._key(ingredients))

    def keep(self, kind: str, ingredients: Ingredients, piece: Parts) -> None:
        """Put a piece into the store."""
        if self.of is not None:
            self.store.put(kind, self._key(ingredients), *piece)

    def _key(self, ingredients: Ingredients) -> str:
        return key_of({"of": self.of, "piece": ingredients})


def common_ingredients(identity: Mapping[str, Any] | None) -> Ingredients | None:
    """What every piece of this model hangs on besides its own recipe; None where the model is not known."""
    if identity is None:
        return None
    return {"model": identity, "code": _code(), "libraries": _libraries()}


def words_of(texts: TextSet) -> str:
    """SHA-256 of the texts and subjects, letter by letter and in order: white space changes tokens."""
    return key_of({"texts": [[text.text, text.subject] for text in texts.texts]})


@cache
def _code() -> str:
    """SHA-256 of the code that computes: a version that somebody forgot to raise must not bring old figures back."""
    files = [path for room in ROOMS for path in sorted((Path(mka.__file__).parent / room).glob("*.py"))]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()


def _libraries() -> dict[str, str]:
    """The releases that compute; MKA's own is in each piece's version and in its code."""
    found = {name: release for name, release in versions().items() if name != "mka"}
    for name in MORE_LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue  # numba is optional
    return found
