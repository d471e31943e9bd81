"""The store: what was kept comes back to the bit, what is not whole is a miss, and the limit holds."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import mka.store
from mka.errors import BadInput
from mka.store import DEFAULT_LIMIT, Store, key_of, open_store, size_of

KEY, OTHER = key_of({"of": 1}), key_of({"of": 2})
ARRAYS = {"values": np.array([[1 / 3, math.nan], [-0.0, math.inf]]), "deep/row": np.arange(3, dtype=np.float32)}
META = {"note": "caf\u00e9 \ud800", "stress": 0.1, "none": None, "counts": [1, 2]}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "deep" / "store")


def test_what_was_kept_comes_back_to_the_bit(store: Store) -> None:
    assert store.get("similarity", KEY) is None
    store.put("similarity", KEY, META, ARRAYS)
    found = store.get("similarity", KEY)
    assert found is not None and found.meta == META
    assert {name: (array.dtype, array.shape, array.tobytes()) for name, array in found.arrays.items()} == {
        name: (array.dtype, array.shape, array.tobytes()) for name, array in ARRAYS.items()
    }
    assert time.strftime("%Y-%m-%d", time.gmtime()) in found.computed
    assert store.get("embedding", KEY) is None and store.get("similarity", OTHER) is None
    assert store.problem == ""
    assert [path.name for path in store.root.iterdir()] == [f"similarity-{KEY}.npz"]


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def _flip_a_bit(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    place = raw.index(ARRAYS["deep/row"].tobytes())
    raw[place] ^= 1
    path.write_bytes(bytes(raw))


def _unknown_compression(path: Path) -> None:
    """Say in the archive's directory and before each member that it was compressed by method 99."""
    held = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        place = held.find(mark)
        while place >= 0:
            held[place + offset : place + offset + 2] = (99).to_bytes(2, "little")
            place = held.find(mark, place + 1)
    path.write_bytes(held)


def _words(path: Path) -> None:
    path.write_text("not an archive")


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _one_array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


def _foreign(path: Path) -> None:
    np.savez(path, values=np.zeros(3))


def _renamed(path: Path) -> None:
    Store(path.parent).put("similarity", OTHER, {}, {})
    os.replace(path.with_name(f"similarity-{OTHER}.npz"), path)


class _Trap:
    """Unpickling it writes a file into the working directory."""

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("sprung"),))


def _pickled(path: Path) -> None:
    np.savez(path, header=np.array([_Trap()], dtype=object))


@pytest.mark.parametrize(
    "harm", [_cut, _flip_a_bit, _unknown_compression, _words, _empty, _one_array, _foreign, _renamed, _pickled]
)
def test_what_is_not_whole_is_a_miss_and_goes(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: Callable[[Path], None]
) -> None:
    monkeypatch.chdir(tmp_path)
    store.put("similarity", KEY, META, ARRAYS)
    path = store.root / f"similarity-{KEY}.npz"
    harm(path)
    assert store.get("similarity", KEY) is None
    assert not path.exists() and not (tmp_path / "sprung").exists()
    store.put("similarity", KEY, META, ARRAYS)
    assert store.get("similarity", KEY) is not None


def test_the_least_recently_used_go_first(tmp_path: Path) -> None:
    size = _size_of_one(tmp_path)
    store = Store(tmp_path / "store", 4 * size + size // 2)
    keys = [key_of({"of": number}) for number in range(5)]
    for age, key in enumerate(keys[:4]):
        store.put("map", key, {}, {"values": np.zeros(1000)})
        os.utime(store.root / f"map-{key}.npz", (age, age))
    assert store.get("map", keys[0]) is not None  # used now, so the next one is the oldest
    store.put("map", keys[4], {}, {"values": np.zeros(1000)})
    assert [store.get("map", key) is not None for key in keys] == [True, False, True, True, True]
    assert sum(entry.size for entry in store.entries()) <= store.limit


def _size_of_one(tmp_path: Path) -> int:
    Store(tmp_path / "one").put("map", KEY, {}, {"values": np.zeros(1000)})
    return Store(tmp_path / "one").entries()[0].size


def test_a_result_larger_than_a_quarter_is_not_kept(tmp_path: Path) -> None:
    store = Store(tmp_path / "store", 40_000)
    store.put("activations", KEY, {}, {"values": np.zeros(1250)})  # 10,000 bytes and a header
    assert store.entries() == () and store.problem == ""
    store.put("activations", KEY, {}, {"values": np.zeros(1200)})
    assert [entry.kind for entry in store.entries()] == ["activations"]


def test_a_store_that_is_off_keeps_and_finds_nothing(tmp_path: Path) -> None:
    Store(tmp_path).put("similarity", KEY, META, ARRAYS)
    off = Store(tmp_path, 0)
    assert off.get("similarity", KEY) is None
    off.put("similarity", OTHER, META, ARRAYS)
    assert len(off.entries()) == 1 and not off.on


def test_a_place_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = Store(tmp_path / "file" / "store")
    store.put("similarity", KEY, META, ARRAYS)
    assert store.get("similarity", KEY) is None and store.entries() == () and store.clear() == (0, 0)
    assert "cannot be written (Not a directory)" in store.problem and "\n" not in store.problem


def test_a_full_disk_is_no_failure_and_leaves_nothing(store: Store) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))  # no file may grow beyond 1000 bytes
    try:
        store.put("similarity", KEY, META, {"values": np.zeros(1000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "File too large" in store.problem
    assert list(store.root.iterdir()) == []


def test_two_processes_write_the_same_key(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; import numpy as np; from mka.store import Store\n"
        "store = Store(Path(sys.argv[1]))\n"
        "for turn in range(40):\n"
        "    store.put('similarity', sys.argv[2], {}, {'values': np.arange(2000.0)})\n"
        "    found = store.get('similarity', sys.argv[2])\n"
        "    assert found is not None and (found.arrays['values'] == np.arange(2000.0)).all()\n"
        "assert store.problem == ''\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "store"), KEY]) for _ in range(2)]
    assert [process.wait(timeout=120) for process in running] == [0, 0]
    assert [path.name for path in (tmp_path / "store").iterdir()] == [f"similarity-{KEY}.npz"]


def test_clearing_takes_only_what_the_store_wrote(store: Store) -> None:
    for kind in ("similarity", "layer-map"):
        store.put(kind, KEY, META, ARRAYS)
    (store.root / f".similarity-{KEY[:29]}.0a1b2c3d").write_bytes(b"killed while it wrote")
    (store.root / "thesis.npz").write_text("years of work")
    (store.root / "similarity-short.npz").write_text("years of work")
    size = sum(entry.size for entry in store.entries())
    assert store.clear() == (2, size)
    assert sorted(path.name for path in store.root.iterdir()) == ["similarity-short.npz", "thesis.npz"]


def test_what_a_killed_process_left_goes_when_it_is_old(store: Store) -> None:
    store.put("similarity", KEY, META, ARRAYS)
    old, new = (store.root / f".similarity-{KEY[:29]}.{end}" for end in ("00000000", "11111111"))
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))
    store.put("similarity", OTHER, META, ARRAYS)
    assert not old.exists() and new.exists()


def test_keys_tell_ingredients_apart_and_not_their_order() -> None:
    assert key_of({"a": 1, "b": [1, 2]}) == key_of({"b": [1, 2], "a": 1})
    different = [{"a": 1}, {"a": 1.0}, {"a": True}, {"a": "1"}, {"a": None}, {"a": [1]}, {"b": 1}, {"a": "\ud800"}]
    assert len({key_of(one) for one in different}) == len(different)
    with pytest.raises(TypeError):
        key_of({"a": Path("/")})


@pytest.mark.parametrize(
    ("text", "size"),
    [("1000", 1000), ("2GB", 2_000_000_000), ("500 MB", 500_000_000), ("1.5g", 1_500_000_000), ("0", 0), ("7kB", 7000)],
)
def test_sizes(text: str, size: int) -> None:
    assert size_of(text) == size


@pytest.mark.parametrize("text", ["much", "-1", "2 GiB", "1e9", "GB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(BadInput, match=r"MKA_STORE_LIMIT is .*, which is no size"):
        open_store({"MKA_STORE_LIMIT": text})


def test_where_the_store_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mka.store.sys, "platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert open_store({}) == Store(tmp_path / ".cache" / "mka", DEFAULT_LIMIT)
    assert open_store({"XDG_CACHE_HOME": "/big"}).root == Path("/big/mka")
    assert open_store({"XDG_CACHE_HOME": "relative"}).root == tmp_path / ".cache" / "mka"
    assert open_store({"MKA_STORE": "/elsewhere", "MKA_STORE_LIMIT": "3MB"}) == Store(Path("/elsewhere"), 3_000_000)
    assert open_store({"MKA_STORE": "~/here"}).root == tmp_path / "here"
    assert not open_store({"MKA_STORE": "off"}).on
    assert not open_store({"MKA_STORE_LIMIT": "0"}).on
    monkeypatch.setattr(mka.store.sys, "platform", "darwin")
    assert open_store({}).root == tmp_path / "Library" / "Caches" / "mka"


def test_no_home_is_no_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mka.store.os.path, "expanduser", lambda path: path)
    assert not open_store({}).on


def test_the_store_imports_nothing_heavy() -> None:
    code = "import sys; import mka.store; print({'torch', 'scipy', 'sklearn', 'rich', 'typer'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_what_cannot_be_read_just_now_is_not_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    store.put("model", KEY, {"a": 1}, {})

    def fails(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(np, "load", fails)
        assert store.get("model", KEY) is None
    assert store.get("model", KEY) is not None
