"""Room for activations: in memory, or above a size on disk, in a file that goes when the array goes."""

from __future__ import annotations

import math
import os
import shutil
import tempfile

import numpy as np

from mka.errors import RunFailed

IN_MEMORY = 2 * 1024**3
"""Bytes up to which an array is held in memory."""
GB = 1e9


def room_for(shape: tuple[int, ...], in_memory: int | None = None) -> np.ndarray:
    """An uninitialised float32 array of this shape; memory-mapped where it is larger than `in_memory` bytes.

    in_memory:  IN_MEMORY where None

    The file has no name (on Windows: is deleted when it is closed), lies in the system's folder for temporary files
    (TMPDIR moves it), and is given its whole size at once: a disk that fills under a mapping kills the process.
    Raises RunFailed where there is no such room.
    """
    size = math.prod(shape) * np.dtype(np.float32).itemsize
    if size <= (IN_MEMORY if in_memory is None else in_memory):
        try:
            return np.empty(shape, dtype=np.float32)
        except MemoryError as error:
            raise RunFailed(f"the activations need {size / GB:.3g} GB of memory; use fewer texts") from error
    folder = tempfile.gettempdir()
    try:
        with tempfile.TemporaryFile(dir=folder, prefix="mka-activations-") as file:
            if shutil.disk_usage(folder).free < size:
                raise OSError("too little is free")
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            # The mapping outlives the file object, and a plain array of it behaves as any other.
            return np.asarray(np.memmap(file, dtype=np.float32, mode="w+", shape=shape))
    except OSError as error:
        raise RunFailed(
            f"the activations need {size / GB:.3g} GB on disk, and {folder} has no room for them "
            f"({error.strerror or error}); free some, set TMPDIR to another folder, or use fewer texts"
        ) from error
