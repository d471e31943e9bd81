"""What lies on the desk of one session: a model's description and the analysis made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from mka.objects.embedding import Embedding
from mka.objects.layer_map import LayerMap
from mka.objects.model_summary import ModelSummary
from mka.objects.plan import MergePlan
from mka.objects.receipt import Receipt
from mka.objects.repairs import NONE
from mka.objects.report import Generation, Report
from mka.objects.run import Trial
from mka.objects.similarity import Similarity
from mka.objects.texts import JUDGES
from mka.workflows.analysis_files import Analysis
from mka.workflows.opening import Opening

DEMO = "demo"


@dataclass(frozen=True)
class OpenOrder:
    """A model as it is asked for: its source, and how it is opened. What is held in memory goes by both."""

    source: str
    opening: Opening = field(default_factory=Opening)


@dataclass(frozen=True)
class Calibration:
    """The texts that a repair is worked out from; the fields are the options of `mka merge`.

    limit: at most so many, None for all
    key:   their content key (`TextSet.key`) as the analysis read them, None where none did
    """

    source: str
    field: str | None = None
    limit: int | None = None
    key: str | None = None

    @property
    def words(self) -> str:
        """In words: "256 texts of demo"."""
        some = "the texts" if self.limit is None else f"{self.limit} texts"
        return f"{some} of {self.source}" + (f", field {self.field}" if self.field is not None else "")


Weights = tuple[str, str]
"""Fingerprint of a model and the dtype it is held in: figures of other weights are another model's."""
ReadingKey = tuple[str, ...]
"""Which texts an analysis read, and how: calibration key, kind of points, points and tokens of a text."""
KEPT_ANALYSES = 3
"""So many earlier analyses of a model, of other texts, stay on the desk to be compared with."""


def reading_key(analysis: Analysis) -> ReadingKey:
    """What tells two analyses of one model apart; those with the same key are joined."""
    return analysis.calibration_key, analysis.kind, str(analysis.per_text), str(analysis.longest)


def points_words(analysis: Analysis) -> str:
    """What was compared: "256 calibration texts", or "1024 tokens of 256 calibration texts"."""
    if analysis.kind == "tokens":
        return f"{analysis.n_points} tokens of {analysis.n_texts} calibration texts"
    return f"{analysis.n_points} calibration texts"


def reading_words(analysis: Analysis) -> str:
    """Which texts were read and how, in a few words that fit a list."""
    kind = {"mean": ", means", "tokens": f", {analysis.n_points} tokens"}.get(analysis.kind, "")
    kind += "" if analysis.longest is None else f", {analysis.longest} tokens of each read"
    split = f" ({analysis.split})" if analysis.split else ""
    return f"{analysis.calibration}{split}, {analysis.n_texts} texts{kind}"


@dataclass(frozen=True)
class Desk:
    """summary: the open model; analysis: what was computed of it, None before; bundled: it came with the program;
    others: earlier analyses of the same model on other texts, the latest first; opening: how it was opened."""

    summary: ModelSummary
    analysis: Analysis | None = None
    bundled: bool = False
    others: tuple[Analysis, ...] = ()
    opening: Opening = field(default_factory=Opening)

    @property
    def order(self) -> OpenOrder:
        """What a job that needs the model itself asks the model store for."""
        return OpenOrder(self.summary.source, self.opening)

    @property
    def weights(self) -> Weights:
        """Of which weights figures are."""
        return self.summary.fingerprint, self.summary.dtype

    def joined(self, old: Desk) -> Desk:
        """This desk with what `old` knew of the same model: its analysis where there is no newer one, both in one
        where they read the same texts in the same way, else the older one among the others. Figures of weights of
        another dtype are another model's."""
        new, dtype = self.analysis, self.summary.dtype
        before = [one for one in (old.analysis, *old.others) if one is not None and one.summary.dtype == dtype]
        if new is None:
            return replace(self, analysis=before[0] if before else None, others=tuple(before[1:]))
        same = [one for one in before if reading_key(one) == reading_key(new)]
        others = [one for one in before if reading_key(one) != reading_key(new)]
        return replace(self, analysis=_both(new, same[0]) if same else new, others=tuple(others[:KEPT_ANALYSES]))

    def turned_to(self, key: ReadingKey) -> Desk:
        """The desk with the other analysis of this key in front; as it is where there is none."""
        found = self.other(key)
        if found is None or self.analysis is None:
            return self
        rest = tuple(one for one in self.others if one is not found)
        return replace(self, analysis=found, others=(self.analysis, *rest), bundled=False)

    def other(self, key: ReadingKey) -> Analysis | None:
        """The analysis on other texts of this key; None where it is not kept."""
        return next((one for one in self.others if reading_key(one) == key), None)

    @property
    def similarities(self) -> Mapping[str, Similarity]:
        """By measure; empty before an analysis."""
        return self.analysis.similarities if self.analysis else {}

    @property
    def embeddings(self) -> Mapping[str, Embedding]:
        """By method; empty before an analysis."""
        return self.analysis.embeddings if self.analysis else {}

    @property
    def layer_maps(self) -> Mapping[str, LayerMap]:
        """By measure; empty before an analysis."""
        return self.analysis.layer_maps if self.analysis else {}

    @property
    def points(self) -> str:
        """What the analysis compared, in words; "" before one."""
        return points_words(self.analysis) if self.analysis else ""

    @property
    def dots(self) -> str:
        """What a dot of a manifold map is: "calibration texts" or "tokens"."""
        return "tokens" if self.analysis and self.analysis.kind == "tokens" else "calibration texts"

    @property
    def split(self) -> str:
        """What part of the calibration source was read; "" for all of it, and before an analysis."""
        return self.analysis.split if self.analysis else ""

    @property
    def own_data(self) -> str:
        """The word that names this model's own texts and questions; "" where a person must name them."""
        return DEMO if self.summary.source == DEMO else ""

    @property
    def calibration(self) -> Calibration | None:
        """The texts that a repair is worked out from: those that were analyzed, of a test split the dev split's
        instead; without an analysis the model's own; None where nobody named any."""
        if self.analysis is None:
            return Calibration(self.own_data) if self.own_data else None
        read = self.analysis
        return Calibration(
            read.calibration, read.field, read.n_texts, None if read.split == JUDGES else read.calibration_key
        )

    def calibration_of(self, plan: MergePlan) -> Calibration | None:
        """The texts that `plan` is carried out with; None where it asks for no repair, and where there are none."""
        return None if plan.repair == NONE else self.calibration


def _both(new: Analysis, before: Analysis) -> Analysis:
    """Everything that two analyses of the same reading computed; the newer where both computed it."""
    return replace(
        new,
        similarities={**before.similarities, **new.similarities},
        embeddings={**before.embeddings, **new.embeddings},
        layer_maps={**before.layer_maps, **new.layer_maps},
    )


@dataclass(frozen=True)
class Order:
    """An analysis as it is asked for; the fields are the options of `mka analyze`.

    per_text: most points of a text, where they are single tokens
    longest:  most tokens that are read of a text, None for as many as the model's context holds
    field:    which field of the calibration's records holds the text, None to guess
    """

    calibration: str
    split: str = "dev"
    limit: int = 256
    points: str = "last"
    per_text: int = 4
    longest: int | None = None
    measures: tuple[str, ...] = ()
    embeddings: tuple[str, ...] = ()
    dims: int = 2
    subsamples: int = 0
    field: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What is known of one plan on one model; a part that was not run is None.

    run:                key of the run that the report is of; "" without a report
    calibration, texts: as in `Run`
    """

    plan: MergePlan
    receipt: Receipt | None = None
    report: Report | None = None
    trial: Trial | None = None
    saved: Receipt | None = None
    seconds: float = 0.0
    run: str = ""
    calibration: str = ""
    texts: str = ""


@dataclass(frozen=True)
class Continuation:
    """What the model of this fingerprint, and what `plan` makes of it, wrote after a person's prompt."""

    fingerprint: str
    plan: MergePlan
    generation: Generation
