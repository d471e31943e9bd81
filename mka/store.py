"""Computed results on disk, each under a key that says what went into it.

One file per result, KIND-KEY.npz: arrays and a JSON object, no pickle. A file that cannot be read as what its name
says is no result and is deleted. Two processes may write one key: the same content takes its place twice.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import os
import re
import sys
import time
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from mka.errors import BadInput
from mka.places import beside

PLACE, LIMIT = "MKA_STORE", "MKA_STORE_LIMIT"
"""Environment variables: the store's folder, or "off"; its size limit, in bytes or such as 2GB, 0 for no store."""
DEFAULT_LIMIT = 2_000_000_000
LARGEST_SHARE = 4
"""A result larger than the limit divided by this is not kept, so that none pushes all others out."""

FORMAT = "mka-store/1"
HEADER = "header"
_FILE = re.compile(r"(?P<kind>[a-z]+(-[a-z]+)*)-(?P<key>[0-9a-f]{64})\.npz")
_UNFINISHED = re.compile(r"\.[a-z]+(-[a-z]+)*-[0-9a-f]{8,}\.[0-9a-f]{8}")
"""What `beside` calls a result's file until it is whole."""
ABANDONED = 3600.0
"""Seconds after which an unfinished file has no writer any more."""
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", re.ASCII | re.IGNORECASE)
DAMAGE = (
    OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error, lzma.LZMAError,
    RuntimeError,  # an unknown compression or encryption, and JSON nested too deep
)  # fmt: skip
"""What reading a file raises that another program cut short or wrote."""


@dataclass(frozen=True)
class Artifact:
    """A result as it was kept: `meta`, plain JSON; `arrays` by name; `computed`, when, as "2026-01-31 12:00 UTC"."""

    meta: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]
    computed: str


@dataclass(frozen=True)
class Entry:
    """One file of the store: `size` in bytes, `used` in seconds since 1970."""

    kind: str
    path: Path
    size: int
    used: float


@dataclass
class Store:
    """The results kept in one folder, `limit` bytes of them at most; with 0 nothing is kept and nothing is found.

    No method fails for the disk: what cannot be kept is not kept, and `problem` says why in one line.
    """

    root: Path
    limit: int = DEFAULT_LIMIT
    problem: str = field(default="", init=False)

    @property
    def on(self) -> bool:
        return self.limit > 0

    def get(self, kind: str, key: str) -> Artifact | None:
        """The result of this kind and key, None where there is none. It counts as used now."""
        if not self.on:
            return None
        path = self._path(kind, key)
        try:
            found = _read(path, kind, key)
        except OSError:  # not there, or not to be read just now
            return None
        except DAMAGE:
            self.drop(kind, key)
            return None
        with suppress(OSError):  # a store that may only be read
            os.utime(path)
        return found

    def holds(self, kind: str, key: str) -> bool:
        """Whether there is a file of this kind and key, whole or not."""
        return self.on and self._path(kind, key).is_file()

    def put(self, kind: str, key: str, meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
        """Keep a result: `meta` as JSON holds it, arrays of numbers. The least recently used ones make room for it."""
        header = {"format": FORMAT, "kind": kind, "key": key, "computed": _now(), "meta": meta}
        text = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
        size = text.nbytes + sum(array.nbytes for array in arrays.values())
        if not self.on or size > self.limit // LARGEST_SHARE:
            return
        path = self._path(kind, key)
        fresh = beside(path)
        try:
            # The texts that were read are in there: they are for this user alone.
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                with fresh.open("xb") as file:
                    np.savez(file, **{HEADER: text}, **{f"array/{name}": array for name, array in arrays.items()})  # type: ignore[arg-type]  # names are ours, never an option's
                os.replace(fresh, path)
            finally:
                fresh.unlink(missing_ok=True)
            self._trim()
        except OSError as error:
            self.problem = (
                f"results are not kept for next time: {self.root} cannot be written ({error.strerror or error}); "
                f"free some space, set {PLACE} to another folder, or to off"
            )

    def drop(self, kind: str, key: str) -> None:
        """Forget a result."""
        with suppress(OSError):
            self._path(kind, key).unlink(missing_ok=True)

    def entries(self) -> tuple[Entry, ...]:
        """The results in the folder, the least recently used first."""
        found = []
        for path, matched in self._files(_FILE):
            with suppress(OSError):  # another process deleted it meanwhile
                state = path.stat()
                found.append(Entry(matched["kind"], path, state.st_size, state.st_mtime))
        return tuple(sorted(found, key=lambda entry: (entry.used, entry.path.name)))

    def clear(self) -> tuple[int, int]:
        """Delete what the store wrote and nothing else: how many results, and their bytes."""
        entries = self.entries()
        for path in (*(entry.path for entry in entries), *(path for path, _ in self._files(_UNFINISHED))):
            with suppress(OSError):
                path.unlink(missing_ok=True)
        left = {entry.path for entry in self.entries()}
        gone = [entry for entry in entries if entry.path not in left]
        return len(gone), sum(entry.size for entry in gone)

    def _path(self, kind: str, key: str) -> Path:
        return self.root / f"{kind}-{key}.npz"

    def _files(self, pattern: re.Pattern[str]) -> list[tuple[Path, re.Match[str]]]:
        try:
            names = sorted(os.listdir(self.root))
        except OSError:
            return []
        matched = ((self.root / name, pattern.fullmatch(name)) for name in names)
        return [(path, match) for path, match in matched if match is not None]

    def _trim(self) -> None:
        """Back under the limit, and away with what a process left unfinished when it was killed."""
        entries = self.entries()
        total = sum(entry.size for entry in entries)
        for entry in entries:
            if total <= self.limit:
                break
            entry.path.unlink(missing_ok=True)
            total -= entry.size
        for path, _ in self._files(_UNFINISHED):
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > ABANDONED:
                    path.unlink()


def open_store(environment: Mapping[str, str] = os.environ) -> Store:
    """The user's store, as MKA_STORE and MKA_STORE_LIMIT say; BadInput for a limit that is no size."""
    place, limit = environment.get(PLACE, ""), environment.get(LIMIT, "")
    allowed = DEFAULT_LIMIT if not limit.strip() else size_of(limit)
    off = place.strip().lower() == "off"
    root = Path(os.path.expanduser(place)) if place and not off else _cache_folder(environment) / "mka"
    homeless = not place and not root.is_absolute()  # "~" stays as it is where nobody's home is known
    return Store(root, 0 if off or homeless else allowed)


def size_of(text: str) -> int:
    """Bytes of "2GB", "500 MB", "1.5G" or "1000", decimal units; BadInput for anything else."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise BadInput(f"{LIMIT} is {text!r}, which is no size; write bytes, or such as 2GB")
    return int(float(found[1]) * 1000 ** " KMGT".index(found[2].upper() or " "))


def key_of(ingredients: Mapping[str, Any]) -> str:
    """SHA-256 of what went into a result, as JSON with sorted names; TypeError for what JSON cannot hold."""
    text = json.dumps(ingredients, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _cache_folder(environment: Mapping[str, str]) -> Path:
    """Where this system keeps what can be computed again."""
    if sys.platform == "win32":
        return Path(environment.get("LOCALAPPDATA") or os.path.expanduser("~/AppData/Local"))
    if sys.platform == "darwin":
        return Path(os.path.expanduser("~/Library/Caches"))
    named = environment.get("XDG_CACHE_HOME", "")
    return Path(named if os.path.isabs(named) else os.path.expanduser("~/.cache"))


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _read(path: Path, kind: str, key: str) -> Artifact:
    """The content of one file; one of DAMAGE where it is not what its name says."""
    with np.load(path, allow_pickle=False) as archive:
        header = json.loads(archive[HEADER].tobytes())
        if (header["format"], header["kind"], header["key"]) != (FORMAT, kind, key):
            raise ValueError("another result, or none")
        arrays = {name.removeprefix("array/"): archive[name] for name in archive.files if name != HEADER}
    return Artifact(header["meta"], arrays, header["computed"])
