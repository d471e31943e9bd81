"""Verification by reload is the net below the table of fields: without the table, nothing wrong is written either."""

from __future__ import annotations

import os

import pytest

import mka
from mka.errors import MkaError
from mka.models import per_layer_fields
from tests.architectures.survey import tiny_network
from tests.merging.models import loaded

SILENT = """beam diffllama flint gemma3_text gemma4_text hy_v4 jamba llama4_text longcat_flash minicpm3 nemotron_h qwen2
qwen3_moe recurrent_gemma smollm3 xlstm zamba2""".split()
"""Families whose layers come out as others where the table does not know them."""


@pytest.mark.parametrize("model_type", SILENT)
def test_without_the_table_nothing_wrong_is_written(model_type, tmp_path, monkeypatch):
    model = loaded(tiny_network(model_type))
    monkeypatch.setattr(per_layer_fields, "FIELDS", {})
    monkeypatch.setattr(per_layer_fields, "NUMBERED", {})
    plan = mka.plan(model, groups=[{"layers": [layer], "method": "drop"} for layer in (1, 3)])
    with pytest.raises(MkaError) as refused:
        mka.save(mka.merge(model, plan), tmp_path / "m")
    assert "\n" not in str(refused.value) and os.listdir(tmp_path) == []
