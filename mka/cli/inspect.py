"""`mka inspect`."""

from __future__ import annotations

from mka.cli.command import command
from mka.cli.options import Device, Dtype, Json, ModelArgument, Revision, Seed, TrustRemoteCode


def inspect(
    model: ModelArgument,
    json: Json = None,
    seed: Seed = 0,
    dtype: Dtype = "auto",
    device: Device = "auto",
    revision: Revision = None,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Describe a model: its layers, what they weigh and of which kind they are. Nothing here is random."""
    with command(json, inputs=(model,)) as run:
        from mka.cli.tables import show_summary
        from mka.workflows.inspection import inspect as describe
        from mka.workflows.opening import Opening

        opening = Opening(dtype, device, revision, trust_remote_code)
        summary = describe(model, opening, progress=run.progress)
        run.answer(summary, lambda out: show_summary(out, summary))
