"""Evaluations that outlive the program: each run is a file of the user's store, found again by its key.

A file that another version or another program wrote is no run: it is passed over and stays as it is.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mka.errors import BadInput
from mka.objects.jsonable import jsonable
from mka.objects.parsing import parse
from mka.objects.plan import MergePlan
from mka.objects.receipt import Receipt
from mka.objects.report import Report
from mka.objects.run import Run, Trial
from mka.store import DAMAGE, Store, key_of, open_store

KIND = "run"
FORMAT = "mka-run/1"
KEY = re.compile(r"[0-9a-f]{64}")
MADE_KEPT = 200
"""So many runs of one process are remembered where there is no store."""


def run_of(
    fingerprint: str, plan: MergePlan, trial: Trial, report: Report, receipt: Receipt | None, seconds: float
) -> Run:
    """An evaluation that has just ended."""
    key = run_key(fingerprint, plan, trial, report)
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return Run(key, report.source, fingerprint, plan, trial, report, receipt, seconds, when)


def run_key(fingerprint: str, plan: MergePlan, trial: Trial, report: Report) -> str:
    """What tells one run from another: the model and its dtype, what the plan does, what was asked, and the seed."""
    asked = {"trial": jsonable(trial), "seed": report.seed}
    return key_of({"model": fingerprint, "dtype": report.dtype, "plan": plan.key, **asked})


def run_json(run: Run) -> dict[str, Any]:
    """A run as the store holds it; NaN is null."""
    return {
        "format": FORMAT,
        "source": run.source,
        "fingerprint": run.fingerprint,
        "plan": jsonable(run.plan.to_json()),
        "trial": jsonable(run.trial),
        "report": jsonable(run.report),
        "receipt": jsonable(run.receipt),
        "seconds": jsonable(run.seconds),
        "when": run.when,
    }


def read_run(key: str, raw: Mapping[str, Any]) -> Run | None:
    """The run that `run_json` wrote; None for what is no run, or another one than `key` says."""
    try:
        if raw["format"] != FORMAT:
            return None
        run = Run(
            key=key,
            source=str(raw["source"]),
            fingerprint=str(raw["fingerprint"]),
            plan=MergePlan.from_json(raw["plan"]),
            trial=parse(Trial, raw["trial"]),
            report=report_of(raw["report"]),
            receipt=None if raw["receipt"] is None else receipt_of(raw["receipt"]),
            seconds=float(raw["seconds"]),
            when=str(raw["when"]),
        )
    except (BadInput, *DAMAGE):
        return None
    return run if run_key(run.fingerprint, run.plan, run.trial, run.report) == key else None


def report_of(raw: object) -> Report:
    """The report that `jsonable` wrote; BadInput for anything else."""
    return parse(Report, raw)


def receipt_of(raw: object) -> Receipt:
    """The receipt that `jsonable` wrote; BadInput for anything else."""
    return parse(Receipt, raw)


@dataclass
class Shelf:
    """The runs that this process made, and those that the user's store keeps. Any thread may ask.

    problem: why the last run will not be found after a restart; "" where it will, or where the store is off
    """

    problem: str = ""
    _made: dict[str, Run] = field(default_factory=dict)
    _read: dict[str, Run | None] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def lasting(self) -> bool:
        """Whether there is a store, so that runs outlive this process."""
        return users_store().on

    def add(self, run: Run) -> None:
        """Remember a run that has just ended, and keep it for later processes."""
        store = users_store()
        store.put(KIND, run.key, run_json(run), {})
        with self._lock:
            self.problem = store.problem
            self._made.pop(run.key, None)
            self._made[run.key] = run
            while len(self._made) > MADE_KEPT:
                self._made.pop(next(iter(self._made)))

    def find(self, key: str) -> Run | None:
        """The run of this key, whichever process made it; None where there is none, or `key` is no key."""
        if not KEY.fullmatch(key):
            return None
        with self._lock:
            return self._made.get(key) or self._stored(users_store(), key)

    def of_model(self, fingerprint: str) -> tuple[Run, ...]:
        """Every run of one model, the latest last."""
        store = users_store()
        files = store.entries() if store.on else ()
        kept = [file.path.stem.removeprefix(f"{KIND}-") for file in files if file.kind == KIND]
        with self._lock:
            found = {key: run for key in kept if (run := self._stored(store, key)) is not None} | self._made
        mine = (run for run in found.values() if run.fingerprint == fingerprint)
        return tuple(sorted(mine, key=lambda run: run.when))

    def _stored(self, store: Store, key: str) -> Run | None:
        """What the store holds under `key`; a file is read once, since the same key has the same content."""
        if key not in self._read:
            artifact = store.get(KIND, key)
            if artifact is None:
                return None
            self._read[key] = read_run(key, artifact.meta)
        return self._read[key]


def users_store() -> Store:
    """The user's store; none where its limit cannot be understood, which `mka store` tells."""
    try:
        return open_store()
    except BadInput:
        return Store(Path(), 0)
