"""A network, its shared copy and its deep copy walked side by side: whatever one holds, the others hold too."""

from __future__ import annotations

import functools
import types
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PretrainedConfig


class Walk:
    """Tells, by path, where a shared copy is not what a deep copy would be but for the memory of its tensors.

    Each object of the original must have one counterpart in each copy, wherever it is held.
    """

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self.modules = 0
        self._seen: dict[int, tuple[Any, Any, Any]] = {}

    def along(self, path: str, original: Any, shared: Any, deep: Any) -> None:
        if not type(original) is type(shared) is type(deep):
            self.wrong.append(f"{path}: {type(shared).__name__} and not {type(deep).__name__}")
            return
        if isinstance(original, (nn.Module, Tensor, dict, list, PretrainedConfig)):
            if id(original) in self._seen:
                _, before, copied = self._seen[id(original)]
                if before is not shared or copied is not deep:
                    self.wrong.append(f"{path}: held twice, copied twice")
                return
            self._seen[id(original)] = original, shared, deep
        self._inside(path, original, shared, deep)

    def _inside(self, path: str, original: Any, shared: Any, deep: Any) -> None:
        if isinstance(original, nn.Module):
            self.modules += 1
            self._new(path, original, shared)
            self._held(path, vars(original), vars(shared), vars(deep))
        elif isinstance(original, nn.Parameter):
            self._new(path, original, shared)
            if shared.untyped_storage()._cdata != original.untyped_storage()._cdata:
                self.wrong.append(f"{path}: in other memory")
            self._same(path, shared.requires_grad, deep.requires_grad)
        elif isinstance(original, Tensor):
            self._same(path, (shared.shape, shared.dtype), (deep.shape, deep.dtype))
            if not original.is_meta and not torch.equal(shared, deep):
                self.wrong.append(f"{path}: other numbers")
        elif isinstance(original, PretrainedConfig):
            self._new(path, original, shared)
            self._same(path, shared.to_dict(), deep.to_dict())
        elif isinstance(original, dict):
            self._new(path, original, shared)
            self._held(path, original, shared, deep)
        elif isinstance(original, (list, tuple)):
            self._held(path, *(dict(enumerate(one)) for one in (original, shared, deep)))
        elif isinstance(original, types.MethodType):
            self.along(f"{path}.__self__", original.__self__, shared.__self__, deep.__self__)
            self._same(path, shared.__func__, deep.__func__)
        elif isinstance(original, functools.partial):
            self.along(f"{path}()", *((one.func, *one.args) for one in (original, shared, deep)))
        elif isinstance(original, (set, int, float, str, torch.dtype, torch.device, types.FunctionType, type)):
            self._same(path, shared, deep)
        elif hasattr(original, "__dict__"):
            self._held(path, vars(original), vars(shared), vars(deep))

    def _held(self, path: str, original: dict[Any, Any], shared: dict[Any, Any], deep: dict[Any, Any]) -> None:
        if list(shared) != list(deep):
            self.wrong.append(f"{path}: holds {set(shared) ^ set(deep)} or in another order")
            return
        for name, copied in deep.items():
            self.along(f"{path}.{name}", original[name], shared[name], copied)

    def _new(self, path: str, original: object, shared: object) -> None:
        if original is shared:
            self.wrong.append(f"{path}: the original itself")

    def _same(self, path: str, shared: object, deep: object) -> None:
        if shared != deep:
            self.wrong.append(f"{path}: {shared} and not {deep}")
