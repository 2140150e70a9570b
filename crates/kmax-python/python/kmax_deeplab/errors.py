"""Exceptions: one for each kind of error, all of them :class:`Error`.

Each is also the built-in exception that means the same, so that ``except FileNotFoundError`` works as it does elsewhere.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "CancelledError",
    "CannotWriteError",
    "DamagedError",
    "DivergedError",
    "Error",
    "IncompatibleError",
    "InternalError",
    "InvalidArgumentError",
    "NetworkError",
    "NotFoundError",
    "OutOfMemoryError",
    "UnsupportedError",
]


class Error(Exception):
    """Every error of this package. The message names the file, tensor, key or pixel concerned and what was expected."""

    kind: ClassVar[str] = "error"
    """What kind of thing went wrong, in words."""


class NotFoundError(Error, FileNotFoundError):
    """A file, model, name or entry that does not exist or cannot be opened."""

    kind = "not found"


class DamagedError(Error, ValueError):
    """An input that contradicts its own format: cut off, corrupt, wrong types."""

    kind = "damaged"


class UnsupportedError(Error, NotImplementedError):
    """A valid input of a form that is not supported."""

    kind = "unsupported"


class IncompatibleError(Error, ValueError):
    """Inputs that are valid alone and do not belong together: a model and weights, two maps of different sizes."""

    kind = "incompatible"


class InvalidArgumentError(Error, ValueError):
    """An argument or setting out of its range or of the wrong form."""

    kind = "invalid argument"


class CannotWriteError(Error, OSError):
    """A result that cannot be written."""

    kind = "cannot write"


class OutOfMemoryError(Error, MemoryError):
    """More memory than there is or than a stated limit."""

    kind = "out of memory"


class DivergedError(Error, ArithmeticError):
    """Numbers that are no longer numbers."""

    kind = "diverged"


class CancelledError(Error):
    """Stopped on request."""

    kind = "cancelled"


class NetworkError(Error, ConnectionError):
    """A server that cannot be reached or does not answer as it should."""

    kind = "network"


class InternalError(Error, RuntimeError):
    """A computation that failed for a reason of its own."""

    kind = "internal"
