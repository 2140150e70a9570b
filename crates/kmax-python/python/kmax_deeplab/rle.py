"""COCO's run-length code: the functions of ``pycocotools.mask``, under the same names and with the same results.

A code is a dictionary of ``size`` (``[height, width]``) and ``counts`` (the compressed string, as bytes; text is taken as well).
Functions take one code or a list of them, and give one answer or one for each.

Two things differ. A mask may be bool, and may have any memory layout; pycocotools wants uint8 in Fortran order. And any value but 0 is
set, where pycocotools takes each change of values for an edge.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Union, cast

from . import _native
from ._arrays import describe
from .errors import InvalidArgumentError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["area", "decode", "encode", "frPyObjects", "iou", "merge", "toBbox"]

Code = dict[str, Any]
"""``{"size": [height, width], "counts": bytes}``"""
Codes = Union[Code, Sequence[Code]]


def encode(bimask: npt.NDArray[Any]) -> Any:
    """A code of a mask ``[height, width]``, or a list of codes of masks ``[height, width, n]``, of uint8 or bool."""
    import numpy as np

    masks = np.asarray(bimask)
    if masks.dtype == np.bool_:
        masks = masks.view(np.uint8)
    if masks.dtype != np.uint8 or masks.ndim not in (2, 3):
        raise InvalidArgumentError(
            f"a mask is [height, width] or [height, width, n] of uint8 or bool, not {describe(bimask)}"
        )
    if masks.ndim == 2:
        return _code(masks.shape[0], masks.shape[1], _native.rle_encode(masks))
    height, width, count = masks.shape
    return [_code(height, width, _native.rle_encode(masks[:, :, index])) for index in range(count)]


def decode(rleObjs: Codes) -> npt.NDArray[np.uint8]:
    """The mask ``[height, width]`` of a code, or ``[height, width, n]`` of a list of codes: uint8 in Fortran order, 0 or 1."""
    import numpy as np

    if isinstance(rleObjs, dict):
        return _native.rle_decode(rleObjs).T
    codes = _listed(rleObjs)
    if not codes:
        return np.zeros((0, 0, 0), dtype=np.uint8, order="F")
    masks = [decode(code) for code in codes]
    if any(mask.shape != masks[0].shape for mask in masks):
        raise InvalidArgumentError("masks of different sizes make no array; decode them one by one")
    whole: npt.NDArray[np.uint8] = np.empty((*masks[0].shape, len(masks)), dtype=np.uint8, order="F")
    for index, mask in enumerate(masks):
        whole[:, :, index] = mask
    return whole


def area(rleObjs: Codes) -> Any:
    """The number of pixels set: an integer of a code, an array ``[n]`` of uint32 of a list."""
    import numpy as np

    areas = np.array(_native.rle_area(_listed(rleObjs)), dtype=np.uint32)
    return areas[0] if isinstance(rleObjs, dict) else areas


def toBbox(rleObjs: Codes) -> npt.NDArray[np.float64]:
    """The box around the pixels set, as x, y, width, height in pixels: ``[4]`` of a code, ``[n, 4]`` of a list, float64."""
    import numpy as np

    boxes = np.array(_native.rle_bbox(_listed(rleObjs)), dtype=np.float64).reshape(-1, 4)
    return cast("npt.NDArray[np.float64]", boxes[0] if isinstance(rleObjs, dict) else boxes)


def merge(rleObjs: Sequence[Code], intersect: bool = False) -> Code:
    """One code of several masks of one size: their union, or their intersection."""
    codes = _listed(rleObjs)
    if not codes:
        return _code(0, 0, b"")
    height, width = codes[0]["size"]
    return _code(height, width, _native.rle_merge(codes, bool(intersect)))


def iou(dt: Any, gt: Any, pyiscrowd: Iterable[Any]) -> Any:
    """Intersection over union of each detection with each object: ``[detections, objects]``, float64.

    Args:
        dt: Detections: a list of codes, or boxes ``[n, 4]`` (x, y, width, height).
        gt: Objects, in the same form.
        pyiscrowd: For each object, whether it stands for a group: then the union is the detection alone.

    Without detections or without objects the answer is an empty list, as pycocotools gives it.
    """
    import numpy as np

    crowds = [bool(flag) for flag in pyiscrowd]
    if len(crowds) != len(gt):
        raise InvalidArgumentError(f"{len(crowds)} flags in pyiscrowd for {len(gt)} objects")
    if len(dt) == 0 or len(gt) == 0:
        return []
    if isinstance(dt[0], dict) != isinstance(gt[0], dict):
        raise InvalidArgumentError("detections and objects must both be codes, or both boxes")
    if isinstance(dt[0], dict):
        return _native.rle_iou(_listed(dt), _listed(gt), crowds)
    return _box_iou(np.asarray(dt, dtype=np.float64), np.asarray(gt, dtype=np.float64), np.array(crowds))


def frPyObjects(pyobj: Any, h: int, w: int) -> Any:
    """Codes of what COCO's files have: polygons, boxes (x, y, width, height), or codes with a list of runs.

    A list of polygons or of boxes, or an array ``[n, 4]`` of boxes, gives a list of codes; one polygon, box or code gives one.
    """
    import numpy as np

    if isinstance(pyobj, dict):
        return _code(h, w, _runs(cast("Code", pyobj), h, w))
    if isinstance(pyobj, np.ndarray):
        if pyobj.ndim != 2:
            raise InvalidArgumentError(f"boxes are an array [n, 4], not {describe(pyobj)}")
        return [_code(h, w, _polygon(row, h, w)) for row in pyobj.tolist()]
    if not isinstance(pyobj, (list, tuple)):
        raise InvalidArgumentError(f"expected polygons, boxes or codes, not {describe(pyobj)}")
    objects = cast("Sequence[Any]", pyobj)
    if len(objects) == 0:
        raise InvalidArgumentError("expected polygons, boxes or codes, not an empty list")
    if not isinstance(objects[0], (list, tuple, dict, np.ndarray)):
        return _code(h, w, _polygon(objects, h, w))
    return [frPyObjects(one if isinstance(one, dict) else list(one), h, w) for one in objects]


def _code(height: int, width: int, counts: bytes) -> Code:
    return {"size": [int(height), int(width)], "counts": counts}


def _listed(codes: Codes) -> list[Code]:
    return [codes] if isinstance(codes, dict) else list(codes)


def _runs(code: Code, height: int, width: int) -> bytes:
    counts = code["counts"]
    if isinstance(counts, (bytes, str)):
        raise InvalidArgumentError("this code is compressed already; frPyObjects takes lists of runs")
    return _native.rle_from_counts([int(height), int(width)], [int(run) for run in counts])


def _polygon(values: Sequence[float], height: int, width: int) -> bytes:
    flat = [float(value) for value in values]
    if len(flat) == 4:
        x, y, across, down = flat
        flat = [x, y, x, y + down, x + across, y + down, x + across, y]
    return _native.rle_from_polygons([flat], int(height), int(width))


def _box_iou(
    dt: npt.NDArray[np.float64], gt: npt.NDArray[np.float64], crowds: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    import numpy as np

    if dt.ndim != 2 or gt.ndim != 2 or dt.shape[1] != 4 or gt.shape[1] != 4:
        raise InvalidArgumentError(f"boxes are arrays [n, 4], not {describe(dt)} and {describe(gt)}")
    ends = np.minimum((dt[:, :2] + dt[:, 2:])[:, None], (gt[:, :2] + gt[:, 2:])[None])
    sides = np.maximum(ends - np.maximum(dt[:, None, :2], gt[None, :, :2]), 0)
    shared = sides[..., 0] * sides[..., 1]
    areas = (dt[:, 2] * dt[:, 3])[:, None]
    whole = np.where(crowds[None], areas, areas + (gt[:, 2] * gt[:, 3])[None] - shared)
    ratios: npt.NDArray[np.float64] = np.divide(shared, whole, out=np.zeros_like(shared), where=shared > 0)
    return ratios
