"""Models that many tests read and none changes."""

from __future__ import annotations

import os

# Before torch is imported: two cores, and threads that wait without spinning.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# No test asks the hub: what is not on this machine is not there.
os.environ["HF_HUB_OFFLINE"] = "1"

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from mka.models.loaded import LoadedModel
from mka.models.loading import load
from tests.tiny import tiny_model_folder

# A busy machine is no fault of the code: no property test fails for being slow.
settings.register_profile("mka", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mka")


@pytest.fixture(scope="session")
def tiny_llama_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a four-layer float32 Llama."""
    return tiny_model_folder(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def tiny_llama(tiny_llama_folder: Path) -> LoadedModel:
    """The same, loaded on the CPU. Shared: read it, do not change it."""
    return load(tiny_llama_folder, dtype="float32", device="cpu")
