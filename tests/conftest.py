"""Models that many tests read and none changes."""

from __future__ import annotations

import os

# No test asks the hub: what is not on this machine is not there.
os.environ["HF_HUB_OFFLINE"] = "1"

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from mka.models.loaded import LoadedModel
from mka.models.loading import load
from tests.tiny import tiny_model_folder

# A busy machine is no fault of the code: no property test fails for being slow.
settings.register_profile("mka", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mka")


@pytest.fixture(scope="session", autouse=True)
def a_store_for_what_tests_share(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fixtures that outlive a test, and the processes they start, keep results in a folder of this run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MKA_STORE", str(tmp_path_factory.mktemp("shared-store")))
        patch.delenv("MKA_STORE_LIMIT", raising=False)
        yield


@pytest.fixture(autouse=True)
def store_folder(
    a_store_for_what_tests_share: None, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Each test finds an empty store of its own, and nothing of the user's."""
    folder = tmp_path_factory.mktemp("store")
    monkeypatch.setenv("MKA_STORE", str(folder))
    return folder


@pytest.fixture(scope="session")
def tiny_llama_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a four-layer float32 Llama."""
    return tiny_model_folder(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def tiny_llama(tiny_llama_folder: Path) -> LoadedModel:
    """The same, loaded on the CPU. Shared: read it, do not change it."""
    return load(tiny_llama_folder, dtype="float32", device="cpu")
