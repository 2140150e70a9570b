"""Panoptic segmentation with kMaX-DeepLab, its metrics, and checkpoints without TensorFlow or PyTorch.

>>> import kmax_deeplab as kmax
>>> result = kmax.Segmenter("kmax-people").segment("photo.jpg")
>>> for segment in result:
...     print(segment.label, segment.area, segment.score)

Parts: :class:`Segmenter`, :mod:`metrics`, :mod:`rle`, :mod:`checkpoints`, :mod:`datasets`, :func:`train`, :func:`convert`,
:mod:`errors`. The whole program is ``python -m kmax_deeplab``.
"""

from __future__ import annotations

import os as _os

from . import _native, checkpoints, datasets, errors, metrics, rle
from ._native import VERSION as __version__
from .conversion import Conversion, convert
from .errors import Error
from .result import Category, Panoptic, Result, Segment
from .segmenter import Segmenter
from .training import train

__all__ = [
    "Category",
    "Conversion",
    "Error",
    "Panoptic",
    "Result",
    "Segment",
    "Segmenter",
    "__version__",
    "checkpoints",
    "convert",
    "datasets",
    "errors",
    "metrics",
    "rle",
    "train",
]

# Threads do not survive a fork: what needs them says so there, instead of waiting for them for ever.
if hasattr(_os, "register_at_fork"):
    _os.register_at_fork(after_in_child=_native.forked)
