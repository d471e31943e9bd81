"""What is refused before any weight is read: configs and folders that hold no causal language model."""

from __future__ import annotations

from pathlib import Path
from reprlib import repr as shortened
from typing import Any

from transformers import CONFIG_MAPPING, AutoConfig, PretrainedConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING, MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from mka.errors import BadInput
from mka.models.depth import depth_of
from mka.models.files import first_line, read_json

TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "spiece.model", "vocab.json", "vocab.txt", "tekken.json")

"""Any of these makes a tokenizer; without one transformers would build an empty tokenizer in silence."""

ENCODERS = frozenset(
    """bert bert-generation big_bird camembert data2vec-text electra ernie megatron-bert reformer rembert roberta
    roberta-prelayernorm roc_bert roformer xlm-roberta xlm-roberta-xl xmod""".split()
)
"""Model types that read both directions unless their config says `is_decoder`."""


def read_config(folder: Path, *, trust_remote_code: bool) -> PretrainedConfig:
    """The folder's config; BadInput where there is none, or none of a causal language model."""
    path = folder / "config.json"
    if not path.is_file():
        raise BadInput(f"{folder} has no config.json, so it holds no model; give the folder that holds it")
    raw = read_json(path)
    _check_architectures(path, raw.get("architectures"))
    _check_known(folder, raw, trust_remote_code)
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=trust_remote_code, local_files_only=True)
    except Exception as error:  # config classes raise whatever their fields' checks raise
        raise BadInput(f"{path} is no usable config ({first_line(error)}); correct it or fetch it again") from error
    _check_quantised(folder, config)
    depth_of(config.get_text_config(decoder=True))
    if not (trust_remote_code and "auto_map" in raw):
        _check_causal(folder, config)
    return config


def check_tokenizer(folder: Path) -> None:
    """BadInput where the folder holds no file of a tokenizer."""
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        raise BadInput(f"{folder} holds no tokenizer ({TOKENIZER_FILES[0]} or the like); copy the model's own there")


def _check_architectures(path: Path, named: object) -> None:
    """A list of class names, or nothing; transformers takes anything and fails on it later."""
    if named is not None and not (isinstance(named, list) and all(isinstance(name, str) for name in named)):
        raise BadInput(
            f'{path}: "architectures" is {shortened(named)}, not a list of class names; '
            'correct it, such as ["LlamaForCausalLM"]'
        )


def _check_known(folder: Path, raw: dict[str, Any], trust_remote_code: bool) -> None:
    """A model type that transformers knows, or code of its own that the user trusts."""
    model_type = raw.get("model_type")
    if isinstance(model_type, str) and model_type in CONFIG_MAPPING:
        return
    if "auto_map" in raw:
        if trust_remote_code:
            return
        raise BadInput(
            f"{folder} runs code of its own ({model_type!r}), which is not run unasked; "
            "read that code and pass --trust-remote-code (trust_remote_code=True)"
        )
    raise BadInput(
        f"{folder} is of the architecture {model_type!r}, which the installed transformers does not know; "
        'correct "model_type" in config.json or update transformers'
    )


def _check_quantised(folder: Path, config: PretrainedConfig) -> None:
    quantisation = getattr(config, "quantization_config", None)
    if quantisation is None:
        return
    known = quantisation if isinstance(quantisation, dict) else vars(quantisation)
    method = known.get("quant_method", "an unnamed method")
    raise BadInput(
        f"{folder} is quantised ({getattr(method, 'value', method)}), and quantised weights cannot be averaged; "
        "use the model as it was before"
    )


def _check_causal(folder: Path, config: PretrainedConfig) -> None:
    """Not an encoder-decoder, an encoder or a network without a language model head."""
    name = ", ".join(config.architectures or ()) or config.model_type
    if config.is_encoder_decoder:
        raise BadInput(f"{folder} is an encoder-decoder model ({name}); use a causal language model, a decoder alone")
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise BadInput(f"{folder} is no causal language model ({name}); use one, such as LlamaForCausalLM")
    heads = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values()
    if config.architectures and not set(config.architectures) & set(heads):
        raise BadInput(
            f"{folder} is a {name}, which has no head that predicts the next token; "
            "use the causal language model of the same family"
        )
    if config.model_type in ENCODERS and not getattr(config, "is_decoder", False):
        raise BadInput(f"{folder} ({name}) is an encoder, which reads both directions; use a causal language model")
