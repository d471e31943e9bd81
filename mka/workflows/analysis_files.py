"""An analysis in a folder: `analysis.json`, what was computed of what, and `arrays.npz`, the figures.

Read and written without torch, so that a screen can show one at once. The folder holds the
calibration texts themselves (a point of a map can be read), as plain text.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from mka.errors import BadInput
from mka.merging.folders import taking_place
from mka.objects.activations import Point
from mka.objects.embedding import Embedding
from mka.objects.jsonable import jsonable
from mka.objects.layer_map import LayerMap
from mka.objects.measures import MEASURES
from mka.objects.methods import METHODS
from mka.objects.model_summary import ModelSummary
from mka.objects.similarity import Similarity
from mka.objects.texts import TextSet
from mka.store import DAMAGE
from mka.workflows import parts
from mka.workflows.writing import check_new_folder

FORMAT = "mka-analysis/2"
CONTENT = "analysis.json"
ARRAYS = "arrays.npz"
FILES = (CONTENT, ARRAYS)
PLAIN = (
    "calibration", "calibration_key", "split", "text_hashes", "kind", "per_text", "longest", "tokens", "cut",
    "duplicates", "seed", "versions",
)  # fmt: skip
"""The fields of an analysis that are written as they are."""

Piece = TypeVar("Piece")
Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Analysis:
    """What one reading of the calibration texts told of a model's layers.

    similarities, embeddings: by measure and by method
    calibration:      the word or path that the texts came from; `calibration_key`, `text_hashes`: which they were
    points, kind:     what each of the n points is; "last", "mean" or "tokens" (see `Activations`)
    tokens:           number of real tokens read
    cut:              how many texts were longer than what was read of them and lost their end
    token_cosine:     float64 (L,), mean cosine of each layer's input and output over all tokens;
                      1 minus it is the block influence of the layer
    layer_maps:       by measure; a measure without a value for some pair of layers has none
    split:            what part of the calibration was read: "dev", "test", "" for all of it
    field:            which field of the calibration's records was asked for, None where it was guessed
    longest, per_text: how many tokens of a text were read at most, and how many points it gave
    duplicates:       how many texts were left out because another says the same
    from_store:       piece -> when it was computed, for each that came from the store: measures and methods by their
                      names, "reading" for what the texts gave
    """

    summary: ModelSummary
    similarities: Mapping[str, Similarity]
    embeddings: Mapping[str, Embedding]
    calibration: str
    calibration_key: str
    text_hashes: tuple[str, ...]
    points: tuple[Point, ...]
    kind: str
    tokens: int
    cut: int
    token_cosine: np.ndarray
    seed: int
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)
    layer_maps: Mapping[str, LayerMap] = dataclasses.field(default_factory=dict)
    split: str = ""
    duplicates: int = 0
    longest: int | None = None
    per_text: int = 1
    from_store: Mapping[str, str] = dataclasses.field(default_factory=dict)
    field: str | None = None

    @property
    def n_points(self) -> int:
        return len(self.points)

    @property
    def n_texts(self) -> int:
        return len(self.text_hashes)

    @property
    def warning(self) -> str:
        """What must be said of the texts (see `TextSet.calibration_warning`); empty where nothing is amiss."""
        return TextSet((), self.calibration, self.split).calibration_warning


def write_analysis(analysis: Analysis, folder: str | Path, *, overwrite: bool = False) -> None:
    """Write the folder, float64 as computed. BadInput where it exists and is not empty, unless `overwrite`."""
    content, arrays = analysis_parts(analysis)
    check_new_folder(Path(folder), FILES, overwrite=overwrite)
    with taking_place(Path(folder), overwrite=overwrite) as fresh:
        text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False)
        (fresh / CONTENT).write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
        with (fresh / ARRAYS).open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # names are ours, never an option's


def read_analysis(folder: str | Path) -> Analysis:
    """Read a folder of `write_analysis`; BadInput where it is missing, of another format or damaged."""
    folder = Path(folder)
    if not (folder / CONTENT).is_file():
        raise BadInput(f"{folder} holds no analysis ({CONTENT} is missing); make one with `mka analyze ... --out`")
    try:
        content = json.loads((folder / CONTENT).read_text(encoding="utf-8"))
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise BadInput(f"{folder} is not of format {FORMAT}; make it anew with `mka analyze`")
        with np.load(folder / ARRAYS, allow_pickle=False) as archive:
            return analysis_of(content, {name: archive[name] for name in archive.files})
    except DAMAGE as error:
        reason = str(error).split("\n")[0]
        raise BadInput(f"the analysis in {folder} is damaged ({reason}); make it anew with `mka analyze`") from error


def analysis_parts(analysis: Analysis) -> tuple[Any, dict[str, np.ndarray]]:
    """The JSON object and the arrays. What is the same for all measures and maps is written once."""
    uncertainties = {name: one.uncertainty for name, one in analysis.similarities.items() if one.uncertainty}
    pieces: Mapping[str, Mapping[str, parts.Parts]] = {
        "similarity": {name: parts.similarity_parts(one) for name, one in analysis.similarities.items()},
        "uncertainty": {name: parts.uncertainty_parts(one) for name, one in uncertainties.items()},
        "embedding": {name: parts.embedding_parts(one) for name, one in analysis.embeddings.items()},
        "layer_map": {name: parts.layer_map_parts(one) for name, one in analysis.layer_maps.items()},
    }
    content = {
        "format": FORMAT,
        "summary": analysis.summary,
        **{name: getattr(analysis, name) for name in (*PLAIN, "field")},
        **{kind: {name: meta for name, (meta, _) in named.items()} for kind, named in pieces.items()},
        "points": analysis.points,
    }
    arrays = {"token_cosine": analysis.token_cosine} | {
        f"{kind}/{name}/{key}": array
        for kind, named in pieces.items()
        for name, (_, held) in named.items()
        for key, array in held.items()
    }
    return jsonable(content), arrays


def analysis_of(content: Mapping[str, Any], arrays: Arrays) -> Analysis:
    """The objects again. KeyError, TypeError or ValueError where the two files do not hold what they should."""
    unknown = [*(content["similarity"].keys() - MEASURES.keys()), *(content["embedding"].keys() - METHODS.keys())]
    if unknown:
        raise ValueError(f"it holds {unknown[0]!r}, which this version does not know")
    summary, points = parts.summary_of(content["summary"]), parts.points_of(content["points"])
    plain = {name: content[name] for name in PLAIN} | {"text_hashes": tuple(content["text_hashes"])}
    plain["field"] = content.get("field")  # an earlier version did not write it
    layers = summary.layers
    origin = parts.Origin(summary.fingerprint, content["calibration_key"], plain["text_hashes"])

    def read(kind: str, of: Callable[..., Piece], *more: Any) -> dict[str, Piece]:
        return {
            name: of(meta, _under(f"{kind}/{name}/", arrays), layers, *more) for name, meta in content[kind].items()
        }

    uncertainties = read("uncertainty", parts.uncertainty_of)
    return Analysis(
        summary=summary,
        similarities={
            name: replace(one, uncertainty=uncertainties.get(name))
            for name, one in read("similarity", parts.similarity_of, origin).items()
        },
        embeddings=read("embedding", parts.embedding_of, points, origin),
        layer_maps=read("layer_map", parts.layer_map_of),
        points=points,
        token_cosine=parts.floats(arrays, "token_cosine", (layers,)),
        **plain,
    )


def _under(prefix: str, arrays: Arrays) -> Arrays:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
