"""The survey as docs/architectures.md: written by `make architectures`, read by the test that no row gets worse."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import transformers

from tests.architectures.survey import BYPASSED, REFUSED, RIGHT, UNBUILT, WRONG, Outcome, Row

DOCUMENT = Path(__file__).parents[2] / "docs" / "architectures.md"
VERDICTS = (RIGHT, REFUSED, WRONG, UNBUILT)
LONGEST = 300
"""Characters of a reason that are shown."""

RANKS: Mapping[str, int] = {RIGHT: 0, REFUSED: 1, UNBUILT: 1, WRONG: 2}
"""A higher rank is worse."""

LINE = re.compile(r"\| `(?P<type>[^`]+)` \| [^|]* \| (?P<deletion>[^|]*) \| (?P<merge>[^|]*) \|")


def document(rows: Sequence[Row]) -> str:
    """docs/architectures.md."""
    bypassed = "; ".join(f"`{name}`: {why}" for name, why in BYPASSED.items())
    return "\n".join(
        [
            "# Architectures",
            "",
            f"Every causal language model type of transformers {transformers.__version__}, built tiny with random "
            "weights, opened by `mka.load`, two of its layers deleted, two averaged, each written by `mka.save` and "
            "reloaded. Made by `make architectures`; `make test` fails where a row gets worse.",
            "",
            *totals(rows),
            "",
            "*Right* means that in memory and reloaded, logits equal those of the original in which the layers hand "
            "their input on (and, for a merge, the first holds the average), and that generation is the same with and "
            "without the cache where the original's is. *Refused* means an error that says why, and nothing written. "
            "Where more than one state runs through the layers, they are taken out of the original instead "
            f"({bypassed}). "
            'Layers with experts are averaged with `"experts": "by-index"`.',
            "",
            "| Model type | Layers at | Deleted | Merged |",
            "|---|---|---|---|",
            *(f"| `{row.model_type}` | {row.path} | {_told(row.deletion)} | {_told(row.merge)} |" for row in rows),
            "",
            "## Why",
            "",
            *(f"- `{row.model_type}`: {why}" for row in rows if (why := _why(row))),
            "",
        ]
    )


def totals(rows: Sequence[Row]) -> Iterable[str]:
    """A small table: how many deletions and merges came out how."""
    yield "| " + " | ".join(["", *VERDICTS]) + " |"
    yield "|" + "---|" * (1 + len(VERDICTS))
    for name, outcomes in (("deletions", [row.deletion for row in rows]), ("merges", [row.merge for row in rows])):
        counted = Counter(outcome.verdict for outcome in outcomes)
        yield "| " + " | ".join([name, *(str(counted[verdict]) for verdict in VERDICTS)]) + " |"


def verdicts(text: str) -> dict[str, tuple[str, str]]:
    """Model type -> the verdicts on its deletion and its merge."""
    return {found["type"]: (_verdict(found["deletion"]), _verdict(found["merge"])) for found in LINE.finditer(text)}


def worse(row: Row, before: tuple[str, str]) -> bool:
    """Whether a verdict of `row` has a higher rank than it had."""
    now = (row.deletion.verdict, row.merge.verdict)
    return any(RANKS[new] > RANKS[old] for new, old in zip(now, before, strict=True))


def _told(outcome: Outcome) -> str:
    layers = ", ".join(map(str, outcome.layers))
    return f"{outcome.verdict} ({layers})" if layers else outcome.verdict


def _why(row: Row) -> str:
    """What there is to say of the deletion, and of the merge where that is something else."""
    said = dict.fromkeys(outcome.why for outcome in (row.deletion, row.merge) if outcome.why)
    return " / ".join(why if len(why) <= LONGEST else f"{why[: LONGEST - 3]}..." for why in said).replace("<", "&lt;")


def _verdict(told: str) -> str:
    return next(verdict for verdict in VERDICTS if told.startswith(verdict))
