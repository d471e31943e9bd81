"""Drive the studio without a browser: find widgets by their words, wait for jobs."""

from __future__ import annotations

import base64
import json
import time
from itertools import count, takewhile
from pathlib import Path
from typing import Any, cast

import numpy as np
from streamlit.testing.v1 import AppTest

from mka.studio.jobs.jobs import DONE, Job
from mka.studio.visits import session
from mka.studio.visits.visit import Visit

APP = str(Path(__file__).parents[2] / "app.py")
PAGES = ("model", "explore", "manifold", "layers", "plan", "evaluate", "runs", "export")
MARKDOWN = ("title", "header", "subheader", "markdown", "caption", "info", "warning", "error", "success")


class Studio:
    """One session of the studio, opened at an address with the parameters of `query`."""

    def __init__(self, **query: str) -> None:
        self.at = AppTest.from_file(APP, default_timeout=60)
        self.at.query_params.update(query)
        self.at.run()

    def go(self, page: str) -> Studio:
        self.at.switch_page(f"pages/{page}.py").run()
        return self

    def press(self, label: str) -> Studio:
        """Press the one button that says `label`."""
        found = [button for button in self.at.button if button.label == label]
        assert len(found) == 1, (label, [button.label for button in self.at.button])
        assert not found[0].disabled, f"{label} is disabled"
        found[0].click().run()
        return self

    def widget(self, kind: str, label: str) -> Any:
        """The one input of `kind` that says `label`."""
        found = [one for one in getattr(self.at, kind) if one.label == label]
        assert len(found) == 1, (label, [one.label for one in getattr(self.at, kind)])
        return found[0]

    def set(self, kind: str, label: str, value: object) -> Studio:
        self.widget(kind, label).set_value(value).run()
        return self

    @property
    def charts(self) -> list[str]:
        """The names of the charts on the page, from top to bottom."""
        return [json.loads(figure)["layout"]["meta"]["key"] for figure in self._figures()]

    def spec(self, key: str = "") -> dict[str, Any]:
        """A chart of the page, by default the first, as plotly reads it; arrays as lists."""
        specs = [json.loads(figure) for figure in self._figures()]
        found = [spec for spec in specs if key in ("", spec["layout"]["meta"]["key"])]
        assert found, (key, self.charts)
        return dict(_plain(found[0]))

    def _figures(self) -> list[str]:
        return [data["figure"] for data in self._charts()]

    def _charts(self) -> list[dict[str, Any]]:
        drawn = [json.loads(one.proto.json) for one in self.at.get("bidi_component")]
        return [data for data in drawn if "figure" in data]

    def finish(self) -> Job:
        """Wait for the last job, draw the page that follows, return the job; it must have succeeded."""
        job = last_job()
        until = time.monotonic() + 60
        while job.active:
            assert time.monotonic() < until, job.describe()
            time.sleep(0.02)
        self.at.run()
        assert job.state == DONE, job.error
        return job

    @property
    def visit(self) -> Visit:
        """What the process keeps of this session."""
        found: Visit = self.at.session_state[session.VISIT]
        return found

    @property
    def texts(self) -> list[str]:
        """What stands on the page as plain text, the sidebar's included."""
        return [one.value for one in (*self.at.main.text, *self.at.sidebar.text)]

    @property
    def markdown(self) -> list[str]:
        """Everything that Streamlit reads as markdown."""
        return [one.value for kind in MARKDOWN for one in self.at.get(kind)]

    @property
    def commands(self) -> list[str]:
        """The lines under "The same from the command line"."""
        return [line for block in self.at.code for line in block.value.split("\n") if line.startswith("mka ")]

    def says(self, words: str) -> bool:
        """Whether the page says `words`; a space that no line parts reads as any other."""
        return any(words in text.replace("\xa0", " ") for text in (*self.texts, *self.markdown))


def last_job() -> Job:
    """The job that was started last; a quick one may have ended already."""
    jobs = list(takewhile(lambda job: job is not None, map(session.process().queue.find, count(1))))
    assert jobs, "no job was started"
    return cast(Job, jobs[-1])


def _plain(value: Any) -> Any:
    """plotly's JSON with its packed arrays unpacked."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    if "bdata" not in value:
        return {name: _plain(one) for name, one in value.items()}
    flat = np.frombuffer(base64.b64decode(value["bdata"]), dtype=value["dtype"])
    shape = [int(size) for size in str(value.get("shape", flat.size)).split(",")]
    return flat.reshape(shape).tolist()
