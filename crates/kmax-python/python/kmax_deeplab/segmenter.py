"""A model that segments images."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, overload

from . import _native
from ._arrays import native_image
from ._listen import Listener, Progress
from .errors import InvalidArgumentError
from .result import Category, Result, category

if TYPE_CHECKING:
    import os

    import numpy as np
    import numpy.typing as npt

    from ._arrays import ImageLike

__all__ = ["Segmenter"]

_PRECISIONS = {"float32": "f32", "float16": "f16", "bfloat16": "bf16", "int8": "int8", "auto": "auto"}


class Segmenter:
    """A model that is ready to segment images, on the CPU in float32 if nothing else is said.

    Args:
        model: A built-in model (``"kmax-people"``), a published one by its name (``python -m kmax_deeplab models`` lists them; it is
            fetched and converted once), a repository of the Hugging Face Hub (``"hf://owner/name"``), or the path of a model folder.
        threads: Threads of this segmenter alone; one for each core if not given, shared by all segmenters.
        precision: What the network computes in: ``"float32"``, ``"bfloat16"``, on the CPU ``"int8"``, on a GPU ``"float16"``, or
            ``"auto"``: the faster of float32 and half precision. In bfloat16 and int8 on the CPU convolutions multiply rounded factors, and all
            sums are float32.
        device: Where it computes: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"metal"``, or ``"auto"``: a GPU if there is one that this package
            can use. The wheels are built without GPUs (docs/DEVICES.md). ``device`` of a segmenter says which it became.
        tiles: Images of which a side is longer are cut into tiles of so many pixels, which the network sees one by one, and what they show is joined;
            for scans, microscopy, aerial pictures. ``(256, 64)`` also says how far tiles overlap: an eighth, if not given, and at most
            a third. Without it, as the model's configuration says; most say nothing.
        progress: While a model is fetched: called with bytes received and in all; True shows a bar of tqdm, if that is installed.
        **settings: Settings of post-processing that shall differ from the model's own, such as ``class_threshold_thing=0.5``;
            ``settings`` of a segmenter has them all.

    Raises:
        NotFoundError: There is no such model.
        UnsupportedError: A device that is not there or that this package was built without, or a precision that it has not.
        InvalidArgumentError: A setting that there is not, or out of its range.

    A segmenter may be used by several threads at once. It can be pickled: what is kept is the name, the settings and, where a device
    was named, the precision that ``"auto"`` became; not the weights.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = "kmax-people",
        *,
        threads: int | None = None,
        precision: str = "float32",
        device: str = "cpu",
        tiles: int | tuple[int, int] | None = None,
        progress: Progress | bool | None = None,
        **settings: Any,
    ) -> None:
        import os

        if precision not in _PRECISIONS:
            raise InvalidArgumentError(f"precision: expected one of {', '.join(_PRECISIONS)}, not {precision!r}")
        if not isinstance(device, str):
            raise InvalidArgumentError(f"device: expected a name such as 'cpu' or 'cuda:0', not {device!r}")
        if threads is not None and (isinstance(threads, bool) or not isinstance(threads, int) or not 0 < threads <= 1024):
            raise InvalidArgumentError(f"threads: expected a whole number from 1 to 1024, not {threads!r}")
        if not isinstance(model, (str, os.PathLike)):
            raise InvalidArgumentError(f"model: expected a name or a path, not {type(model).__name__}")
        cut = _tiles(tiles)
        self.model: str = os.fspath(model)
        """The name that the model was opened by."""
        self._threads, self._changed = threads, settings
        self._device, self._precision, self._tiles = device, precision, tiles
        with Listener(progress, self.model, unit="B") as listener:
            self._native = _native.Segmenter(
                self.model, threads, _written(settings), listener, device, _PRECISIONS[precision], cut
            )
        self._categories: tuple[Category, ...] = tuple(map(category, json.loads(self._native.categories())))
        for warning in self._native.warnings:
            listener("warning", f"{self.model}: {warning}")

    @property
    def device(self) -> str:
        """Where it computes: ``"cpu"``, ``"cuda:0"``."""
        return self._native.device

    @property
    def precision(self) -> str:
        """What the network computes in: ``"float32"``, or what ``"auto"`` became."""
        return next(name for name, short in _PRECISIONS.items() if short == self._native.precision)

    @property
    def categories(self) -> tuple[Category, ...]:
        """The classes that the model knows, in the order of its outputs."""
        return self._categories

    @property
    def settings(self) -> dict[str, Any]:
        """All settings of post-processing, as they hold here."""
        settings: dict[str, Any] = json.loads(self._native.settings())
        return settings

    # A text is an iterable of texts, too; the first form that fits holds.
    @overload
    def segment(  # type: ignore[overload-overlap]
        self, image: ImageLike, *, progress: Progress | bool | None = None
    ) -> Result: ...
    @overload
    def segment(self, image: Iterable[ImageLike], *, progress: Progress | bool | None = None) -> list[Result]: ...
    def segment(
        self, image: ImageLike | Iterable[ImageLike], *, progress: Progress | bool | None = None
    ) -> Result | list[Result]:
        """Finds the segments of an image, each pixel in at most one; of a list or another iterable of images, a list of results.

        Args:
            image: A path, the bytes of a file, an array ``[height, width, 3]`` of uint8 (RGB; it need not be contiguous), or an image
                of Pillow. Files and images of Pillow are turned by their EXIF orientation, and transparent pixels show white.
            progress: Of several images: called with how many are done and how many there are (0 if that is not known); True shows a
                bar of tqdm, if that is installed.

        Raises:
            InvalidArgumentError: What is no image, or an array of another form.
            NotFoundError: A file that there is not.
            DamagedError: A file that is cut off or broken.
            OutOfMemoryError: An image too large for the memory that there is.
        """
        if isinstance(image, Iterable) and not isinstance(image, Mapping) and not _is_one(image):
            return self._segment_all(image, progress)
        return self._segment(image)

    def semantic(self, image: ImageLike) -> npt.NDArray[np.uint32]:
        """The category id of each pixel: ``[height, width]``, uint32. Every pixel has one, sure or not."""
        return self._native.semantic(native_image(image))

    def _segment(self, image: Any) -> Result:
        given = native_image(image)
        label_map, found, decoded, note = self._native.segment(given)
        if note is not None:
            import logging

            name = given if isinstance(given, str) else "image"
            logging.getLogger("kmax_deeplab").warning("%s: %s", name, note)
        pixels = decoded if decoded is not None else given
        assert not isinstance(pixels, (str, bytes))
        return Result(pixels, label_map, found, self._categories)

    def _segment_all(self, images: Iterable[Any], progress: Progress | bool | None) -> list[Result]:
        from collections.abc import Sized

        total = len(images) if isinstance(images, Sized) else 0
        results: list[Result] = []
        with Listener(progress, "segment", unit="image") as listener:
            listener.progress(0, total)
            for image in images:
                results.append(self._segment(image))
                listener.progress(len(results), total)
        return results

    def __repr__(self) -> str:
        return f"Segmenter({self.model!r}, {len(self._categories)} classes)"

    def __reduce__(self) -> tuple[Any, ...]:
        # Another device may not have what this one became.
        precision = self._precision if self._device == "auto" else self.precision
        return _again, (
            type(self), self.model, self._threads, self._changed, self._device, precision, self._tiles
        )


def _again(
    cls: type[Segmenter],
    model: str,
    threads: int | None,
    settings: dict[str, Any],
    device: str = "cpu",
    precision: str = "float32",
    tiles: int | tuple[int, int] | None = None,
) -> Segmenter:
    return cls(model, threads=threads, device=device, precision=precision, tiles=tiles, **settings)


def _tiles(tiles: Any) -> tuple[int, int | None] | None:
    """Size and overlap for the native side, which knows their ranges."""

    def is_pixels(value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32

    if tiles is None:
        return None
    parts: tuple[Any, ...] = tiles if isinstance(tiles, tuple) else (tiles, None)
    if len(parts) != 2 or not is_pixels(parts[0]) or not (parts[1] is None or is_pixels(parts[1])):
        raise InvalidArgumentError(f"tiles: expected pixels, or pixels and overlap, not {tiles!r}")
    size: int = parts[0]
    overlap: int | None = parts[1]
    return size, overlap


def _written(settings: dict[str, Any]) -> str | None:
    """Settings for the native side. Numbers of NumPy are numbers, too."""

    def plain(value: Any) -> Any:
        if hasattr(value, "item"):
            return value.item()
        raise TypeError(f"{value!r} is no setting")

    try:
        return json.dumps(settings, default=plain, allow_nan=False) if settings else None
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"settings: {error}") from None


def _is_one(image: object) -> bool:
    """Whether an iterable is one image: bytes, texts and arrays can be iterated over, too. An array of four axes is several
    images, and is refused with advice."""
    return isinstance(image, (str, bytes, bytearray, memoryview)) or hasattr(image, "__array__") or hasattr(
        image, "__array_interface__"
    )
