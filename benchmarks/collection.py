"""What collecting activations costs over a bare forward pass of the base model on the same batches."""

from __future__ import annotations

import torch

from benchmarks.timing import medians
from mka.analysis.collection import collect
from mka.data.texts import load_texts
from mka.evaluation.batches import Row, batches
from mka.models.loaded import LoadedModel
from mka.models.loading import load
from mka.objects.texts import TextSet

BATCH_TOKENS = 512


def bare_forward(model: LoadedModel, texts: TextSet) -> None:
    """Tokenize, batch and run as collection does, and keep nothing."""
    rows = [
        Row(tuple(model.tokenizer(text.text, verbose=False)["input_ids"]), 1, number)
        for number, text in enumerate(texts.texts)
    ]
    with torch.inference_mode():
        for batch in batches(rows, BATCH_TOKENS):
            width = max(len(row.ids) for row in batch)
            ids = torch.zeros(len(batch), width, dtype=torch.long)
            mask = torch.zeros(len(batch), width, dtype=torch.long)
            for place, row in enumerate(batch):
                ids[place, : len(row.ids)] = torch.tensor(row.ids)
                mask[place, : len(row.ids)] = 1
            model.stack.base(input_ids=ids, attention_mask=mask, use_cache=False)


def main() -> None:
    model, texts = load("demo", device="cpu"), load_texts("demo", split="dev")
    taken = medians({"bare forward": lambda: bare_forward(model, texts), "collect": lambda: collect(model, texts)})
    for name, seconds in taken.items():
        print(f"{name}: {seconds:.3f} s")
    print(f"collect / bare forward, {len(texts.texts)} texts: {taken['collect'] / taken['bare forward']:.2f}")


if __name__ == "__main__":
    main()
