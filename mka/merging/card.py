"""The model card of a checkpoint: what was done to which model, what it cost, how to do it again."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mka
from mka.errors import BadInput
from mka.objects.plan import MergeGroup, MergePlan
from mka.objects.receipt import Receipt
from mka.objects.report import Choices, Divergence, Perplexity, Report, Result

DEMO = "demo"
CARD = "README.md"
COST, ORIGIN = "## What it cost", "## Where the plan came from"
WORDS = {
    "average": "averaged into one",
    "slerp": "interpolated on the sphere into one",
    "rdsc": "made one by adding their differences to the first",
    "drop": "deleted",
    "keep": "replaced by one of them",
}


def model_card(plan: MergePlan, receipt: Receipt, report: Report | None, *, name: str, tolerance: float | None) -> str:
    """README.md of the checkpoint `name`: YAML for the hub, then Markdown.

    `report` gives the figures where the merged model was measured; `tolerance` is what the reloaded model's
    logits might have differed by, None where it was not loaded again.
    """
    source = source_name(receipt.source)
    parts = [
        _front_matter(receipt.source),
        f"# {name}",
        f"{source} with {receipt.layers_before - receipt.layers_after} of its {receipt.layers_before} decoder layers "
        "removed: layers were merged or deleted as told below, and nothing was trained afterwards.",
        "## What was done",
        _groups(plan),
        *(f"**Doubtful:** {warning}." for warning in receipt.warnings),
        *([_repair(receipt)] if receipt.repair != "none" else []),
        _sizes(receipt),
        COST,
        _cost(report),
        ORIGIN,
        _origin(plan, receipt),
        "## Checked",
        f"{_checked(receipt, tolerance)} {len(receipt.changes)} tensors were computed (BLAKE3 {receipt.hash}), "
        f"{receipt.shared_tensors} are the source's own; `mka-receipt.json` lists them.",
        "## Licence",
        f"These weights are made of those of {source}; its licence and its terms of use hold for them too.",
    ]
    return "\n\n".join(parts) + "\n"


def around_cost(card: str) -> tuple[str, str]:
    """What stands before and after the part on the cost in a card of `model_card`; BadInput for another card."""
    before, found, rest = card.partition(f"{COST}\n")
    _, bound, after = rest.partition(f"{ORIGIN}\n")
    if not (found and bound):
        raise BadInput(f"the model card has no part {COST[3:]!r} to put figures into; leave --card out")
    return before, after


def with_figures(card: str, report: Report) -> str:
    """`card` with the figures of `report` in place of what it says of the cost; BadInput as `around_cost`."""
    before, after = around_cost(card)
    return f"{before}{COST}\n\n{_cost(report)}\n\n{ORIGIN}\n{after}"


def source_name(source: str) -> str:
    """What a reader elsewhere can make of the source: a hub id as it is, of a folder its last name."""
    if source == DEMO:
        return "the demo model of MKA"
    return source if hub_id(source) else Path(source).name


def hub_id(source: str) -> bool:
    """Whether the source reads like owner/name on the hub and is no folder here."""
    name = source.partition("@")[0]
    return name.count("/") == 1 and not name.startswith((".", "/", "~")) and " " not in name and not Path(name).exists()


def _front_matter(source: str) -> str:
    lines = ["---", "library_name: transformers", "pipeline_tag: text-generation"]
    if hub_id(source):
        lines.append(f"base_model: {json.dumps(source.partition('@')[0])}")
    return "\n".join([*lines, "tags:", "- mka", "- layer-merging", "---"])


def _groups(plan: MergePlan) -> str:
    if not plan.groups:
        return "The plan is empty: every layer is as it was."
    rows = [(_layers(group.layers), _how(group), _weights(group)) for group in plan.groups]
    return _table(("layers", "what became of them", "merge ratios"), rows)


def _how(group: MergeGroup) -> str:
    if group.layer is not None:
        return f"{WORDS[group.method]}, layer {group.layer}"
    part = ", weight matrices only" if group.merges and group.tensors == "projections" else ""
    return f"{WORDS[group.method]}{part}"


def _layers(layers: Sequence[int]) -> str:
    return ", ".join(str(layer) for layer in layers)


def _weights(group: MergeGroup) -> str:
    return (
        "; ".join(filter(None, (_ratios(group.weights), *(f"{kind} {_ratios(one)}" for kind, one in group.kinds))))
        or "–"
    )


def _ratios(weights: Sequence[float]) -> str:
    return ", ".join(f"{weight:.4g}" for weight in weights)


def _repair(receipt: Receipt) -> str:
    gone = sorted({layer for one in receipt.repaired for layer, _ in one.given})
    moved = f" Heads or neurons of layers that are gone ({_layers(gone)}) stand in some of them." if gone else ""
    return (
        f"Repaired by `{receipt.repair}`, without training, from the activations of calibration texts: "
        f"{len(receipt.repaired)} tensors were changed for it, and no tensor was added. `mka-receipt.json` names them."
        + moved
    )


def _sizes(receipt: Receipt) -> str:
    rows = [
        ("decoder layers", receipt.layers_before, receipt.layers_after),
        ("parameters", receipt.parameters_before, receipt.parameters_after),
        ("bytes of weights", receipt.bytes_before, receipt.bytes_after),
    ]
    told = ((what, f"{old:,}", f"{new:,}", f"{_removed(old, new)} %") for what, old, new in rows)
    return _table(("", "before", "after", "removed"), told)


def _checked(receipt: Receipt, tolerance: float | None) -> str:
    if tolerance is None:
        return (
            "After writing, the name, shape and dtype of every tensor were compared with the model that the config "
            "describes, built without weights; the model itself was not run."
        )
    return (
        "After writing, this folder was loaded again and both models read the same random token ids, the last ones "
        f"from a filled cache: their logits differ by {receipt.verified:.3g} at most ({tolerance:.3g} would have been "
        "rounding)."
    )


def _removed(old: int, new: int) -> str:
    return f"{100 * (1 - new / old):.1f}" if old else "0"


def _cost(report: Report | None) -> str:
    if report is None:
        return (
            "Nothing was measured when this folder was written. Removing layers always costs something: measure "
            "perplexity and answers before use (`mka evaluate`)."
        )
    results: list[tuple[str, Result]] = [("this model", report.result)]
    results += [("the model before", report.baseline)] if report.baseline is not None else []
    results += [(f"control: {name}", result) for name, result in report.controls.items()]
    header = ("", "layers", "perplexity", "accuracy (95 % interval)", "KL to the model before", "same next token")
    rows = [(name, str(result.cost.layers), *_figures(result)) for name, result in results]
    read = [f"texts {report.text_source}"] if report.text_source else []
    read += [f"questions {report.question_source}"] if report.question_source else []
    measured = f"Measured with seed {report.seed}{' on ' if read else ''}{' and '.join(read)}. "
    controls = "A control removes as many layers and merges nothing." if report.controls else ""
    return "\n\n".join([report.verdict, _table(header, rows), (measured + controls).strip()])


def _figures(result: Result) -> tuple[str, str, str, str]:
    return (
        _perplexity(result.perplexity),
        _accuracy(result.choices),
        _divergence(result.divergence, "kl"),
        _divergence(result.divergence, "top1"),
    )


def _perplexity(found: Perplexity | None) -> str:
    return "–" if found is None else f"{found.value:,.4g} ± {found.stderr:.2g}"


def _accuracy(found: Choices | None) -> str:
    if found is None:
        return "–"
    low, high = (100 * bound for bound in found.ci95)
    return f"{100 * found.accuracy:.1f} % ({low:.1f}–{high:.1f}, n = {found.n}, {found.shots}-shot)"


def _divergence(found: Divergence | None, which: str) -> str:
    if found is None:
        return "–"
    return f"{found.kl:.3g} nats" if which == "kl" else f"{100 * found.top1:.1f} %"


def _origin(plan: MergePlan, receipt: Receipt) -> str:
    known = plan.provenance
    rows: list[tuple[str, Any]] = [
        ("source", f"{source_name(receipt.source)} (fingerprint {receipt.source_fingerprint})"),
        ("strategy", known.strategy),
        ("measure of similarity", known.measure),
        ("seed", known.seed),
        ("calibration texts", len(known.text_hashes) or None),
        ("plan", f"{plan.key}, in `mka-plan.json`"),
        ("written with", ", ".join(f"{name} {number}" for name, number in _versions().items())),
    ]
    texts = "" if plan.repair == "none" else " --calibration SRC"
    again = f"Made again by `mka merge MODEL mka-plan.json --out DIR{texts}`, with MODEL the source above"
    again += ", and SRC the calibration texts." if texts else "."
    return f"{_table(('', ''), ((name, str(value)) for name, value in rows if value is not None))}\n\n{again}"


def _versions() -> Mapping[str, str]:
    libraries = {name: version(name) for name in ("torch", "transformers", "safetensors")}
    return {"mka": mka.__version__, "python": platform.python_version(), **libraries}


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
