"""What users give, as arrays."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Union, cast

from .errors import InvalidArgumentError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL.Image import Image

    ImageLike = Union[str, os.PathLike[str], bytes, npt.NDArray[np.uint8], Image]
    Native = Union[str, bytes, npt.NDArray[np.uint8]]


def native_image(image: Any) -> Native:
    """A path, bytes, or an array ``[height, width, 3]`` of uint8."""
    import numpy as np

    if isinstance(image, np.ndarray):
        return _checked(image)
    if isinstance(image, (str, os.PathLike)):
        return os.fsdecode(image)
    if isinstance(image, (bytes, bytearray, memoryview)):
        return bytes(image)
    if _is_pillow(image):
        return _checked(_of_pillow(image))
    if hasattr(image, "__array__"):
        # Tensors of other libraries, if they lie in memory.
        return _checked(np.asarray(image))
    raise InvalidArgumentError(
        "an image is a path, the bytes of a file, an array [height, width, 3] of uint8, or an image of Pillow, "
        f"not {describe(image)}"
    )


def pixels(image: Native) -> npt.NDArray[np.uint8]:
    """The image itself, read if need be."""
    from . import _native

    if isinstance(image, (str, bytes)):
        return _native.read_image(image)[0]
    return image


def describe(value: object) -> str:
    """What an object is, in an error."""
    dtype, shape = getattr(value, "dtype", None), getattr(value, "shape", None)
    if dtype is not None and shape is not None:
        return f"an array {list(shape)} of {dtype}"
    return f"{type(value).__name__}"


def _checked(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    import numpy as np

    if array.dtype == np.uint8 and array.ndim == 3 and array.shape[2] == 3:
        return cast("npt.NDArray[np.uint8]", array)
    hint = ""
    if array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 1):
        hint = "; of a grey one np.repeat(grey.reshape(*grey.shape[:2], 1), 3, axis=2) makes such an array"
    elif array.ndim == 3 and array.shape[2] == 4:
        hint = "; an alpha channel can be left out by image[..., :3]"
    elif array.ndim == 3 and array.shape[0] == 3:
        hint = "; channels come last: image.transpose(1, 2, 0)"
    elif array.ndim == 4:
        hint = "; several images are a list: list(batch)"
    elif array.dtype.kind == "f":
        hint = "; values of 0 to 1 become bytes by (image * 255).round().astype(np.uint8)"
    raise InvalidArgumentError(
        f"an image is an array [height, width, 3] of uint8, not {describe(array)}{hint}"
    )


def _is_pillow(image: object) -> bool:
    return any(cls.__module__ == "PIL.Image" and cls.__name__ == "Image" for cls in type(image).__mro__)


def _of_pillow(image: Any) -> npt.NDArray[np.uint8]:
    """As a file would be read: turned by its EXIF orientation, and over white where it is transparent."""
    import numpy as np
    from PIL import Image, ImageOps

    image = ImageOps.exif_transpose(image)
    if image.mode in ("I", "F", "I;16", "I;16B", "I;16L"):
        raise InvalidArgumentError(
            f"an image of Pillow in mode {image.mode!r} says nothing of its range: convert it to 'L' or 'RGB' first"
        )
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    return np.asarray(image.convert("RGB"))
