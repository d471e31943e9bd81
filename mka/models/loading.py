"""From the word a user gave to a model that is ready to run.

source -> locate.py: a folder -> checks.py: its config -> files.py: its weight files -> transformers -> LoadedModel
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from mka.errors import BadInput, RunFailed
from mka.models.checks import check_tokenizer, read_config
from mka.models.files import WeightFiles, first_line, stored_tensors, weight_files
from mka.models.fingerprint import fingerprint_files
from mka.models.lineage import own_plan
from mka.models.loaded import LoadedModel
from mka.models.locate import HubModel, fetch, resolve
from mka.models.own_memory import give_own_memory
from mka.models.stack import DecoderStack
from mka.objects.progress import Progress, silent

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
STORED = {"F64": torch.float64, "F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}
STEPS = 4
"""Fetch, check, tokenizer, weights."""


def load(
    source: str | Path,
    *,
    revision: str | None = None,
    dtype: str = "auto",
    device: str = "auto",
    trust_remote_code: bool = False,
    progress: Progress = silent,
) -> LoadedModel:
    """Open a causal language model: "demo", a folder, or a hub id (with "@revision", or `revision`).

    dtype:              "auto" (as most of the weights are stored), "float32", "bfloat16" or "float16"
    device:             "auto" (an accelerator where there is one), "cpu", "cuda", "cuda:1", "mps"
    trust_remote_code:  let a model run Python code of its own; without it, such a model is refused

    Nothing is loaded by halves: a weight that is missing, left over or of another shape than the config says is
    an error, as is anything that is no causal language model with decoder layers. Raises BadInput; RunFailed when
    memory runs out.
    """
    _check_words(dtype, device)
    progress("load", 0, STEPS)
    place = resolve(source, revision)
    folder = fetch(place, code=trust_remote_code) if isinstance(place, HubModel) else place
    progress("load", 1, STEPS)
    config = read_config(folder, trust_remote_code=trust_remote_code)
    files = weight_files(folder)
    fingerprint = fingerprint_files(files)
    made_by = own_plan(folder)
    progress("load", 2, STEPS)
    tokenizer = _load_tokenizer(folder, trust_remote_code)
    progress("load", 3, STEPS)
    network = _load_network(folder, config, files, dtype, trust_remote_code)
    target = _device(device)
    model = LoadedModel(
        network=_moved(network, target),
        tokenizer=tokenizer,
        stack=DecoderStack.of(network),
        source=str(source),
        dtype=str(network.dtype).removeprefix("torch."),
        device=target,
        fingerprint=fingerprint,
        made_by=made_by,
    )
    progress("load", STEPS, STEPS)
    return model


def _check_words(dtype: str, device: str) -> None:
    if dtype != "auto" and dtype not in DTYPES:
        raise BadInput(f"dtype {dtype!r} is unknown; use auto, {', '.join(DTYPES)}")
    if device == "auto":
        return
    try:
        wanted = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise BadInput(f"device {device!r} is unknown; use auto, cpu, cuda or mps") from error
    if wanted.type not in ("cpu", "cuda", "mps"):
        raise BadInput(f"device {device!r} is not supported; use auto, cpu, cuda or mps")
    there = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    if (wanted.index or 0) >= there[wanted.type]:
        raise BadInput(f"device {device!r} is not on this machine; use auto or cpu")


def _device(device: str) -> str:
    if device != "auto":
        return device
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _load_tokenizer(folder: Path, trust_remote_code: bool) -> PreTrainedTokenizerBase:
    check_tokenizer(folder)
    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(
                folder, trust_remote_code=trust_remote_code, local_files_only=True
            )
    except Exception as error:  # tokenizers, sentencepiece and json raise types of their own
        raise BadInput(
            f"the tokenizer of {folder} cannot be read ({first_line(error)}); copy the model's own there"
        ) from error
    assert isinstance(tokenizer, PreTrainedTokenizerBase)
    tokenizer.init_kwargs.pop("local_files_only", None)  # or it would be saved with the tokenizer as if it were its own
    if not tokenizer("a", add_special_tokens=False)["input_ids"]:
        raise BadInput(f"the tokenizer of {folder} knows no text; copy the model's own there")
    return tokenizer


def _load_network(
    folder: Path, config: PretrainedConfig, files: WeightFiles, dtype: str, trust_remote_code: bool
) -> PreTrainedModel:
    loaded_as = DTYPES.get(dtype) or stored_dtype(files)
    try:
        with quiet():
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                folder,
                config=config,
                dtype=loaded_as,
                use_safetensors=not files.pickled,
                local_files_only=True,
                trust_remote_code=trust_remote_code,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise RunFailed(f"memory ran out while loading {folder}; use a smaller model or --dtype bfloat16") from error
    except Exception as error:  # model classes raise whatever a config they cannot build leads to
        raise BadInput(f"{folder} cannot be loaded ({first_line(error)}); check its config and files") from error
    network, info = loaded
    assert isinstance(network, PreTrainedModel)
    missing, mismatched, unexpected = (sorted(info[f"{kind}_keys"]) for kind in ("missing", "mismatched", "unexpected"))
    check_complete(folder, missing, mismatched, unexpected)
    give_own_memory(network)
    network.requires_grad_(False)
    return network.eval()


def check_complete(
    folder: Path,
    missing: Sequence[str],
    mismatched: Sequence[tuple[str, Sequence[int], Sequence[int]]],
    unexpected: Sequence[str],
) -> None:
    """Every weight of the config in the files, every weight of the files in the config, all of the same shape.

    missing, unexpected: names that the files lack, and names that the config has no place for
    mismatched:          (name, stored shape, the shape that the config asks for)
    """
    if missing:
        raise BadInput(
            f"the weights of {folder} lack {_some(missing)}, which its config asks for and which would be random; "
            "correct config.json or fetch the weights again"
        )
    if mismatched:
        name, stored, asked = mismatched[0]
        raise BadInput(
            f"the weight {name} of {folder} has shape {tuple(stored)}, but its config asks for {tuple(asked)}; "
            "correct config.json or fetch the weights again"
        )
    if unexpected:
        raise BadInput(
            f"the weights of {folder} hold {_some(unexpected)}, for which its config has no place; "
            "correct config.json or use the weights that belong to it"
        )


def _some(names: Sequence[str]) -> str:
    rest = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return ", ".join(names[:2]) + rest


def stored_dtype(files: WeightFiles) -> torch.dtype:
    """The floating dtype of most stored numbers."""
    sizes: Counter[str] = Counter()
    for tensor in stored_tensors(files):
        sizes[tensor.dtype] += prod(tensor.shape)
    floating = [name for name, _ in sizes.most_common() if name in STORED]
    if not floating:
        raise BadInput(
            f"the weights in {files.paths[0].parent} are stored as {', '.join(sizes)}; "
            "use a model stored as float32, bfloat16 or float16"
        )
    return STORED[floating[0]]


def _moved(network: PreTrainedModel, device: str) -> PreTrainedModel:
    try:
        network.to(device)  # type: ignore[arg-type]  # torch types `to` for its own module only
    except torch.OutOfMemoryError as error:
        raise RunFailed(f"the memory of {device} does not hold the model; use --device cpu") from error
    return network


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from writing progress bars and load reports: what is wrong is raised instead."""
    level, bars = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity(transformers_logging.CRITICAL)
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()
