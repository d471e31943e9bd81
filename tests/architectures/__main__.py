"""`make architectures`: examine every architecture, print the table and write docs/architectures.md."""

from __future__ import annotations

import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"

import time

from transformers.utils import logging

from tests.architectures.survey import MODEL_TYPES, WRONG, examine
from tests.architectures.table import DOCUMENT, document, totals


def main() -> None:
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    begun = time.monotonic()
    rows = []
    for model_type in MODEL_TYPES:
        row = examine(model_type)
        rows.append(row)
        print(f"{model_type:26} {row.path:30} {row.deletion.verdict:16} {row.merge.verdict}", flush=True)
    DOCUMENT.write_text(document(rows), encoding="utf-8")
    print("\n".join(totals(rows)))
    print(f"{len(rows)} architectures in {time.monotonic() - begun:.0f} s; written to {DOCUMENT.name}")
    sys.exit(any(WRONG in (row.deletion.verdict, row.merge.verdict) for row in rows))


if __name__ == "__main__":
    main()
