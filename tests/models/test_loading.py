"""Loading real folders: what comes out equals transformers' own model, what cannot be loaded is refused in one line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, BertConfig, BertLMHeadModel, BertModel, T5Config

import mka
from mka.assets import asset
from mka.errors import BadInput
from mka.models.loaded import LoadedModel
from mka.models.loading import load
from tests.pickled import Bomb
from tests.tiny import FAMILIES, byte_tokenizer, tiny_model_folder

TEXT = "The cat sat on the mat."


@pytest.mark.parametrize("family", FAMILIES)
def test_computes_what_transformers_computes(family: str, tmp_path: Path) -> None:
    folder = tiny_model_folder(tmp_path, family)
    model = load(folder, device="cpu")
    tokens = AutoTokenizer.from_pretrained(folder)(TEXT, return_tensors="pt")
    with torch.no_grad():
        expected = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)(**tokens).logits
        found = model.network(**model.tokenizer(TEXT, return_tensors="pt")).logits
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
    assert (model.dtype, model.device, model.source) == ("float32", "cpu", str(folder))


def test_is_ready_to_run_and_not_to_train(tiny_llama: LoadedModel) -> None:
    assert not any(module.training for module in tiny_llama.network.modules())
    assert not any(parameter.requires_grad for parameter in tiny_llama.network.parameters())
    assert tiny_llama.tokenizer("a")["input_ids"][0] == tiny_llama.tokenizer.bos_token_id


@pytest.mark.parametrize("stored", ["float32", "bfloat16", "float16"])
def test_auto_keeps_the_stored_dtype_whatever_the_config_says(stored: str, tmp_path: Path) -> None:
    folder = tiny_model_folder(tmp_path, dtype=stored)
    edit_config(folder, dtype="float64")
    assert load(folder, device="cpu").dtype == stored


def test_dtype_as_asked(tiny_llama_folder: Path) -> None:
    for dtype in ("float32", "bfloat16", "float16"):
        model = load(tiny_llama_folder, dtype=dtype, device="cpu")
        assert {str(parameter.dtype) for parameter in model.network.parameters()} == {f"torch.{dtype}"}
        assert model.dtype == dtype


def test_reads_shards(tmp_path: Path) -> None:
    folder = tiny_model_folder(tmp_path, max_shard_size="20KB")
    assert len(list(folder.glob("*.safetensors"))) > 1
    whole = load(tiny_model_folder(tmp_path), device="cpu")
    for name, tensor in load(folder, device="cpu").network.state_dict().items():
        assert torch.equal(tensor, whole.network.state_dict()[name])


def test_says_how_far_it_is_and_writes_nothing(tiny_llama_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    seen: list[tuple[str, int, int]] = []
    load(tiny_llama_folder, device="cpu", progress=lambda *step: seen.append(step))
    assert seen == [("load", done, 4) for done in range(5)]
    assert capfd.readouterr() == ("", "")


def test_opens_the_demo() -> None:
    model = load("demo", device="cpu")
    assert model.source == "demo" and model.stack.depth >= 12
    assert model.fingerprint == load(asset("demo-model"), dtype="bfloat16", device="cpu").fingerprint
    tokens = model.tokenizer("The capital of", return_tensors="pt")
    assert tokens["input_ids"][0, 0] == model.tokenizer.bos_token_id
    with torch.no_grad():
        assert torch.isfinite(model.network(**tokens).logits).all()


def test_is_the_public_verb() -> None:
    assert mka.load is load


# Bad input. Each entry spoils a good folder and names words of the one line that must come.


def edit_config(folder: Path, **fields: Any) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text()) | fields
    path.write_text(json.dumps({name: value for name, value in config.items() if value is not ...}))


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def config(**fields: Any) -> Callable[[Path], None]:
    return lambda folder: edit_config(folder, **fields)


def write(name: str, content: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text(content)


def edit_weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        tensors = {name: tensor.clone() for name, tensor in load_file(folder / "model.safetensors").items()}
        change(tensors)
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})

    return spoil


def cut_short(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])


def without_tokenizer(folder: Path) -> None:
    for path in folder.glob("token*"):
        path.unlink()


def with_own_code(folder: Path) -> None:
    edit_config(folder, model_type="mine", auto_map={"AutoConfig": "mine.C", "AutoModelForCausalLM": "mine.M"})
    (folder / "mine.py").write_text(f"open({str(folder / 'ran')!r}, 'w')\n")


GONE = "model.layers.1.mlp.up_proj.weight"
SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing folder": (shutil.rmtree, "there is no folder"),
    "no config": (remove("config.json"), "has no config.json"),
    "config is no json": (write("config.json", "{"), "config.json cannot be read as JSON"),
    "config is a list": (write("config.json", "[]"), "holds list"),
    "no weights": (remove("model.safetensors"), "holds no weights"),
    "weights cut short": (cut_short, "is cut short"),
    "weights empty": (write("model.safetensors", ""), "no whole safetensors file"),
    "weights are a pointer": (
        write("model.safetensors", "version https://git-lfs.github.com/spec/v1\n"),
        "git lfs pull",
    ),
    "no tokenizer": (without_tokenizer, "holds no tokenizer"),
    "broken tokenizer": (write("tokenizer.json", "{}"), "tokenizer of .* cannot be read .'added_tokens' is missing"),
    "empty tokenizer": (
        lambda folder: (without_tokenizer(folder), (folder / "vocab.json").write_text("{}")),
        "tokenizer of ",
    ),
    "unknown architecture": (config(model_type="lama"), "architecture 'lama'"),
    "no architecture": (config(model_type=...), "architecture None"),
    "own code": (with_own_code, "trust-remote-code"),
    "encoder-decoder": (lambda folder: T5Config().save_pretrained(folder), "encoder-decoder model"),
    "vision": (config(model_type="vit", architectures=["ViTModel"]), "no causal language model .ViTModel"),
    "a number for a class": (config(architectures=5), r'config.json: "architectures" is 5, not a list of class names'),
    "a class that is a number": (config(architectures=[5]), r'"architectures" is \[5\], not a list'),
    "a class without its list": (config(architectures="LlamaForCausalLM"), "is 'LlamaForCausalLM', not a list"),
    "no head": (config(architectures=["LlamaModel"]), "LlamaModel, which has no head"),
    "quantised": (config(quantization_config={"quant_method": "gptq", "bits": 4}), r"quantised \(gptq\)"),
    "impossible config": (config(num_attention_heads="four"), "no usable config"),
    "heads that do not divide": (config(num_attention_heads=3, head_dim=...), "not a multiple"),
    "more layers than weights": (config(num_hidden_layers=6), r"lack model\.layers\.4\.\S+, \S+ and 16 more"),
    "fewer layers than weights": (config(num_hidden_layers=3), r"hold model\.layers\.3\.\S+, \S+ and 7 more"),
    "no layers": (config(num_hidden_layers=0), "num_hidden_layers = 0"),
    "a weight missing": (edit_weights(lambda tensors: tensors.pop(GONE)), f"lack {GONE}, which"),
    "no head in the weights": (
        edit_weights(lambda tensors: tensors.pop("lm_head.weight")),
        "lack lm_head.weight, which",
    ),
    "a weight too many": (edit_weights(lambda tensors: tensors.update(extra=torch.ones(2))), "hold extra, for which"),
    "another shape": (
        edit_weights(lambda tensors: tensors.update({GONE: torch.ones(3, 16)})),
        rf"{GONE} of .* has shape \(3, 16\), but its config asks for \(32, 16\)",
    ),
    "no numbers to average": (
        edit_weights(lambda tensors: tensors.update({n: t.to(torch.int8) for n, t in tensors.items()})),
        "stored as I8",
    ),
}


@pytest.mark.parametrize("case", SPOILED)
def test_refuses_in_one_line(case: str, tiny_llama_folder: Path, tmp_path: Path) -> None:
    spoil, words = SPOILED[case]
    folder = tmp_path / "model"
    shutil.copytree(tiny_llama_folder, folder)
    spoil(folder)
    with pytest.raises(BadInput, match=words) as caught:
        load(folder, device="cpu")
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value) or case == "no layers"
    assert not (folder / "ran").exists()


@pytest.mark.parametrize("network", [BertModel, BertLMHeadModel])
def test_refuses_an_encoder(network: Any, tmp_path: Path) -> None:
    sizes = {"vocab_size": 259, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4}
    network(BertConfig(**sizes, intermediate_size=32)).save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(BadInput, match=f"{network.__name__}.*(no head|is an encoder)"):
        load(tmp_path)


def test_a_pickle_beside_safetensors_is_left_alone(tiny_llama_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_llama_folder, folder)
    torch.save({"w": Bomb(tmp_path / "ran")}, folder / "pytorch_model.bin")
    assert load(folder, device="cpu").fingerprint == load(tiny_llama_folder, device="cpu").fingerprint
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"dtype": "float8"}, "dtype 'float8' is unknown; use auto, float32"),
        ({"device": "toaster"}, "device 'toaster' is unknown"),
        ({"device": "meta"}, "not supported"),
        ({"device": "cuda:99" if torch.cuda.is_available() else "cuda"}, "not on this machine"),
        ({"revision": "main"}, "belongs to a hub id"),
    ],
)
def test_refuses_wishes(wish: dict[str, str], words: str, tiny_llama_folder: Path) -> None:
    with pytest.raises(BadInput, match=words) as caught:
        load(tiny_llama_folder, **wish)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_the_top_level_package_stays_light() -> None:
    code = "import sys, mka, mka.assets, mka.data.texts, mka.data.questions, mka.models.memory\n"
    code += "assert not {'torch', 'transformers', 'streamlit'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_tokenizer_is_saved_without_a_word_on_where_it_was_looked_for(tiny_llama: LoadedModel, tmp_path: Path):
    tiny_llama.tokenizer.save_pretrained(tmp_path)
    assert "local_files_only" not in json.loads((tmp_path / "tokenizer_config.json").read_text())
