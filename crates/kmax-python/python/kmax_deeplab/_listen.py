"""What long work tells: to a callback, to tqdm, and to ``logging``."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from typing_extensions import Self

Progress = Callable[[int, int], object]
"""Called with how many parts are done, and how many there are (0 if that is not known)."""


class _Bar(Protocol):
    n: Any
    total: Any

    def update(self, n: int) -> object: ...
    def refresh(self) -> object: ...
    def close(self) -> object: ...


class Listener:
    """Hands on what the native side says. ``progress`` is a callback, True for a bar of tqdm, or None and False for silence."""

    def __init__(
        self,
        progress: Progress | bool | None,
        what: str,
        *,
        unit: str = "it",
        event: Callable[[dict[str, Any]], object] | None = None,
    ) -> None:
        self._what, self._unit, self._event = what, unit, event
        self._callback: Progress | None = progress if callable(progress) else None
        self._bar: _Bar | None = None
        self._wants_bar = progress is True
        if progress is not None and not isinstance(progress, bool) and not callable(progress):
            from .errors import InvalidArgumentError

            raise InvalidArgumentError(f"progress: expected a callable, a bool or None, not {progress!r}")

    def __call__(self, kind: str, value: Any) -> None:
        if kind == "progress":
            self.progress(*value)
        elif kind == "event":
            event: dict[str, Any] = json.loads(value)
            if event["event"] == "step":
                self.progress(event["step"], event["steps"])
            if self._event is not None:
                self._event(event)
        else:
            import logging

            getattr(logging.getLogger("kmax_deeplab"), kind)("%s", value)

    def progress(self, done: int, total: int) -> None:
        if self._callback is not None:
            self._callback(done, total)
        if self._wants_bar:
            self._show(done, total)

    def _show(self, done: int, total: int) -> None:
        if self._bar is None:
            try:
                from tqdm.auto import tqdm
            except ImportError:
                self._wants_bar = False
                return
            self._bar = tqdm(total=total or None, desc=self._what, unit=self._unit, unit_scale=self._unit == "B")
        bar = self._bar
        bar.total = total or None
        bar.update(done - int(bar.n))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
