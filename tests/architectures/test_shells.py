"""Every architecture's modules are copied for a merge as copy.deepcopy would copy them."""

from __future__ import annotations

import copy

import pytest
import torch
from transformers import AutoModelForCausalLM

from mka.merging.shells import share
from tests.architectures.survey import MODEL_TYPES
from tests.architectures.tiny_configs import tiny_config
from tests.merging.walking import Walk


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_a_shared_copy_is_a_deep_copy_over_the_same_memory(model_type: str) -> None:
    try:
        with torch.device("meta"):
            network = AutoModelForCausalLM.from_config(tiny_config(model_type), dtype=torch.float32)
        deep = copy.deepcopy(network)
    except Exception as error:  # whatever a model class raises for a config, a missing library or missing inputs
        pytest.skip(f"cannot be built: {error}")
    walk = Walk()
    walk.along(model_type, network, share(network, copy.deepcopy(network.config)), deep)
    assert walk.wrong == [] and walk.modules == len(list(network.modules()))
