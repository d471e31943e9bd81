"""Which releases computed a figure."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

import mka

PACKAGES = ("torch", "transformers", "numpy", "scipy", "scikit-learn", "umap-learn")


def versions() -> Mapping[str, str]:
    """Name -> version of MKA, Python and the libraries that compute; read without importing them."""
    found = {"mka": mka.__version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue  # an extra that is not installed computed nothing
    return found
