"""What was found in an image."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

from . import _native

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Category", "Panoptic", "Result", "Segment"]


class Category(NamedTuple):
    """A class that a model knows, with the names that COCO's files use."""

    id: int
    """The id in ``category_id``, not always contiguous."""
    name: str
    isthing: bool
    """Whether its instances are told apart."""
    color: tuple[int, int, int]
    """Red, green, blue, 0 to 255."""
    supercategory: Optional[str]
    """The group it belongs to."""


class Segment(NamedTuple):
    """One segment of an image."""

    id: int
    """Its number in the map, not 0."""
    category_id: int
    label: str
    """The name of its class."""
    isthing: bool
    score: float
    """The confidence, 0 to 1."""
    area: int
    """Pixels."""
    bbox: tuple[int, int, int, int]
    """x, y, width, height, in pixels."""


class Panoptic(NamedTuple):
    """A segmentation in the form of panopticapi."""

    map: npt.NDArray[np.uint32]
    """``[height, width]``: the segment's id of each pixel, 0 for none."""
    segments_info: list[dict[str, Any]]
    """``id``, ``category_id``, ``iscrowd``, ``bbox`` (x, y, width, height) and ``area`` of each segment."""


class Result:
    """What :meth:`Segmenter.segment` found in an image. In a notebook it shows itself as a picture.

    Iterating gives :class:`Segment`; ``len`` is their number, n below. Arrays belong to the result: change copies of them.
    """

    def __init__(
        self,
        image: npt.NDArray[np.uint8],
        label_map: npt.NDArray[np.uint32],
        found: list[tuple[int, int, Optional[float], int, list[int]]],
        categories: tuple[Category, ...],
    ) -> None:
        self.image: npt.NDArray[np.uint8] = image
        """The image, ``[height, width, 3]``, uint8: as it was given, or as it was read."""
        self.map: npt.NDArray[np.uint32] = label_map
        """``[height, width]``, uint32: the segment's id of each pixel, 0 for none."""
        self.categories: tuple[Category, ...] = categories
        """The classes that the model knows."""
        known = {category.id: category for category in categories}
        self.segments: tuple[Segment, ...] = tuple(
            Segment(id, category, known[category].name, known[category].isthing, score or 0.0, area, _box(bbox))
            for id, category, score, area, bbox in found
        )
        """The segments, in the order of all lists below."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.map.shape[0], self.map.shape[1]

    @property
    def labels(self) -> list[str]:
        """The name of each segment's class."""
        return [segment.label for segment in self.segments]

    @property
    def category_ids(self) -> npt.NDArray[np.int64]:
        """``[n]``, int64: the id of each segment's class."""
        import numpy as np

        return np.array([segment.category_id for segment in self.segments], dtype=np.int64)

    @property
    def scores(self) -> npt.NDArray[np.float32]:
        """``[n]``, float32: the confidence in each segment, 0 to 1."""
        import numpy as np

        return np.array([segment.score for segment in self.segments], dtype=np.float32)

    @property
    def boxes(self) -> npt.NDArray[np.int64]:
        """``[n, 4]``, int64: the box of each segment as x, y, width, height in pixels."""
        import numpy as np

        return np.array([segment.bbox for segment in self.segments], dtype=np.int64).reshape(-1, 4)

    @cached_property
    def masks(self) -> npt.NDArray[np.bool_]:
        """``[n, height, width]``, bool: the pixels of each segment. Made when first asked for."""
        import numpy as np

        ids = np.array([segment.id for segment in self.segments], dtype=np.uint32)
        masks: npt.NDArray[np.bool_] = self.map[None] == ids[:, None, None]
        return masks

    @property
    def panoptic(self) -> Panoptic:
        """The map, and ``segments_info`` as panopticapi writes them."""
        return Panoptic(self.map, [_info(segment) for segment in self.segments])

    def panoptic_png(self) -> bytes:
        """The map as COCO's panoptic PNG: each id as a colour, ``red + 256 green + 65536 blue``."""
        return _native.encode_panoptic(self.map)

    def rles(self) -> list[dict[str, Any]]:
        """COCO's run-length code of each segment, as pycocotools gives it: ``size`` (height, width) and ``counts`` (bytes)."""
        counts = _native.rle_from_map(self.map, [segment.id for segment in self.segments])
        return [{"size": list(self.size), "counts": code} for code in counts]

    def to_coco(self, image_id: int | str = 0, *, things_only: bool = False) -> list[dict[str, Any]]:
        """The segments as COCO's annotations, with scores: what ``COCO.loadRes`` takes, and ``json.dumps``.

        Args:
            image_id: The image's id, written into each.
            things_only: Leaves stuff out.
        """
        rows = zip(self.segments, self.rles())
        return [
            {
                "id": number,
                "image_id": image_id,
                "category_id": segment.category_id,
                "segmentation": {"size": rle["size"], "counts": rle["counts"].decode()},
                "area": segment.area,
                "bbox": list(segment.bbox),
                "iscrowd": 0,
                "score": segment.score,
            }
            for number, (segment, rle) in enumerate(rows, 1)
            if segment.isthing or not things_only
        ]

    def to_supervision(self, *, things_only: bool = False) -> Any:
        """The segments as ``supervision.Detections``: boxes, masks, scores, category ids, and names under ``class_name``.

        Raises:
            ImportError: supervision is not installed.
        """
        import numpy as np
        import supervision

        chosen = np.array([segment.isthing or not things_only for segment in self.segments], dtype=bool)
        boxes = self.boxes[chosen].astype(np.float32)
        boxes[:, 2:] += boxes[:, :2]
        return supervision.Detections(
            xyxy=boxes,
            mask=self.masks[chosen],
            confidence=self.scores[chosen],
            class_id=self.category_ids[chosen],
            data={"class_name": np.array(self.labels, dtype=str)[chosen]},
        )

    def to_transformers(self) -> dict[str, Any]:
        """The dictionary of transformers' ``post_process_panoptic_segmentation``: ``segmentation`` (``[height, width]``, int32; an
        array, of which ``torch.from_numpy`` makes a tensor without a copy) and ``segments_info`` with ``id``, ``label_id`` (the
        position in ``categories``, which is the model's output), ``was_fused`` (true of stuff) and ``score``."""
        import numpy as np

        index = {category.id: position for position, category in enumerate(self.categories)}
        return {
            "segmentation": self.map.astype(np.int32),
            "segments_info": [
                {
                    "id": segment.id,
                    "label_id": index[segment.category_id],
                    "was_fused": not segment.isthing,
                    "score": segment.score,
                }
                for segment in self.segments
            ],
        }

    def overlay(
        self, *, opacity: float | None = None, labels: bool = True, contours: bool = True
    ) -> npt.NDArray[np.uint8]:
        """The image, tinted by segment: ``[height, width, 3]``, uint8. Beyond 4096 pixels it is drawn smaller.

        Args:
            opacity: How much of the colour of things lies over the image, 0 to 1; 0.46 if not given.
            labels: Whether names are written into segments that have room for them.
            contours: Whether a light line runs between segments.
        """
        classes = json.dumps([{**category._asdict(), "isthing": int(category.isthing)} for category in self.categories])
        infos = [_info(segment) for segment in self.segments]
        return _native.overlay(self.image, self.map, infos, classes, opacity, labels, contours)

    def _repr_png_(self) -> bytes:
        return _native.encode_rgb(self.overlay())

    def __iter__(self) -> Iterator[Segment]:
        return iter(self.segments)

    def __len__(self) -> int:
        return len(self.segments)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        height, width = self.size
        return f"Result({width} x {height} pixels, {len(self)} segments: {', '.join(self.labels) or 'none'})"


def category(row: dict[str, Any]) -> Category:
    """From a row of COCO's ``categories``."""
    red, green, blue = row["color"]
    return Category(row["id"], row["name"], bool(row["isthing"]), (red, green, blue), row.get("supercategory"))


def _box(box: list[int]) -> tuple[int, int, int, int]:
    x, y, width, height = box
    return x, y, width, height


def _info(segment: Segment) -> dict[str, Any]:
    return {
        "id": segment.id,
        "category_id": segment.category_id,
        "iscrowd": 0,
        "bbox": list(segment.bbox),
        "area": segment.area,
    }
