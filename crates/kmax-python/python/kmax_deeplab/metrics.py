"""Panoptic quality, mask AP and mIoU with the conventions of the official scripts, from arrays and from files.

Accumulators are used like those of torchmetrics: ``update`` with what was predicted and what is true of one image, ``merge`` with
another accumulator of the same kind, ``compute``. What an image contributes is kept under its id and summed in the order of ids, so
the numbers are the same to the last bit however images were split, if ids are given. All ratios are 0 to 1.

Several threads may update one accumulator.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional, Union, cast

from . import _native, rle
from ._categories import categories_json
from ._listen import Listener, Progress
from .errors import InvalidArgumentError
from .result import Panoptic, Result

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ._categories import Classes

    Map = npt.NDArray[Any]
    Segments = Sequence[Mapping[str, Any]]
    Segmented = Union[Result, Panoptic, tuple[Map, Segments]]
    Path = Union[str, os.PathLike[str]]

__all__ = [
    "MaskAP",
    "MeanIoU",
    "PanopticQuality",
    "evaluate_instances",
    "evaluate_panoptic",
    "evaluate_semantic",
    "pq_compute",
]

Report = dict[str, Any]
ImageId = Union[int, str]


class _Accumulator:
    """What all three have."""

    _native: Any

    def __init__(self) -> None:
        # Images without ids have some of their own, which no other accumulator gives.
        self._prefix, self._given = os.urandom(8).hex(), 0

    def _id(self, image_id: Optional[ImageId]) -> ImageId:
        if image_id is not None:
            return image_id
        self._given += 1
        return f"{self._prefix}-{self._given:012}"

    def _merge(self, other: Any) -> None:
        if type(other) is not type(self):
            raise InvalidArgumentError(f"{type(self).__name__} merges with its own kind, not with {type(other).__name__}")
        self._native.merge(other._native)

    def compute(self) -> Report:
        """The numbers over all images, as a dictionary."""
        return _parsed(self._native.report()[0])

    def table(self) -> str:
        """The numbers as the official script prints them."""
        text: str = self._native.report()[1]
        return text

    def __len__(self) -> int:
        count: int = self._native.images()
        return count

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} images)"


class PanopticQuality(_Accumulator):
    """Panoptic quality as panopticapi computes it.

    Args:
        categories: ``"coco"``, ``"cityscapes"``, ``"ade20k"``, or a list as in COCO's files: dictionaries with ``id``, ``name`` and
            ``isthing``, or the categories of a :class:`Segmenter`.
    """

    def __init__(self, categories: Classes = "coco") -> None:
        super().__init__()
        self._categories = categories_json(categories)
        self._native: _native.PanopticQuality = _native.PanopticQuality(self._categories)

    def update(self, preds: Segmented, target: Segmented, image_id: Optional[ImageId] = None) -> None:
        """Adds an image.

        Args:
            preds: A :class:`Result`, or a map with its ``segments_info``: ``[height, width]`` of any whole numbers, or
                ``[height, width, 3]`` of uint8 as the pixels of a panoptic PNG; and a list of dictionaries with ``id`` and ``category_id``.
            target: Likewise; ``iscrowd`` counts here, and ``area``, if it is said, is believed as panopticapi does.
            image_id: What the image is called; one id may come once.

        Raises:
            IncompatibleError: Maps of different sizes.
            DamagedError: A segment of an unknown category, or one that only the map or only the list has.
            InvalidArgumentError: An image that was added before, or an array of another form.
        """
        self._native.add(self._id(image_id), _side(target, "target"), _side(preds, "preds"))

    def merge(self, other: PanopticQuality) -> PanopticQuality:
        """Adds the images of another accumulator; gives this one."""
        self._merge(other)
        return self

    def reset(self) -> None:
        """Forgets all images."""
        self._native = _native.PanopticQuality(self._categories)


class MeanIoU(_Accumulator):
    """mIoU, fwIoU and accuracies as detectron2 computes them for ADE20K.

    Args:
        categories: As for :class:`PanopticQuality`, or a number of classes.
        ignored: The label of the truth that counts nowhere.
    """

    def __init__(self, categories: Classes | int = "ade20k", ignored: int = 255) -> None:
        super().__init__()
        self._categories, self._ignored = categories_json(categories), ignored
        self._native: _native.SemanticQuality = _native.SemanticQuality(self._categories, ignored)

    def update(self, preds: Map, target: Map, image_id: Optional[ImageId] = None) -> None:
        """Adds an image: two maps ``[height, width]`` of whole numbers, the positions of the classes in ``categories``, from 0."""
        self._native.add(self._id(image_id), target, preds)

    def merge(self, other: MeanIoU) -> MeanIoU:
        """Adds the images of another accumulator; gives this one."""
        self._merge(other)
        return self

    def reset(self) -> None:
        """Forgets all images."""
        self._native = _native.SemanticQuality(self._categories, self._ignored)


class MaskAP(_Accumulator):
    """Mask AP as pycocotools computes it.

    Args:
        categories: As for :class:`PanopticQuality`.
    """

    def __init__(self, categories: Classes = "coco") -> None:
        super().__init__()
        self._categories = categories_json(categories)
        self._native: _native.MaskAp = _native.MaskAp(self._categories)

    def update(
        self,
        preds: Result | Iterable[Mapping[str, Any]],
        target: Iterable[Mapping[str, Any]],
        image_id: Optional[ImageId] = None,
        *,
        size: Optional[tuple[int, int]] = None,
    ) -> None:
        """Adds an image.

        Args:
            preds: A :class:`Result`, of which the things count, or detections as in COCO's files: dictionaries with ``category_id``,
                ``segmentation`` and ``score``.
            target: Annotations: dictionaries with ``category_id`` and ``segmentation``, and ``area`` (that of the mask if it is not
                said), ``iscrowd`` and ``id`` where they have them.
            image_id: What the image is called; one id may come once.
            size: Height and width in pixels, which polygons need.

        A ``segmentation`` is a run-length code, an array ``[height, width]`` of bool or uint8, or a list of polygons.
        """
        found = preds.to_coco(things_only=True) if isinstance(preds, Result) else preds
        truths = [
            (
                int(row.get("id", number)),
                row["category_id"],
                _mask(row["segmentation"], size),
                row.get("area"),
                bool(row.get("iscrowd", 0)),
            )
            for number, row in enumerate(target, 1)
        ]
        detections = [(row["category_id"], _mask(row["segmentation"], size), row["score"]) for row in found]
        self._native.add(self._id(image_id), truths, detections)

    def merge(self, other: MaskAP) -> MaskAP:
        """Adds the images of another accumulator; gives this one."""
        self._merge(other)
        return self

    def reset(self) -> None:
        """Forgets all images."""
        self._native = _native.MaskAp(self._categories)


def evaluate_panoptic(
    gt_json: Path,
    pred_json: Path,
    gt_folder: Optional[Path] = None,
    pred_folder: Optional[Path] = None,
    *,
    progress: Progress | bool | None = None,
) -> Report:
    """Panoptic quality of a json with its PNGs against another, in COCO's panoptic form.

    Folders of PNGs are called like their json without its ending, if not given.
    """
    return _parsed(_panoptic_files(gt_json, pred_json, gt_folder, pred_folder, progress)[0])


def evaluate_instances(gt_json: Path, pred_json: Path, *, progress: Progress | bool | None = None) -> Report:
    """Mask AP of detections (``coco_instances_results.json``) against COCO's instance annotations."""
    with Listener(progress, "evaluate", unit="image") as listener:
        return _parsed(_native.evaluate_instances(os.fspath(gt_json), os.fspath(pred_json), listener)[0])


def evaluate_semantic(
    gt_folder: Path,
    pred_folder: Path,
    categories: Classes | int,
    *,
    ignored: int = 255,
    progress: Progress | bool | None = None,
) -> Report:
    """mIoU of a folder of class maps (8- or 16-bit grey PNGs) against another with the same names."""
    classes = categories_json(categories)
    with Listener(progress, "evaluate", unit="image") as listener:
        folders = os.fspath(gt_folder), os.fspath(pred_folder)
        return _parsed(_native.evaluate_semantic(*folders, classes, ignored, listener)[0])


def pq_compute(
    gt_json_file: Path,
    pred_json_file: Path,
    gt_folder: Optional[Path] = None,
    pred_folder: Optional[Path] = None,
) -> Report:
    """In place of ``panopticapi.evaluation.pq_compute``: the same arguments, the same table printed, the same dictionary.

    Where panopticapi divides by zero, as there is no class of a group, the group's numbers are NaN.
    """
    text, table = _panoptic_files(gt_json_file, pred_json_file, gt_folder, pred_folder, None)
    print(table)
    report = _parsed(text)
    results: Report = {}
    for name in ("All", "Things", "Stuff"):
        group = report[name]
        results[name] = {key: float("nan") if group[key] is None else group[key] for key in ("pq", "sq", "rq")}
        results[name]["n"] = group["n"]
        if name == "All":
            classes = report["per_class"].items()
            results["per_class"] = {int(id): {key: row[key] for key in ("pq", "sq", "rq")} for id, row in classes}
    return results


def _panoptic_files(
    gt_json: Path,
    pred_json: Path,
    gt_folder: Optional[Path],
    pred_folder: Optional[Path],
    progress: Progress | bool | None,
) -> tuple[str, str]:
    truths = None if gt_folder is None else os.fspath(gt_folder)
    found = None if pred_folder is None else os.fspath(pred_folder)
    with Listener(progress, "evaluate", unit="image") as listener:
        return _native.evaluate_panoptic(os.fspath(gt_json), os.fspath(pred_json), truths, found, listener)


def _parsed(text: str) -> Report:
    report: Report = json.loads(text)
    return report


def _side(side: Segmented, what: str) -> tuple[Any, list[Any]]:
    pair: Any = side.panoptic if isinstance(side, Result) else side
    try:
        label_map, segments = pair
        infos = list(segments)
    except (TypeError, ValueError):
        infos, label_map = [None], None
    if not all(isinstance(info, Mapping) for info in infos):
        raise InvalidArgumentError(f"{what}: expected a Result, or a map and its segments_info")
    return label_map, infos


def _mask(segmentation: Any, size: Optional[tuple[int, int]]) -> rle.Code:
    """A compressed code of any form of mask."""
    import numpy as np

    if isinstance(segmentation, Mapping):
        code = dict(cast("Mapping[str, Any]", segmentation))
        if isinstance(code["counts"], (list, tuple)):
            return cast("rle.Code", rle.frPyObjects(code, *code["size"]))
        return code
    if isinstance(segmentation, np.ndarray):
        return cast("rle.Code", rle.encode(cast("npt.NDArray[np.uint8]", segmentation)))
    if size is None:
        raise InvalidArgumentError("polygons need the image's size=(height, width)")
    return rle.merge(rle.frPyObjects(segmentation, *size))
