"""The way back from plain JSON: what `jsonable` wrote of an object becomes that object again."""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Mapping
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from mka.errors import BadInput

Kind = TypeVar("Kind")


def parse(kind: type[Kind], raw: object) -> Kind:
    """An object of the dataclass `kind` from JSON, by the types of its fields.

    null is NaN where a number is due. A field that is missing takes its default, one that is not known is passed
    over, so that files of older and newer versions can be read. BadInput for anything else than the types say.
    """
    found: Kind = _read(kind, raw, kind.__name__)
    return found


def _read(kind: Any, raw: object, where: str) -> Any:
    """`raw` as a value of `kind`; `where` names it in an error."""
    if dataclasses.is_dataclass(kind):
        return _object(kind, _of(Mapping, raw, where), where)
    origin, inner = get_origin(kind), get_args(kind)
    if origin is tuple:
        return _row(inner, _of(list, raw, where), where)
    if origin is Mapping:
        return {str(name): _read(inner[1], one, f"{where}.{name}") for name, one in _of(Mapping, raw, where).items()}
    if origin is types.UnionType:  # only `X | None` is in use
        return None if raw is None else _read(inner[0], raw, where)
    if kind is float:
        return math.nan if raw is None else float(_of((int, float), raw, where))
    return _of(kind, raw, where)


def _object(kind: Any, raw: Mapping[str, Any], where: str) -> Any:
    hints = get_type_hints(kind)
    known = [one.name for one in dataclasses.fields(kind) if one.name in raw]
    try:
        return kind(**{name: _read(hints[name], raw[name], f"{where}.{name}") for name in known})
    except TypeError as error:  # a field without a default is missing
        raise BadInput(f"{where} is not whole ({error}); make it anew") from error


def _row(inner: tuple[Any, ...], raw: list[Any], where: str) -> tuple[Any, ...]:
    """A tuple of any length, or of as many as `inner` names."""
    kinds = (inner[0],) * len(raw) if inner[-1] is Ellipsis else inner
    if len(kinds) != len(raw):
        raise BadInput(f"{where} holds {len(raw)} values, not {len(kinds)}; make it anew")
    return tuple(_read(kind, one, f"{where}[{i}]") for i, (kind, one) in enumerate(zip(kinds, raw, strict=True)))


def _of(kinds: Any, raw: Any, where: str) -> Any:
    """`raw`, where it is of one of `kinds`; true is no number."""
    if not isinstance(raw, kinds) or (isinstance(raw, bool) and kinds is not bool):
        raise BadInput(f"{where} is {type(raw).__name__}, which is not what it should be; make it anew")
    return raw
