"""Checkpoints of TensorFlow and PyTorch as NumPy arrays, without TensorFlow or PyTorch.

Read are TensorFlow 2 tensor bundles (their prefix, their folder, or a ``.tar.gz`` of it), files of ``torch.save`` of both forms,
pickles of arrays as detectron2 publishes, and safetensors, in several files with an index too. What a file is follows from its
content. Nothing in a file is executed: pickles are parsed as data.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from . import _native
from ._listen import Listener, Progress
from .errors import NotFoundError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Checkpoint", "Info", "load", "open"]

_TYPES = {
    "f64": "<f8",
    "f32": "<f4",
    "f16": "<f2",
    "bf16": "<f4",
    "i64": "<i8",
    "i32": "<i4",
    "i16": "<i2",
    "i8": "i1",
    "u64": "<u8",
    "u32": "<u4",
    "u16": "<u2",
    "u8": "u1",
    "bool": "?",
}


class Info(NamedTuple):
    """What is known of a tensor before it is read."""

    dtype: str
    """The type as it is stored: ``f32``, ``bf16``, ``i64``, ``string``..."""
    shape: tuple[int, ...]


class Checkpoint(Mapping[str, Any]):
    """An open checkpoint: a mapping of names to arrays, each read when it is asked for.

    bfloat16, which NumPy does not have, is given as float32. Strings (TensorFlow has them) are lists of bytes.
    """

    def __init__(self, path: str | os.PathLike[str], *, weights: str = "model") -> None:
        self._native = _native.Checkpoint(os.fspath(path), weights)
        self._infos = {name: Info(dtype, tuple(shape)) for name, dtype, shape in self._native.tensors()}
        self.path: str = os.fspath(path)
        """Where it was opened."""
        _, is_asked, others, _ = self._native.wrapping
        if not is_asked:
            sets = f"; there is {', '.join(others)}" if others else ""
            raise NotFoundError(f"{self.path}: no set of weights {weights!r}{sets}")

    @property
    def format(self) -> str:
        """How it is stored."""
        return self._native.format

    @property
    def files(self) -> list[str]:
        """The files that it consists of; an archive is one."""
        return [os.fspath(file) for file in self._native.files]

    @property
    def infos(self) -> dict[str, Info]:
        """Type and shape of each tensor."""
        return dict(self._infos)

    @property
    def skipped(self) -> dict[str, str]:
        """What it holds besides tensors, with why that is not read."""
        return dict(self._native.skipped)

    @property
    def beside(self) -> list[str]:
        """What lies beside the weights in the file: an epoch, an optimizer's state..."""
        return self._native.wrapping[3]

    def __getitem__(self, name: str) -> Any:
        if name not in self._infos:
            raise KeyError(name)
        if self._infos[name].dtype == "string":
            return self._native.read_strings(name)
        return _array(*self._native.read(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._infos)

    def __len__(self) -> int:
        return len(self._infos)

    def read_all(self, *, progress: Progress | bool | None = None) -> dict[str, Any]:
        """Every tensor, in one go through the file: of a packed archive much faster than one by one."""
        numbers = [name for name, info in self._infos.items() if info.dtype != "string"]
        with Listener(progress, "read", unit="tensor") as listener:
            read = {name: _array(*values) for name, values in self._native.read_all(numbers, listener)}
        return {name: read[name] if name in read else self[name] for name in self._infos}

    def __repr__(self) -> str:
        return f"Checkpoint({self.path!r}, {self.format}, {len(self)} tensors)"

    def __reduce__(self) -> Any:
        return open, (self.path,)


def open(path: str | os.PathLike[str], *, weights: str = "model") -> Checkpoint:
    """Opens a checkpoint; tensors are read when they are asked for.

    Args:
        path: The file, the prefix of a TensorFlow bundle, an index of several files, a folder or an archive that holds one checkpoint.
        weights: Which weights, where a file holds several sets: ``"model"``, ``"ema"`` (an average), or their key in the file.

    Raises:
        NotFoundError: There is no such file, or no such set of weights in it.
        DamagedError: It is no checkpoint, or broken.
        UnsupportedError: A pickle that is the work of a function or class that no tensor needs.
    """
    return Checkpoint(path, weights=weights)


def load(
    path: str | os.PathLike[str], *, weights: str = "model", progress: Progress | bool | None = None
) -> dict[str, Any]:
    """Every tensor of a checkpoint by its name, as NumPy arrays; see :func:`open`."""
    return Checkpoint(path, weights=weights).read_all(progress=progress)


def _array(dtype: str, shape: list[int], values: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
    return cast("npt.NDArray[Any]", values.view(_TYPES[dtype]).reshape(shape))
