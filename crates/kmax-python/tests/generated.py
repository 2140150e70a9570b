"""Images of segments and of masks, drawn from a seed: both sides, with everything that the official scripts treat apart."""

from __future__ import annotations

from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

CATEGORIES = [{"id": 10 * n, "name": f"class {n}", "isthing": int(n <= 4), "color": [n, n, n]} for n in range(1, 8)]
HEIGHT, WIDTH = 48, 64


def _map(draw: np.random.Generator, count: int) -> np.ndarray:
    """Rectangles over each other, with a rim of void."""
    label_map = np.zeros((HEIGHT, WIDTH), dtype=np.uint32)
    for segment in range(1, count + 1):
        top, left = int(draw.integers(0, HEIGHT - 4)), int(draw.integers(0, WIDTH - 4))
        down, across = int(draw.integers(3, HEIGHT // 2)), int(draw.integers(3, WIDTH // 2))
        # Ids beyond one byte and beyond two, as COCO has them.
        label_map[top : top + down, left : left + across] = segment * 7919
    return label_map


def _infos(draw: np.random.Generator, label_map: np.ndarray, *, truth: bool) -> list[dict[str, Any]]:
    infos = []
    for segment in np.unique(label_map[label_map > 0]):
        category = CATEGORIES[int(draw.integers(0, len(CATEGORIES)))]
        crowd = truth and bool(category["isthing"]) and draw.random() < 0.2
        info = {"id": int(segment), "category_id": category["id"], "iscrowd": int(crowd)}
        info["area"] = int((label_map == segment).sum())
        infos.append(info)
    return infos


def panoptic(seed: int) -> tuple[tuple[np.ndarray, list[dict[str, Any]]], tuple[np.ndarray, list[dict[str, Any]]]]:
    """The truth of an image, and a prediction that is partly right: shifted, with segments lost and of other classes."""
    draw = np.random.default_rng(seed)
    truth_map = _map(draw, int(draw.integers(0, 9)))
    truth = _infos(draw, truth_map, truth=True)
    shift = tuple(int(s) for s in draw.integers(-3, 4, 2))
    found_map = np.roll(truth_map, shift, axis=(0, 1))
    for info in truth:
        if draw.random() < 0.15:
            found_map[found_map == info["id"]] = 0
    extra = _map(draw, 2)
    found_map = np.where((extra > 0) & (draw.random() < 0.5), extra + 1, found_map).astype(np.uint32)
    known = {info["id"]: info["category_id"] for info in truth}
    found = _infos(draw, found_map, truth=False)
    for info in found:
        if info["id"] in known and draw.random() < 0.8:
            info["category_id"] = known[info["id"]]
    return (truth_map, truth), (found_map, found)


def _blob(draw: np.random.Generator) -> np.ndarray:
    """An ellipse, small or large."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    cy, cx = draw.uniform(0, HEIGHT), draw.uniform(0, WIDTH)
    ry, rx = draw.uniform(1, HEIGHT / 2), draw.uniform(1, WIDTH / 2)
    return (((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 <= 1).astype(np.uint8)


def code(mask: np.ndarray) -> dict[str, Any]:
    """pycocotools' code, with text for JSON."""
    rle = coco_mask.encode(np.asfortranarray(mask))
    return {"size": [int(side) for side in rle["size"]], "counts": rle["counts"].decode()}


def instances(seed: int, first_id: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The annotations of an image and detections, some of them the annotations moved, with equal scores among them."""
    draw = np.random.default_rng(seed)
    truths, found = [], []
    for number in range(int(draw.integers(0, 7))):
        mask = _blob(draw)
        if not mask.any():
            continue
        category = int(draw.choice([10, 20, 30]))
        truths.append(
            {
                "id": first_id + number,
                "image_id": seed,
                "category_id": category,
                "segmentation": code(mask),
                "area": float(mask.sum()),
                "bbox": [0, 0, 1, 1],
                "iscrowd": int(draw.random() < 0.15),
            }
        )
        if draw.random() < 0.8:
            moved = np.roll(mask, tuple(int(s) for s in draw.integers(-3, 4, 2)), axis=(0, 1))
            found.append((category, moved))
    found += [(int(draw.choice([10, 20, 30])), _blob(draw)) for _ in range(int(draw.integers(0, 4)))]
    detections = [
        {
            "image_id": seed,
            "category_id": category,
            "segmentation": code(mask),
            "score": float(round(draw.random(), 1)),
        }
        for category, mask in found
    ]
    return truths, detections
