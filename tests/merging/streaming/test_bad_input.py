"""Folders that are not what they say, merged in memory and streamed: one line, exit code 2, nothing written."""

from __future__ import annotations

import json
import os
import shutil
import struct
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from mka.objects.jsonable import jsonable
from mka.objects.plan import MergeGroup, MergePlan
from tests.cli.runner import mka, refused
from tests.tiny import tiny_model_folder

WAYS = {"memory": (), "stream": ("--stream",)}
INDEX = "model.safetensors.index.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of four layers in several shards."""
    return tiny_model_folder(tmp_path / "models", max_shard_size="20KB")


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    return plan_file(tmp_path / "plan.json", MergePlan(4, (MergeGroup((1, 2), (0.5, 0.5)),)))


def plan_file(path: Path, plan: MergePlan) -> Path:
    path.write_text(json.dumps(jsonable(plan.to_json())))
    return path


def edit(path: Path, **fields: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def first_shard(folder: Path) -> Path:
    return min(folder.glob("*.safetensors"))


def missing_shard(folder: Path) -> None:
    first_shard(folder).unlink()


def absent_tensor(folder: Path) -> None:
    places = json.loads((folder / INDEX).read_text())["weight_map"]
    edit(folder / INDEX, weight_map=places | {"model.layers.9.mlp.up_proj.weight": first_shard(folder).name})


def cut_short(folder: Path) -> None:
    shard = first_shard(folder)
    os.truncate(shard, shard.stat().st_size - 100)


def long_header(folder: Path) -> None:
    shard = first_shard(folder)
    content = shard.read_bytes()
    shard.write_bytes(struct.pack("<Q", len(content)) + content[8:])


def tensor_in_two_shards(folder: Path) -> None:
    one, other = sorted(folder.glob("*.safetensors"))[:2]
    tensors = load_file(one) | load_file(other)
    save_file(tensors, other, metadata={"format": "pt"})


def tensor_twice_in_a_header(folder: Path) -> None:
    shard = first_shard(folder)
    content = shard.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    header = content[8 : 8 + length].rstrip()
    name, entry = list(json.loads(header).items())[-1]
    header = header[:-1] + f",{json.dumps(name)}:{json.dumps(entry)}}}".encode()
    shard.write_bytes(struct.pack("<Q", len(header)) + header + content[8 + length :])


def overlapping_tensors(folder: Path) -> None:
    shard = first_shard(folder)
    content = shard.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + length])
    names = [name for name in header if name != "__metadata__"]
    same = [name for name in names if header[name]["shape"] == header[names[-1]]["shape"]]
    header[same[0]]["data_offsets"] = header[same[-1]]["data_offsets"]
    assert len(same) > 1
    text = json.dumps(header).encode()
    shard.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])


def other_shapes(folder: Path) -> None:
    edit(folder / "config.json", intermediate_size=48)


def deeper_config(folder: Path) -> None:
    edit(folder / "config.json", num_hidden_layers=5)


def shallower_config(folder: Path) -> None:
    edit(folder / "config.json", num_hidden_layers=3)


def shard_in_a_circle(folder: Path) -> None:
    shard = first_shard(folder)
    shard.unlink()
    shard.symlink_to(shard)


def no_tokenizer(folder: Path) -> None:
    for path in folder.glob("tokenizer*"):
        path.unlink()


def code_of_its_own(folder: Path) -> None:
    edit(folder / "config.json", model_type="own", auto_map={"AutoConfig": "own.Own"})


SPOILT = {
    missing_shard: "does not hold; copy it there",
    absent_tensor: "holds the tensor model.layers.9.mlp.up_proj.weight, which it does not",
    cut_short: "is cut short",
    long_header: "its header does not fit",
    tensor_in_two_shards: "keep the shards of one model",
    tensor_twice_in_a_header: "twice; fetch it again",
    overlapping_tensors: "its tensors overlap",
    other_shapes: "but its config asks for (16, 48)",
    deeper_config: "lack model.layers.4.",
    shallower_config: "for which its config has no place",
    shard_in_a_circle: "copy it there",
    no_tokenizer: "holds no tokenizer",
    code_of_its_own: "runs code of its own",
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize(("spoil", "said"), SPOILT.items(), ids=lambda one: getattr(one, "__name__", ""))
def test_a_spoilt_folder(tmp_path, folder, plan, way, spoil, said):
    spoil(folder)
    assert said in refused(mka("merge", folder, plan, "--out", tmp_path / "out" / "m", *way))
    assert sorted(os.listdir(tmp_path)) == ["models", "plan.json"]


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_plan_for_another_model(tmp_path, folder, way):
    other = plan_file(tmp_path / "other.json", MergePlan(4, (MergeGroup((1, 2), (0.5, 0.5)),), fingerprint="0" * 16))
    words = ("merge", folder, other, "--out", tmp_path / "m", *way)
    assert "made for another model" in refused(mka(*words))
    assert not (tmp_path / "m").exists()
    assert mka(*words, "--any-model").code == 0


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_links_in_a_circle(tmp_path, folder, plan, way):
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    assert "there is no folder" in refused(mka("merge", circle, plan, "--out", tmp_path / "m", *way))
    assert "exists and is not a folder" in refused(mka("merge", folder, plan, "--out", circle, *way))
    assert "a link that leads nowhere" in refused(mka("merge", folder, plan, "--out", circle / "m", *way))
    assert sorted(os.listdir(tmp_path)) == ["circle", "models", "plan.json"]


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_an_output_inside_the_input(tmp_path, folder, plan, way):
    before = sorted(os.listdir(folder))
    (tmp_path / "link").symlink_to(folder)
    for out in (folder / "m", folder / "deep" / "m", tmp_path / "link" / "m"):
        assert "inside the model that is read" in refused(mka("merge", folder, plan, "--out", out, *way))
    assert "holds the model" in refused(mka("merge", folder, plan, "--out", folder, "--overwrite", *way))
    assert sorted(os.listdir(folder)) == before


def test_no_room_on_the_disk(tmp_path, plan):
    """A vocabulary twice as large as the disk, in a file with a hole for it."""
    folder = tiny_model_folder(tmp_path, tie_word_embeddings=True)
    rows = shutil.disk_usage(tmp_path).free * 2 // 64
    stored = load_file(folder / "model.safetensors")
    del stored["model.embed_tokens.weight"]
    save_file(stored, folder / "model.safetensors", metadata={"format": "pt"})
    header = json.dumps(
        {"model.embed_tokens.weight": {"dtype": "F32", "shape": [rows, 16], "data_offsets": [0, 64 * rows]}}
    ).encode()
    huge = folder / "huge.safetensors"
    huge.write_bytes(struct.pack("<Q", len(header)) + header)
    os.truncate(huge, 8 + len(header) + 64 * rows)
    shutil.move(folder / "model.safetensors", folder / "rest.safetensors")
    places = dict.fromkeys(stored, "rest.safetensors") | {"model.embed_tokens.weight": "huge.safetensors"}
    (folder / INDEX).write_text(json.dumps({"weight_map": places}))
    edit(folder / "config.json", vocab_size=rows)
    assert "the disk has" in refused(mka("merge", folder, plan, "--out", tmp_path / "m", "--stream"))
    assert not (tmp_path / "m").exists()


def test_what_a_stream_cannot_do(tmp_path, folder, plan):
    words = ("merge", folder, plan, "--out", tmp_path / "m", "--stream")
    assert "needs activations: leave --stream out" in refused(mka(*words, "--repair", "linear"))
    for more in (("--dtype", "float32"), ("--device", "cuda"), ("--trust-remote-code",)):
        assert "--stream" in refused(mka(*words, *more))
    repaired = plan_file(tmp_path / "repaired.json", MergePlan(4, (), repair="scale"))
    assert "leave --stream out" in refused(mka("merge", folder, repaired, "--out", tmp_path / "m", "--stream"))
    assert not (tmp_path / "m").exists()


def test_names_that_transformers_alone_knows(tmp_path, folder, plan):
    """As checkpoints of old whose base model was saved without its head."""
    for path in folder.glob("*.safetensors"):
        tensors = {name.replace("model.layers", "blocks"): tensor for name, tensor in load_file(path).items()}
        save_file(tensors, path, metadata={"format": "pt"})
    (folder / INDEX).write_text((folder / INDEX).read_text().replace("model.layers", "blocks"))
    assert "merge in memory" in refused(mka("merge", folder, plan, "--out", tmp_path / "m", "--stream"))


def test_codes_in_place_of_weights(tmp_path, folder, plan):
    for path in folder.glob("*.safetensors"):
        save_file(
            {name: tensor.char() if "up_proj" in name else tensor for name, tensor in load_file(path).items()}, path
        )
    assert "is stored as I8" in refused(mka("merge", folder, plan, "--out", tmp_path / "m", "--stream"))


def test_the_command_tells_what_was_checked(tmp_path, folder, plan):
    words = ("merge", folder, plan, "--stream", "--out")
    seen = mka(*words, tmp_path / "m")
    assert seen.code == 0 and "checked: every name, shape and dtype" in seen.out
    seen = mka(*words, tmp_path / "n", "--verify", "--json", "-")
    assert seen.code == 0 and seen.json["verified"] == 0 and seen.json["layers_after"] == 3
