"""An analysis in a folder: `analysis.json`, what was computed of what, and `arrays.npz`, the figures.

Read and written without torch, so that a screen can show one at once. The folder holds the
calibration texts themselves (a point of a map can be read), as plain text.
"""

from __future__ import annotations

import json
import math
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mka.errors import BadInput
from mka.merging.folders import taking_place
from mka.objects.activations import Point
from mka.objects.embedding import Embedding
from mka.objects.jsonable import jsonable
from mka.objects.measures import MEASURES
from mka.objects.methods import METHODS
from mka.objects.model_summary import LayerSummary, ModelSummary
from mka.objects.similarity import Similarity
from mka.workflows.writing import check_new_folder

FORMAT = "mka-analysis/1"
CONTENT = "analysis.json"
ARRAYS = "arrays.npz"
FILES = (CONTENT, ARRAYS)
DAMAGE = (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error)
"""What reading a file raises that another program cut short or wrote."""


@dataclass(frozen=True)
class Analysis:
    """What one reading of the calibration texts told of a model's layers.

    similarities, embeddings: by measure and by method
    calibration:      the word or path that the texts came from; `calibration_key`, `text_hashes`: which they were
    points, kind:     what each of the n points is; "last" or "mean" (see `Activations`)
    tokens:           number of real tokens read
    cut:              how many texts were longer than the model's context and lost their end
    token_cosine:     float64 (L,), mean cosine of each layer's input and output over all tokens;
                      1 minus it is the block influence of the layer
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
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def n_points(self) -> int:
        return len(self.points)


def write_analysis(analysis: Analysis, folder: str | Path, *, overwrite: bool = False) -> None:
    """Write the folder, float64 as computed. BadInput where it exists and is not empty, unless `overwrite`."""
    arrays: dict[str, np.ndarray] = {"token_cosine": analysis.token_cosine}
    for name, similarity in analysis.similarities.items():
        arrays[f"similarity/{name}"] = similarity.values
    for name, embedding in analysis.embeddings.items():
        arrays[f"embedding/{name}/coordinates"] = embedding.coordinates
        arrays[f"embedding/{name}/unaligned"] = embedding.unaligned
        arrays[f"embedding/{name}/spectrum"] = embedding.spectrum
    check_new_folder(Path(folder), FILES, overwrite=overwrite)
    with taking_place(Path(folder), overwrite=overwrite) as fresh:
        text = json.dumps(_content(analysis), indent=1, allow_nan=False, ensure_ascii=False)
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
            return _analysis(content, {name: archive[name] for name in archive.files})
    except DAMAGE as error:
        reason = str(error).split("\n")[0]
        raise BadInput(f"the analysis in {folder} is damaged ({reason}); make it anew with `mka analyze`") from error


def _content(analysis: Analysis) -> Any:
    """Everything but the arrays. What is the same for all measures and maps is written once."""
    return jsonable(
        {
            "format": FORMAT,
            "summary": analysis.summary,
            "calibration": analysis.calibration,
            "calibration_key": analysis.calibration_key,
            "text_hashes": analysis.text_hashes,
            "kind": analysis.kind,
            "tokens": analysis.tokens,
            "cut": analysis.cut,
            "seed": analysis.seed,
            "versions": analysis.versions,
            "similarities": {name: _measure_content(one) for name, one in analysis.similarities.items()},
            "embeddings": {name: _map_content(one) for name, one in analysis.embeddings.items()},
            "points": analysis.points,
        }
    )


def _measure_content(similarity: Similarity) -> dict[str, Any]:
    return {
        "measure": similarity.measure,
        "bounds": similarity.bounds,
        "higher_is_alike": similarity.higher_is_alike,
        "parameters": similarity.parameters,
        "seed": similarity.seed,
        "note": similarity.note,
    }


def _map_content(embedding: Embedding) -> dict[str, Any]:
    return {
        "method": embedding.method,
        "parameters": embedding.parameters,
        "seed": embedding.seed,
        "aligned": embedding.aligned,
        "quality": embedding.quality,
    }


def _analysis(content: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Analysis:
    """The objects again. KeyError, TypeError or ValueError where the two files do not hold what they should."""
    summary = _summary(content["summary"])
    points = tuple(Point(**point) for point in content["points"])
    origin = {
        "model": summary.fingerprint,
        "calibration_key": content["calibration_key"],
        "text_hashes": tuple(content["text_hashes"]),
    }
    layers, n = summary.layers, len(points)
    unknown = [*(content["similarities"].keys() - MEASURES.keys()), *(content["embeddings"].keys() - METHODS.keys())]
    if unknown:
        raise ValueError(f"it holds {unknown[0]!r}, which this version does not know")
    return Analysis(
        summary=summary,
        similarities={
            name: Similarity(
                values=_floats(arrays, f"similarity/{name}", (layers, layers)),
                **{**raw, "bounds": tuple(raw["bounds"])},
                **origin,
            )
            for name, raw in content["similarities"].items()
        },
        embeddings={
            name: Embedding(
                coordinates=_floats(arrays, f"embedding/{name}/coordinates", (layers, n, None)),
                unaligned=_floats(arrays, f"embedding/{name}/unaligned", (layers, n, None)),
                spectrum=_floats(arrays, f"embedding/{name}/spectrum", (layers, None)),
                **{**raw, "quality": _quality(raw["quality"], layers)},
                points=points,
                **origin,
            )
            for name, raw in content["embeddings"].items()
        },
        calibration=content["calibration"],
        calibration_key=origin["calibration_key"],
        text_hashes=origin["text_hashes"],
        points=points,
        kind=content["kind"],
        tokens=content["tokens"],
        cut=content["cut"],
        token_cosine=_floats(arrays, "token_cosine", (layers,)),
        seed=content["seed"],
        versions=content["versions"],
    )


def _summary(raw: Mapping[str, Any]) -> ModelSummary:
    return ModelSummary(
        **{
            **raw,
            "layer_types": tuple(raw["layer_types"]),
            "per_layer": tuple(LayerSummary(**layer) for layer in raw["per_layer"]),
            "per_layer_fields": tuple(raw["per_layer_fields"]),
        }
    )


def _quality(raw: Mapping[str, list[float | None]], layers: int) -> dict[str, tuple[float, ...]]:
    """One figure per layer; JSON's null was NaN."""
    figures = {
        name: tuple(math.nan if value is None else float(value) for value in values) for name, values in raw.items()
    }
    if any(len(values) != layers for values in figures.values()):
        raise ValueError(f"quality figures for another number of layers than {layers}")
    return figures


def _floats(arrays: Mapping[str, np.ndarray], name: str, shape: tuple[int | None, ...]) -> np.ndarray:
    """The float array `name` of this shape (None: any length); ValueError otherwise."""
    array = arrays[name]
    fits = array.ndim == len(shape) and all(want in (None, have) for want, have in zip(shape, array.shape, strict=True))
    if not fits or array.dtype.kind != "f":
        raise ValueError(f"{name} has shape {array.shape} of {array.dtype}, expected floats of shape {shape}")
    return array
