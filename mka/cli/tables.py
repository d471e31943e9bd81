"""The readable answers: short tables and sentences, in which nothing hangs on colour."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from mka.objects.model_summary import ModelSummary
from mka.objects.numbers import significant
from mka.objects.plan import MergePlan
from mka.objects.receipt import Receipt
from mka.objects.report import Report, Result
from mka.objects.savings import Savings
from mka.objects.sizes import bytes_text

PIPED_WIDTH = 160


def console() -> Console:
    """Stdout; names and texts are printed as they are, never read as markup."""
    made = Console(markup=False, emoji=False, highlight=False)
    return made if made.is_terminal else Console(markup=False, emoji=False, highlight=False, width=PIPED_WIDTH)


def show_summary(out: Console, summary: ModelSummary) -> None:
    """What `mka inspect` says."""
    kinds = {kind: summary.layer_types.count(kind) for kind in dict.fromkeys(summary.layer_types)}
    each = summary.per_layer[0].parameters if summary.per_layer else 0
    table = new_table("", "")
    for name, value in (
        ("model", plain(summary.source)),
        ("architecture", summary.architecture),
        ("layers", f"{summary.layers} at {summary.layer_path} ({', '.join(f'{n} {k}' for k, n in kinds.items())})"),
        ("parameters", f"{summary.parameters:,}, {each:,} in the first layer"),
        ("weights", f"{bytes_text(summary.bytes)} as {summary.dtype}"),
        ("hidden size", f"{summary.hidden_size:,}"),
        ("vocabulary", f"{summary.vocabulary:,}{', embeddings tied to the head' if summary.tied_embeddings else ''}"),
        ("context", f"{summary.context:,} tokens, {bytes_text(summary.cache_bytes_per_token)} of cache each"),
        ("fields per layer", ", ".join(summary.per_layer_fields) or "none"),
        ("fingerprint", summary.fingerprint),
    ):
        table.add_row(name, value)
    out.print(table)


def show_plan(out: Console, plan: MergePlan, saved: Savings, path: str | None) -> None:
    """The groups and what they save."""
    table = new_table("layers", "method", "weights")
    for group in plan.groups:
        shares = [("", group.weights), *((f"{kind} ", one) for kind, one in group.kinds)]
        weights = "; ".join(kind + ", ".join(f"{weight:.3f}" for weight in one) for kind, one in shares if one)
        method = group.method if group.tensors == "all" else f"{group.method} ({group.tensors})"
        table.add_row(_layers(group.layers), method, weights or "-")
    out.print(table)
    say(
        out,
        f"{saved.layers[0]} layers become {saved.layers[1]} (compression ratio {saved.compression_ratio:.1%}); "
        f"parameters {saved.parameters[0]:,} to {saved.parameters[1]:,} ({-saved.parameter_ratio:.1%}), "
        f"weights {bytes_text(saved.bytes[0])} to {bytes_text(saved.bytes[1])}; per token, "
        f"FLOPs {saved.flops_per_token[0]:,} to {saved.flops_per_token[1]:,} without attention over the context, "
        f"cache {bytes_text(saved.cache_bytes_per_token[0])} to {bytes_text(saved.cache_bytes_per_token[1])}",
    )
    written(out, path)


def show_receipt(out: Console, receipt: Receipt) -> None:
    """What the merge changed, and that the folder was verified."""
    say(
        out,
        f"{receipt.layers_before} layers became {receipt.layers_after}; "
        f"parameters {receipt.parameters_before:,} to {receipt.parameters_after:,}, "
        f"weights {bytes_text(receipt.bytes_before)} to {bytes_text(receipt.bytes_after)}",
    )
    largest = max((change.relative_change for change in receipt.changes), default=0.0)
    say(
        out,
        f"{len(receipt.changes)} tensors changed (by {largest:.3g} of their norm at most), "
        f"{receipt.shared_tensors} stayed",
    )
    if receipt.repair != "none":
        say(out, f"repair {receipt.repair}: {len(receipt.repaired)} of these tensors were repaired")
    for name, old, new in receipt.config_changes:
        say(out, f"config {name}: {plain(old)} -> {plain(new)}")
    for warning in receipt.warnings:
        say(out, f"WARNING: {warning}")
    if receipt.verified is not None:
        say(out, f"verified: after reloading, logits differ by {receipt.verified:.3g} at most")
    else:
        say(out, "checked: every name, shape and dtype is what the written config describes")
    written(out, receipt.folder)


def show_report(out: Console, report: Report) -> None:
    """The model, its baseline and the controls, a line each, then the verdict; perplexity beside accuracy."""
    rows = [("this model", report.result), *([("baseline", report.baseline)] if report.baseline else [])]
    table = new_table(
        "", "layers", "parameters", "perplexity", "accuracy", "95 %", "by letter", "KL (nats)", "same token"
    )
    for name, result in (*rows, *report.controls.items()):
        table.add_row(name, *_report_cells(result))
    out.print(table)
    speeds = [(name, r.cost.tokens_per_second) for name, r in rows if math.isfinite(r.cost.tokens_per_second)]
    if speeds:
        say(out, ", ".join(f"{name}: {speed:,.0f} tokens/s" for name, speed in speeds))
    for one in report.result.generations:
        say(out, f"{plain(one.prompt)!r}\n  baseline: {plain(one.baseline)!r}\n  this one: {plain(one.model)!r}")
    say(out, report.verdict)


def _report_cells(result: Result) -> Sequence[str]:
    perplexity, choices, divergence = result.perplexity, result.choices, result.divergence
    return (
        str(result.cost.layers),
        f"{result.cost.parameters:,}",
        f"{significant(perplexity.value)} ± {significant(perplexity.stderr, 2)}" if perplexity else "-",
        f"{choices.accuracy:.1%}" if choices else "-",
        f"{choices.ci95[0]:.1%} to {choices.ci95[1]:.1%}" if choices else "-",
        f"{choices.letter:.1%}" if choices else "-",
        significant(divergence.kl, 3) if divergence else "-",
        f"{divergence.top1:.1%}" if divergence else "-",
    )


def say(out: Console, sentence: str) -> None:
    """A sentence, wrapped between words at a terminal and left in one line in a pipe."""
    out.print(sentence, soft_wrap=not out.is_terminal)


def digits(value: float) -> str:
    """Three digits behind the point; "no value" for NaN."""
    return "no value" if math.isnan(value) else f"{value:.3f}"


def plain(text: str) -> str:
    """The text without characters that a terminal would obey."""
    return "".join(one if one.isprintable() or one == "\n" else "\ufffd" for one in text)


def _layers(layers: Sequence[int]) -> str:
    """18-21 for a run, 3, 5 otherwise."""
    whole = layers[-1] - layers[0] == len(layers) - 1 and len(layers) > 1
    return f"{layers[0]}-{layers[-1]}" if whole else ", ".join(map(str, layers))


def new_table(*columns: str) -> Table:
    """An empty table whose columns of words stand left."""
    table = Table(box=None, pad_edge=False, show_header=any(columns))
    for column in columns:
        left = column in ("", "layers", "method", "measure", "kind", "strategy", "repair")
        table.add_column(column, justify="left" if left else "right", no_wrap=bool(column))
    return table


def written(out: Console, place: str | None) -> None:
    """Where the answer went, if anywhere."""
    if place:
        say(out, f"written: {plain(place)}")
