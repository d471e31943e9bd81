"""Collection against transformers' own hidden states, one text at a time and without padding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import processors
from transformers import LlamaForCausalLM

from mka.analysis import collection
from mka.analysis.collection import collect
from mka.errors import BadInput, Cancelled, RunFailed
from mka.merging.merge import merge
from mka.models.loaded import LoadedModel
from mka.models.loading import load
from mka.objects.progress import Cancel
from mka.objects.texts import Text, TextSet
from mka.planning.planner import plan
from tests.analysis.readings import losses
from tests.tiny import BOS, EOS, PAD, tiny_model_folder

TEXTS = ["The cat sat.", "A dog ran all the way home and slept.", "One", "two words", "The sun and the moon. " * 4]
EXACT = 1e-5  # float32, other order of additions in a wider batch


def hidden(model: LoadedModel, text: str) -> np.ndarray:
    """Float32 (L + 1, t, d): layer 0's input and every layer's output, the final norm left out."""
    outputs: list[torch.Tensor] = []
    hook = model.stack.layers[-1].register_forward_hook(
        lambda module, args, output: outputs.append(output[0] if isinstance(output, tuple) else output)
    )
    with torch.no_grad():
        states = model.network(**model.tokenizer(text, return_tensors="pt"), output_hidden_states=True).hidden_states
    hook.remove()
    # transformers hands the last layer's output out after the final norm; the hook sees it before.
    return torch.stack([*states[:-1], *outputs])[:, 0].float().numpy()


@pytest.mark.parametrize("family", ["llama", "qwen2", "gemma2", "gpt2", "gpt_neox", "phi"])
def test_equals_the_models_own_hidden_states(family: str, tmp_path: Path) -> None:
    model = load(tiny_model_folder(tmp_path, family=family), dtype="float32", device="cpu")
    last, mean = collect(model, TEXTS), collect(model, TEXTS, points="mean")
    cosines, tokens = 0.0, 0
    for number, text in enumerate(TEXTS):
        states = hidden(model, text)
        np.testing.assert_allclose(last.entry[number], states[0, -1], atol=EXACT)
        np.testing.assert_allclose(last.values[:, number], states[1:, -1], atol=EXACT)
        np.testing.assert_allclose(mean.entry[number], states[0].mean(axis=0), atol=EXACT)
        np.testing.assert_allclose(mean.values[:, number], states[1:].mean(axis=1), atol=EXACT)
        unit = states / np.linalg.norm(states, axis=2, keepdims=True)
        cosines = cosines + (unit[:-1] * unit[1:]).sum(axis=(1, 2))
        tokens += states.shape[1]
    np.testing.assert_allclose(last.token_cosine, cosines / tokens, atol=EXACT)
    np.testing.assert_array_equal(last.token_cosine, mean.token_cosine)
    assert last.tokens == tokens
    assert (last.values.dtype, last.entry.dtype, last.token_cosine.dtype) == (np.float32, np.float32, np.float64)


def test_batching_changes_nothing(tiny_llama: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"text {i} " * (1 + 7 * i % 11) for i in range(25)]
    for points in ("last", "mean", "tokens"):
        together = collect(tiny_llama, texts, points=points)
        with monkeypatch.context() as patch:
            patch.setattr(collection, "BATCH_TOKENS", 1)  # every text alone
            alone = collect(tiny_llama, texts, points=points)
        np.testing.assert_allclose(together.values, alone.values, atol=EXACT)
        np.testing.assert_allclose(together.entry, alone.entry, atol=EXACT)
        np.testing.assert_allclose(together.token_cosine, alone.token_cosine, atol=EXACT)
        np.testing.assert_allclose(losses(together), losses(alone), atol=EXACT)
        assert [(point.text, point.position) for point in together.points] == [
            (point.text, point.position) for point in alone.points
        ]


def test_batches_hold_at_most_512_padded_tokens(tiny_llama: LoadedModel) -> None:
    shapes: list[tuple[int, ...]] = []
    hook = tiny_llama.stack.layers[0].register_forward_hook(
        lambda module, args, kwargs, output: shapes.append((args[0] if args else kwargs["hidden_states"]).shape),
        with_kwargs=True,
    )
    collect(tiny_llama, [f"some words number {i} " * (1 + i % 5) for i in range(60)])
    hook.remove()
    assert sum(shape[0] for shape in shapes) == 60
    assert 1 < len(shapes) < 60
    assert all(shape[0] * shape[1] <= 512 for shape in shapes)


def test_points_say_what_they_are(tiny_llama: LoadedModel) -> None:
    texts = TextSet((Text("The cat sat.", "animals"), Text("Two", "")), "mine", "dev")
    found = collect(tiny_llama, texts)
    for point, text in zip(found.points, texts.texts, strict=True):
        ids = tiny_llama.tokenizer(text.text)["input_ids"]
        assert (point.text, point.subject, point.position) == (text.text, text.subject, len(ids) - 1)
        assert point.token == tiny_llama.tokenizer.decode([ids[-1]])
    assert (found.kind, found.model) == ("last", tiny_llama.fingerprint)
    assert (found.calibration_key, found.text_hashes) == (texts.key, texts.hashes)
    mean = collect(tiny_llama, texts, points="mean")
    assert [(point.token, point.position) for point in mean.points] == [("", -1)] * 2


def with_end_tokens(folder: Path) -> LoadedModel:
    """The model in `folder`, its tokenizer now putting an EOS and a padding token behind each text."""
    model = load(folder, dtype="float32", device="cpu")
    tokens = [(token, model.tokenizer.convert_tokens_to_ids(token)) for token in (BOS, EOS, PAD)]
    model.tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A {EOS} {PAD}", special_tokens=tokens
    )
    return model


def test_the_last_token_is_the_texts_own_not_the_eos_behind_it(tiny_llama_folder: Path) -> None:
    model, plain = with_end_tokens(tiny_llama_folder), load(tiny_llama_folder, dtype="float32", device="cpu")
    assert model.tokenizer("One")["input_ids"][-2:] == [2, 0]
    for points in ("last", "mean"):
        found, expected = collect(model, TEXTS, points=points), collect(plain, TEXTS, points=points)
        assert found.points == expected.points and found.tokens == expected.tokens
        np.testing.assert_array_equal(found.values, expected.values)
        np.testing.assert_array_equal(found.token_cosine, expected.token_cosine)
    assert collect(model, ["One"]).points[0].token == "e"


def test_where_the_context_leaves_special_tokens_only_the_last_of_them_stands(tmp_path: Path) -> None:
    model = load(tiny_model_folder(tmp_path, max_position_embeddings=1), dtype="float32", device="cpu")
    (point,) = collect(model, ["One"]).points
    assert (point.token, point.position) == (BOS, 0)


def test_a_tokenizer_of_another_model_is_said_in_one_line(tmp_path: Path) -> None:
    model = load(tiny_model_folder(tmp_path, vocab_size=40), dtype="float32", device="cpu")
    with pytest.raises(RunFailed, match=r"batch of 1 x \d+ tokens: index out of .* belong together") as caught:
        collect(model, ["One"])
    assert "\n" not in str(caught.value)
    assert not any(module._forward_hooks for module in model.network.modules())


def test_a_merged_model_is_read_by_its_model(tiny_llama: LoadedModel) -> None:
    merged = merge(tiny_llama, plan(tiny_llama, groups=[[1, 2]]))
    with pytest.raises(BadInput, match=r"not from MergedModel; open it with mka\.load .*give \.model"):
        collect(merged, TEXTS)  # type: ignore[arg-type]
    assert collect(merged.model, TEXTS).layers == 3
    with pytest.raises(BadInput, match="not from str"):
        collect("demo", TEXTS)  # type: ignore[arg-type]


def test_a_text_given_twice_is_read_once_where_it_first_stood(tiny_llama: LoadedModel) -> None:
    found = collect(tiny_llama, ["one", "two", "one", " two\n", "three"])
    assert [point.text for point in found.points] == ["one", "two", "three"]
    assert len(found.text_hashes) == 3


def test_limit_draws_by_seed_and_keeps_the_order(tiny_llama: LoadedModel) -> None:
    texts = [f"text {number}" for number in range(20)]
    first, again = collect(tiny_llama, texts, limit=6, seed=1), collect(tiny_llama, texts, limit=6, seed=1)
    drawn = [point.text for point in first.points]
    assert drawn == [point.text for point in again.points] == sorted(drawn, key=texts.index)
    assert len(drawn) == 6 == len(first.text_hashes)
    assert drawn != [point.text for point in collect(tiny_llama, texts, limit=6, seed=2).points]
    assert collect(tiny_llama, texts, limit=99).n_points == 20


def test_a_long_text_is_cut_to_the_context_and_said(tmp_path: Path) -> None:
    model = load(tiny_model_folder(tmp_path, max_position_embeddings=16), dtype="float32", device="cpu")
    stages: set[str] = set()
    found = collect(model, ["short", "word " * 50], progress=lambda stage, done, total: stages.add(stage))
    assert found.points[1].position == 15
    assert stages == {"collect (1 texts cut to the context of 16 tokens)"}


def test_one_text_is_enough(tiny_llama: LoadedModel) -> None:
    found = collect(tiny_llama, ["only one"])
    assert found.values.shape == (found.layers, 1, found.entry.shape[1])


def test_reads_a_file(tiny_llama: LoadedModel, tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("first text\n\nsecond text\n")
    assert [point.text for point in collect(tiny_llama, path).points] == ["first text", "second text"]


def test_refuses_what_it_cannot_read(tiny_llama: LoadedModel) -> None:
    bos = tiny_llama.tokenizer.bos_token
    for call, words in (
        (lambda: collect(tiny_llama, []), "holds no text"),
        (lambda: collect(tiny_llama, ["one", "", "three"]), "calibration text 2 of 3 is empty"),
        (lambda: collect(tiny_llama, ["one", bos]), "calibration text 2 of 2 .* no token of its own"),
        (lambda: collect(tiny_llama, ["one", 3]), "calibration text 2 is int"),  # type: ignore[list-item]
        (lambda: collect(tiny_llama, ["one", "a\ud800"]), "calibration text 2 of 2 holds half of a surrogate pair"),
        (lambda: collect(tiny_llama, 3), "calibration is int"),  # type: ignore[arg-type]
        (lambda: collect(tiny_llama, ["one"], seed=-1), "seed must be a whole number"),
        (lambda: collect(tiny_llama, ["one"], points="first"), "use one of last, mean, tokens"),
        (lambda: collect(tiny_llama, ["one"], points="tokens", per_text=0), "per_text must be a whole number from 1"),
        (lambda: collect(tiny_llama, ["one"], longest=True), "longest must be a whole number from 1"),
        (lambda: collect(tiny_llama, ["one"], limit=0), "limit"),
    ):
        with pytest.raises(BadInput, match=words) as caught:
            call()
        assert "\n" not in str(caught.value)


def test_leaves_no_hook_behind_even_when_stopped(tiny_llama: LoadedModel) -> None:
    seen: list[tuple[int, int]] = []
    cancel = Cancel()

    def stop_after_the_first_batch(stage: str, done: int, total: int) -> None:
        seen.append((done, total))
        if done:
            cancel.request()

    with pytest.raises(Cancelled):
        collect(tiny_llama, [f"text {i} " * 20 for i in range(40)], progress=stop_after_the_first_batch, cancel=cancel)
    assert seen[0] == (0, 40) and len(seen) == 2 and seen[1][0] < 40
    collect(tiny_llama, TEXTS)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in tiny_llama.network.modules())


def test_the_network_runs_once_per_batch_and_its_head_only_where_a_loss_is_asked_for(tiny_llama: LoadedModel) -> None:
    bodies: list[int] = []
    heads: list[torch.Size] = []
    hooks = [
        tiny_llama.stack.base.register_forward_hook(lambda *_: bodies.append(1)),
        tiny_llama.network.get_output_embeddings().register_forward_hook(lambda _, args, out: heads.append(out.shape)),
    ]
    collect(tiny_llama, ["same length 1", "same length 2", "same length 3"])
    assert (len(bodies), [tuple(shape) for shape in heads]) == (1, [(3, 1, 259)])
    collect(tiny_llama, ["same length 1"], longest=1)  # BOS alone: nothing stands before it
    for hook in hooks:
        hook.remove()
    assert (len(bodies), len(heads)) == (2, 1)


def own_losses(model: LoadedModel, text: str) -> list[float]:
    """Nats of each token of the text after the first, by the network's own logits of the text alone."""
    inputs = model.tokenizer(text, return_tensors="pt")
    with torch.no_grad():
        logits = model.network(**inputs).logits[0, :-1].double()
    return torch.nn.functional.cross_entropy(logits, inputs["input_ids"][0, 1:], reduction="none").tolist()


@pytest.mark.parametrize("family", ["llama", "gemma2", "gpt2", "phi"])  # gemma2 caps its logits
def test_a_loss_is_that_of_the_models_own_logits(family: str, tmp_path: Path) -> None:
    model = load(tiny_model_folder(tmp_path, family=family), dtype="float32", device="cpu")
    own = [own_losses(model, text) for text in TEXTS]
    np.testing.assert_allclose(losses(collect(model, TEXTS)), [of_text[-1] for of_text in own], rtol=EXACT)
    np.testing.assert_allclose(losses(collect(model, TEXTS, points="mean")), list(map(np.mean, own)), rtol=EXACT)
    for point in collect(model, TEXTS, points="tokens", per_text=3).points:
        # own[i] is of token i + 1, so that of the token after `position` stands at `position`.
        assert point.loss == pytest.approx(own[TEXTS.index(point.text)][point.position], rel=EXACT)


def test_a_head_that_cannot_be_told_where_gives_the_same_losses(tiny_llama_folder: Path) -> None:
    model = load(tiny_llama_folder, dtype="float32", device="cpu")
    expected = {points: losses(collect(model, TEXTS, points=points)) for points in ("last", "mean", "tokens")}

    class Plain(LlamaForCausalLM):
        def forward(self, input_ids: Any, attention_mask: Any, use_cache: bool) -> Any:
            return super().forward(input_ids=input_ids, attention_mask=attention_mask, use_cache=use_cache)

    model.network.__class__ = Plain
    for points, known in expected.items():
        np.testing.assert_allclose(losses(collect(model, TEXTS, points=points)), known, rtol=EXACT)


def test_single_tokens_are_drawn_one_from_each_stretch_of_a_text(tiny_llama: LoadedModel) -> None:
    text = "abcdefghijklmnopqrstuvwxyz"  # 26 tokens behind BOS, of which 25 have a next one
    found = collect(tiny_llama, [text, *TEXTS], points="tokens", per_text=5, seed=3)
    mine = [point for point in found.points if point.text == text]
    assert [(point.position - 1) // 5 for point in mine] == [0, 1, 2, 3, 4]
    assert [point.token for point in mine] == [text[point.position - 1] for point in mine]
    assert [point.text for point in found.points] == sorted(
        (point.text for point in found.points), key=[text, *TEXTS].index
    )
    assert (found.kind, found.n_points, found.values.shape[1]) == ("tokens", len(found.points), len(found.points))
    drawn = {
        tuple(point.position for point in collect(tiny_llama, [text], points="tokens", per_text=5, seed=seed).points)
        for seed in range(8)
    }
    assert len(drawn) == 8


def test_a_texts_draw_does_not_hang_on_the_other_texts(tiny_llama: LoadedModel) -> None:
    def positions(texts: list[str]) -> list[int]:
        return [one.position for one in collect(tiny_llama, texts, points="tokens").points if one.text == TEXTS[1]]

    assert positions(TEXTS) == positions([TEXTS[1]]) == positions(["before", TEXTS[1], "after"])


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_the_vectors_of_single_tokens_are_the_models_own(family: str, tmp_path: Path) -> None:
    model = load(tiny_model_folder(tmp_path, family=family), dtype="float32", device="cpu")
    found = collect(model, TEXTS, points="tokens", per_text=6)
    for row, point in enumerate(found.points):
        states = hidden(model, point.text)
        assert 0 < point.position < states.shape[1] - 1  # never BOS, and with a token after it
        np.testing.assert_allclose(found.entry[row], states[0, point.position], atol=EXACT)
        np.testing.assert_allclose(found.values[:, row], states[1:, point.position], atol=EXACT)


def test_texts_of_one_token(tiny_llama_folder: Path) -> None:
    model = load(tiny_llama_folder, dtype="float32", device="cpu")
    (point,) = collect(model, ["a"], points="tokens").points
    assert (point.token, point.position, point.loss) == ("a", 1, None)  # nothing comes after it
    assert collect(model, ["a"]).points[0].loss == pytest.approx(own_losses(model, "a")[0], rel=EXACT)
    model.tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(single="$A", special_tokens=[])
    for points in ("last", "mean", "tokens"):
        found = collect(model, ["a", "a far longer text " * 6], points=points)
        assert found.points[0].loss is None and found.points[1].loss is not None
        assert np.isfinite(found.values).all()


def test_longest_cuts_texts_and_is_said(tiny_llama: LoadedModel) -> None:
    stages: set[str] = set()
    found = collect(tiny_llama, ["abc", "abcdefgh"], longest=5, progress=lambda stage, done, total: stages.add(stage))
    assert [(point.token, point.position) for point in found.points] == [("c", 3), ("d", 4)]
    assert (found.cut, found.tokens, found.longest) == (1, 4 + 5, 5)
    assert stages == {"collect (1 texts cut to 5 tokens)"}
    assert collect(tiny_llama, ["abc " * 99], longest=500).points[0].position == 127  # the context still holds


def test_the_key_covers_how_the_texts_were_read(tiny_llama: LoadedModel) -> None:
    ways: list[dict[str, Any]] = [
        {}, {"longest": 3}, {"points": "mean"}, {"points": "mean", "longest": 3}, {"points": "tokens"},
        {"points": "tokens", "per_text": 2},
        {"points": "tokens", "seed": 1},
    ]  # fmt: skip
    keys = [collect(tiny_llama, TEXTS, **way).key for way in ways]
    other = TextSet((Text(TEXTS[0], "a subject"), *map(Text, TEXTS[1:])), "mine")
    others = (TEXTS[::-1], TEXTS[1:], [TEXTS[0] + " ", *TEXTS[1:]], [TEXTS[0].upper(), *TEXTS[1:]], other)
    keys += [collect(tiny_llama, texts).key for texts in others]
    assert len(set(keys)) == len(keys)
    assert collect(tiny_llama, TEXTS).key == keys[0]


@pytest.mark.parametrize("points", ["last", "mean"])
def test_a_model_that_trains_is_read_as_one_that_does_not(points: str, tmp_path: Path) -> None:
    model = load(tiny_model_folder(tmp_path, family="gpt2"), dtype="float32", device="cpu")
    resting = collect(model, TEXTS, points=points)
    model.network.train()
    training = collect(model, TEXTS, points=points)
    np.testing.assert_array_equal(training.values, resting.values)
    assert training.points == resting.points and model.network.training
