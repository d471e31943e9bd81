from __future__ import annotations

from pathlib import Path

import pytest

from mka import assets
from mka.assets import asset
from mka.errors import BadInput


def test_finds_what_is_bundled() -> None:
    assert asset("demo-texts", "dev.txt").is_file()
    assert asset("demo-questions").is_dir()


def test_an_installed_package_carries_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site" / "mka"
    for place in (package / "_assets", tmp_path / "site" / "assets"):
        place.mkdir(parents=True)
        (place / "a.txt").touch()
    (tmp_path / "site" / "assets" / "b.txt").touch()
    monkeypatch.setattr(assets, "PACKAGE", package)
    assert asset("a.txt") == package / "_assets" / "a.txt"
    assert asset("b.txt") == tmp_path / "site" / "assets" / "b.txt"


def test_says_what_is_missing() -> None:
    with pytest.raises(BadInput, match="bundled no/such is missing"):
        asset("no", "such")
