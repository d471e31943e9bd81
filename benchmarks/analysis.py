"""Every figure of the analysis in one run: estimators, maps, collection, store, growth.

    python -m benchmarks.analysis          (`make bench-analysis`; about ten minutes on two cores)

Prints a table with ratios and writes results/analysis.json and results/growth.png beside this file.
"""

from __future__ import annotations

import json
import platform
from pathlib import Path

from benchmarks import collection, diffusion, growth, measures, npib, store
from mka.analysis.parallel import cores
from mka.objects.jsonable import jsonable
from mka.workflows.versions import versions

RESULTS = Path(__file__).parent / "results" / "analysis.json"


def main() -> None:
    found: dict[str, object] = {
        "machine": {"cores": cores(), "processor": platform.machine()},
        "versions": versions(),
    }
    # Collection first: its peak of memory is the process's own.
    for part in (collection, npib, diffusion, measures, store, growth):
        name = part.__name__.rpartition(".")[2]
        print(f"== {(part.__doc__ or '').splitlines()[0]}", flush=True)
        found[name] = part.measure()
        part.show(found[name])
    growth.draw(found["growth"]["measures"], growth.PICTURE)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(jsonable(found), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
