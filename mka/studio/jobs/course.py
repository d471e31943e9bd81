"""How far a job is: the stages it will go through, and where it is among them. No clock is read here."""

from __future__ import annotations

from dataclasses import dataclass, replace

ENOUGH_SHARE, ENOUGH_SECONDS = 0.05, 2.0
"""A pace is told from so much of the way and so long a time on; before, it would be a guess."""


@dataclass(frozen=True)
class Stage:
    """One stretch of a job: what its reports call it, and about how long it takes beside the other stages.

    even: its steps take about as long as each other, so that they tell a pace
    """

    name: str
    weight: float = 1.0
    even: bool = True

    def is_meant(self, reported: str) -> bool:
        """Whether a report is of this stage; it may add a remark in brackets."""
        return reported == self.name or reported.startswith(f"{self.name} (")


@dataclass(frozen=True)
class Course:
    """The stages of a job in their order; empty where they are not known.

    Any of them may be left out by the job, as what is found in the store is.
    """

    stages: tuple[Stage, ...] = ()

    @property
    def weight(self) -> float:
        """Of all stages together."""
        return sum(stage.weight for stage in self.stages)

    def find(self, reported: str, begin: int) -> int | None:
        """Index of the first stage from `begin` on that a report is of; None where there is none."""
        return next((at for at in range(begin, len(self.stages)) if self.stages[at].is_meant(reported)), None)


UNKNOWN = Course()


@dataclass(frozen=True)
class Position:
    """Where a job is on its course, by its last report.

    index:     of the present stage, -1 before the first
    part:      how much of the present stage is done, in [0, 1]
    time:      when that was reported, in seconds
    counted:   weight of what was done in stages that count even steps, and `seconds`, the time that took: the pace
    """

    course: Course
    time: float
    index: int = -1
    part: float = 0.0
    counted: float = 0.0
    seconds: float = 0.0

    @property
    def share(self) -> float | None:
        """How much of the whole job is done or was left out, in [0, 1]; None where the stages are not known."""
        return self._passed / self.course.weight if self.course.weight > 0 else None

    def reported(self, stage: str, done: int, total: int, time: float) -> Position:
        """The position after a report, as `Progress`, at `time`; never further back than this one."""
        part = min(1.0, max(0.0, done / total)) if total > 0 else 0.0
        at = self._index_of(stage, part)
        if at is None:
            return self
        begun = self.part if at == self.index else 0.0
        part, present = max(part, begun), self.course.stages[at]
        gained = present.weight * (part - begun) if present.even else 0.0
        spent = time - self.time if gained > 0 else 0.0
        return replace(
            self, time=time, index=at, part=part, counted=self.counted + gained, seconds=self.seconds + spent
        )

    def seconds_left(self, now: float) -> float | None:
        """How long the rest of the job will take at its pace so far; None where that cannot be told."""
        if self.counted < ENOUGH_SHARE * self.course.weight or self.seconds < ENOUGH_SECONDS:
            return None
        left = (self.course.weight - self._passed) * self.seconds / self.counted - (now - self.time)
        return left if left > 0 else None

    @property
    def _passed(self) -> float:
        before = sum(stage.weight for stage in self.course.stages[: max(0, self.index)])
        return before + (self.course.stages[self.index].weight * self.part if self.index >= 0 else 0.0)

    def _index_of(self, stage: str, part: float) -> int | None:
        """Which stage a report is of: the present one, unless its count begins anew and another of its name follows."""
        later = self.course.find(stage, self.index + 1)
        if self.index < 0 or not self.course.stages[self.index].is_meant(stage):
            return later
        return later if part < self.part and later is not None else self.index
