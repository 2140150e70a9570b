"""Checkpoints of the reference implementations to model folders."""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple, Optional

from . import _native
from .errors import InvalidArgumentError

__all__ = ["Conversion", "convert"]


class Conversion(NamedTuple):
    """What :func:`convert` did."""

    variant: str
    """The preset that the checkpoint is of."""
    alike: list[str]
    """Other presets that it may be of, as their network is the same."""
    reference: str
    """The implementation that it comes from."""
    format: str
    chosen: str
    """What was chosen in the file, where it holds several sets of weights."""
    read: int
    """Tensors in the checkpoint."""
    mapped: int
    """Tensors of the model."""
    skipped: int
    bytes: int
    """Size of the weights written."""


def convert(
    checkpoint: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    variant: Optional[str] = None,
    dtype: str = "float32",
    weights: str = "model",
) -> Conversion:
    """Converts a checkpoint of deeplab2, its PyTorch port or COCONut into a model folder, which :class:`Segmenter` opens.

    Args:
        checkpoint: A file, folder or archive as :func:`checkpoints.open` takes it.
        folder: Where the model goes; an older model folder there is replaced.
        variant: The preset that it is (``python -m kmax_deeplab models``); guessed from the tensors if not given.
        dtype: Type of the weights written: ``"float32"`` or ``"float16"``.
        weights: Which weights, where the file holds several sets: ``"model"``, ``"ema"``, or their key in the file.
    """
    if dtype not in ("float32", "float16"):
        raise InvalidArgumentError(f"dtype: expected 'float32' or 'float16', not {dtype!r}")
    half = dtype == "float16"
    summary: dict[str, Any] = json.loads(
        _native.convert(os.fspath(checkpoint), os.fspath(folder), variant, half, weights)
    )
    return Conversion(**summary)
