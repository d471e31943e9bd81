"""What an analysis consists of, piece by piece; the model is opened for the first one that the store does not hold."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mka.errors import RunFailed
from mka.objects.activations import Activations
from mka.objects.embedding import Embedding
from mka.objects.layer_map import LayerMap
from mka.objects.measures import EMBEDDING, MEASURES, WEIGHTS
from mka.objects.methods import METHODS
from mka.objects.model_summary import ModelSummary
from mka.objects.progress import Cancel, Progress
from mka.objects.similarity import Similarity, Uncertainty
from mka.objects.texts import TextSet
from mka.workflows import parts
from mka.workflows.kept import COLLECTION, LAYER_MAP, UNCERTAINTY, Ingredients, Kept, words_of
from mka.workflows.opening import ModelOnDemand

if TYPE_CHECKING:
    from mka.models.loaded import LoadedModel

READING, MODEL = "reading", "model"
MAPS_OF_MEASURES = "diffusion"
"""The method whose maps the measures of embeddings read."""


COMPILED = ("umap", "aligned-umap")
"""The methods whose library compiles itself in each process, for many seconds."""


@dataclass(frozen=True)
class Reading:
    """How calibration texts are read; the fields are `mka.collect`'s options."""

    points: str = "last"
    per_text: int = 4
    longest: int | None = None
    seed: int = 0

    @property
    def options(self) -> dict[str, Any]:
        return vars(self).copy()


@dataclass(frozen=True)
class Pieces:
    """The pieces of one analysis, each from the store or computed now.

    parameters: measure or method -> its parameters, where they are not the defaults
    """

    model: ModelOnDemand
    texts: TextSet
    how: Reading
    parameters: Mapping[str, Mapping[str, Any]]
    kept: Kept
    progress: Progress
    cancel: Cancel | None

    @cached_property
    def summary(self) -> ModelSummary:
        """Of the model, under the name that it goes by now."""

        def compute() -> ModelSummary:
            from mka.models.summary import summarize

            return summarize(self._opened)

        found = self.kept.piece(
            MODEL, "model", {}, compute, parts.summary_parts, lambda meta, _: parts.summary_of(meta)
        )
        return replace(found, source=self.model.source)

    def warm_up(self, methods: Iterable[str], dims: int) -> None:
        """Let what the embeddings need be compiled meanwhile, where they are not in the store."""
        for method in COMPILED:
            if method in methods and not self.kept.holds("embedding", self._embedded(method, dims)):
                from mka.analysis.umap_map import warm_up

                # A map that is asked for meanwhile waits for it; a run that fails does not.
                threading.Thread(target=warm_up, args=(method,), daemon=True).start()

    @cached_property
    def reading(self) -> Activations:
        """What was read and where. Its vectors may be left out: see `activations`."""
        known = self.kept.look_up(READING, "reading", self._read, parts.reading_of)
        return self._collected if known is None else known

    @cached_property
    def activations(self) -> Activations:
        """The reading with its vectors; the model reads the texts again where they were too large to keep."""
        reading = self.reading
        if reading.values.size:
            return reading
        whole = self.kept.look_up(
            READING, "activations", self._read, lambda _, arrays: parts.with_vectors(reading, arrays)
        )
        return self._collected if whole is None else whole

    def similarity(self, measure: str) -> Similarity:
        """Raises as `mka.similarity`."""

        def compute() -> Similarity:
            from mka.analysis.measures import similarity

            source, parameters = self._source(measure)
            self.progress(measure, 0, 0)
            return similarity(
                source, measure, seed=self.how.seed, progress=self.progress, cancel=self.cancel, **parameters
            )

        return self.kept.piece(
            measure, "similarity", self._measured(measure), compute, parts.similarity_parts,
            lambda meta, arrays: parts.similarity_of(meta, arrays, self.summary.layers, self._origin),
        )  # fmt: skip

    def uncertainty(self, measure: str, subsamples: int) -> Uncertainty | None:
        """None for too few points, no subsamples, and a measure that reads no points."""
        if subsamples == 0 or MEASURES[measure].needs == WEIGHTS:
            return None

        def compute() -> tuple[Uncertainty | None]:
            from mka.analysis.uncertainty import uncertainty

            def progress(_: str, done: int, total: int) -> None:
                self.progress(f"error bars of {measure}", done, total)

            activations = self.activations
            progress("", 0, subsamples)
            return (
                uncertainty(
                    activations, measure, subsamples=subsamples, seed=self.how.seed, progress=progress,
                    cancel=self.cancel, **self._parameters(measure),
                ),
            )  # fmt: skip

        (found,) = self.kept.piece(
            f"uncertainty of {measure}", "uncertainty",
            {"uncertainty": UNCERTAINTY, "subsamples": subsamples, "of": self._measured(measure)}, compute,
            lambda made: parts.uncertainty_parts(*made),
            lambda meta, arrays: (parts.uncertainty_of(meta, arrays, self.summary.layers),),
        )  # fmt: skip
        return found

    def layer_map(self, similarity: Similarity) -> LayerMap:
        """Of one of this analysis's similarities, for which `has_map`."""

        def compute() -> LayerMap:
            from mka.analysis.layer_map import layer_map

            return layer_map(similarity)

        return self.kept.piece(
            f"layer map of {similarity.measure}", "layer-map",
            {"map": LAYER_MAP, "of": self._measured(similarity.measure)}, compute, parts.layer_map_parts,
            lambda meta, arrays: parts.layer_map_of(meta, arrays, self.summary.layers),
        )  # fmt: skip

    def embedding(self, method: str, dims: int) -> Embedding:
        """Raises as `mka.embed`."""

        def compute() -> Embedding:
            from mka.analysis.embedding import embed

            activations = self.activations
            self.progress(f"embed ({method})", 0, activations.layers)
            return embed(
                activations, method, dims=dims, seed=self.how.seed, progress=self.progress, cancel=self.cancel,
                **self._parameters(method),
            )  # fmt: skip

        return self.kept.piece(
            method, "embedding", self._embedded(method, dims), compute, parts.embedding_parts,
            lambda meta, arrays: parts.embedding_of(
                meta, arrays, self.summary.layers, self.reading.points, self._origin
            ),
        )  # fmt: skip

    def _source(self, measure: str) -> tuple[Activations | Embedding | LoadedModel, dict[str, Any]]:
        """What the measure reads, and its parameters that are left to give; measures with equal maps share one."""
        parameters, needs = self._parameters(measure), MEASURES[measure].needs
        if needs == WEIGHTS:
            return self._opened, parameters
        if needs != EMBEDDING:
            return self.activations, parameters
        from mka.analysis.measures import ESTIMATORS, measured_map

        of_map = ESTIMATORS[measure].map_defaults
        key = tuple(parameters.get(name, default) for name, default in of_map.items())
        if key not in self._maps:
            self._maps[key] = measured_map(
                self.activations, measure, progress=self.progress, cancel=self.cancel, **parameters
            )
        return self._maps[key], {name: value for name, value in parameters.items() if name not in of_map}

    @cached_property
    def _maps(self) -> dict[tuple[Any, ...], Embedding]:
        """By sigma and alpha: the diffusion maps that measures read."""
        return {}

    @cached_property
    def _opened(self) -> LoadedModel:
        model = self.model.open(self.progress)
        identity = self.model.identity
        if identity is not None and model.fingerprint != identity["fingerprint"]:
            raise RunFailed(f"the files of {self.model.source} were replaced while they were read; run this again")
        return model

    @cached_property
    def _collected(self) -> Activations:
        from mka.analysis.collection import collect

        self.kept.found.pop(READING, None)
        read = collect(self._opened, self.texts, progress=self.progress, cancel=self.cancel, **self.how.options)
        self.kept.keep("reading", self._read, parts.reading_parts(read))
        self.kept.keep("activations", self._read, parts.vectors_parts(read))
        return read

    @property
    def _origin(self) -> parts.Origin:
        return parts.Origin(self.summary.fingerprint, self.reading.calibration_key, self.reading.text_hashes)

    @cached_property
    def _read(self) -> Ingredients:
        texts = {"words": words_of(self.texts), "duplicates": self.texts.duplicates}
        return {"collection": COLLECTION, "texts": texts, "how": self.how.options}

    def _measured(self, measure: str) -> Ingredients:
        fact = MEASURES[measure]
        return {
            "measure": measure,
            "version": fact.version,
            "map": METHODS[MAPS_OF_MEASURES].version if fact.needs == EMBEDDING else None,
            "read": None if fact.needs == WEIGHTS else self._read,
            "parameters": self._parameters(measure),
            "seed": self.how.seed,
        }

    def _embedded(self, method: str, dims: int) -> Ingredients:
        return {
            "method": method,
            "version": METHODS[method].version,
            "read": self._read,
            "dims": dims,
            "parameters": self._parameters(method),
            "seed": self.how.seed,
        }

    def _parameters(self, name: str) -> dict[str, Any]:
        return dict(self.parameters.get(name, {}))


def has_map(similarity: Similarity) -> bool:
    """Whether every two layers have a distance to draw."""
    apart = ~np.eye(similarity.layers, dtype=bool)
    return bool(np.isfinite(similarity.values[apart]).all())
