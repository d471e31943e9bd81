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
ENDING = 16
"""Hexadecimal digits of a key that tell the plan, and as many that tell the model."""
MADE_KEPT = 200
"""So many runs of one process are remembered where there is no store."""
READ_KEPT = 400
"""So many runs that were read are not read again."""


def run_of(
    fingerprint: str,
    plan: MergePlan,
    trial: Trial,
    report: Report,
    receipt: Receipt | None,
    seconds: float,
    calibration: str = "",
    texts: str = "",
) -> Run:
    """An evaluation that has just ended. calibration, texts: see `Run`."""
    key = run_key(fingerprint, plan, trial, report, calibration, texts)
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return Run(key, report.source, fingerprint, plan, trial, report, receipt, seconds, when, calibration, texts)


def run_key(
    fingerprint: str, plan: MergePlan, trial: Trial, report: Report, calibration: str = "", texts: str = ""
) -> str:
    """What tells one run from another: the model and its dtype, what the plan does, what was asked, the seed, and the
    texts of a repair: by their words, as the user named them, and by what they say.

    It ends with what tells the plan and the model, so that a file's name says whether it is worth reading.
    """
    read = {name: value for name, value in (("calibration", calibration), ("texts", texts)) if value}
    asked = {"trial": jsonable(trial), "seed": report.seed} | read
    whole = key_of({"model": fingerprint, "dtype": report.dtype, "plan": plan.key, **asked})
    return whole[: -2 * ENDING] + _ending(fingerprint, plan.key)


def _ending(fingerprint: str, plan_key: str = "") -> str:
    """The end of the keys of a model's runs; with `plan_key`, of those of one plan."""
    return (key_of({"plan": plan_key})[:ENDING] if plan_key else "") + key_of({"model": fingerprint})[:ENDING]


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
        "calibration": run.calibration,
        "texts": run.texts,
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
            calibration=str(raw.get("calibration", "")),  # older files have neither
            texts=str(raw.get("texts", "")),
        )
    except (BadInput, *DAMAGE):
        return None
    known = run_key(run.fingerprint, run.plan, run.trial, run.report, run.calibration, run.texts)
    return run if known == key else None


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
    _read: dict[str, Run] = field(default_factory=dict)
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
        return self._made.get(key) or self._stored(users_store(), key)

    def of_model(self, fingerprint: str) -> tuple[Run, ...]:
        """Every run of one model, the latest last."""
        return self._that_end(_ending(fingerprint))

    def of_plan(self, fingerprint: str, plan_key: str) -> tuple[Run, ...]:
        """Every run of one plan (`MergePlan.key`) on one model, the latest last."""
        return self._that_end(_ending(fingerprint, plan_key))

    def _that_end(self, ending: str) -> tuple[Run, ...]:
        """The runs whose keys end so, the latest last."""
        store = users_store()
        files = store.entries() if store.on else ()
        kept = [file.path.stem.removeprefix(f"{KIND}-") for file in files if file.kind == KIND]
        with self._lock:
            made = {key: run for key, run in self._made.items() if key.endswith(ending)}
        read = {key: self._stored(store, key) for key in kept if key.endswith(ending) and key not in made}
        found = made | {key: run for key, run in read.items() if run is not None}
        return tuple(sorted(found.values(), key=lambda run: run.when))

    def _stored(self, store: Store, key: str) -> Run | None:
        """What the store holds under `key`; a run is read once, since the same key has the same content. The disk is
        waited for without the lock: another page must not wait too."""
        with self._lock:
            known = self._read.get(key)
        if known is not None:
            return known
        artifact = store.get(KIND, key)
        run = None if artifact is None else read_run(key, artifact.meta)
        if run is not None:
            with self._lock:
                self._read[key] = run
                while len(self._read) > READ_KEPT:
                    self._read.pop(next(iter(self._read)))
        return run


def users_store() -> Store:
    """The user's store; none where its limit cannot be understood, which `mka store` tells."""
    try:
        return open_store()
    except BadInput:
        return Store(Path(), 0)
