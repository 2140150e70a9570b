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
import sys as _sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import checkpoints as checkpoints
    from . import datasets as datasets
    from . import errors as errors
    from . import metrics as metrics
    from . import rle as rle
    from ._native import VERSION as __version__
    from .conversion import Conversion as Conversion
    from .conversion import convert as convert
    from .errors import Error as Error
    from .result import Category as Category
    from .result import Panoptic as Panoptic
    from .result import Result as Result
    from .result import Segment as Segment
    from .segmenter import Segmenter as Segmenter
    from .training import train as train

# Each name with the module that has it, which is loaded when the name is first asked for: who wants metrics waits for nothing else.
_PLACES = {
    "Category": "result",
    "Conversion": "conversion",
    "Error": "errors",
    "Panoptic": "result",
    "Result": "result",
    "Segment": "result",
    "Segmenter": "segmenter",
    "checkpoints": "",
    "convert": "conversion",
    "datasets": "",
    "errors": "",
    "metrics": "",
    "rle": "",
    "train": "training",
}

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


def __getattr__(name: str) -> object:
    import importlib

    if name == "__version__":
        value: object = importlib.import_module("._native", __name__).VERSION
    elif name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    else:
        module = importlib.import_module(f".{_PLACES[name] or name}", __name__)
        value = getattr(module, name) if _PLACES[name] else module
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


def _forked() -> None:
    native = _sys.modules.get(f"{__name__}._native")
    if native is not None:
        native.forked()


# Threads do not survive a fork: what needs them says so there, instead of waiting for them for ever.
if hasattr(_os, "register_at_fork"):
    _os.register_at_fork(after_in_child=_forked)
