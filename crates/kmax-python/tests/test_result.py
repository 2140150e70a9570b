"""What a result can become, by the peers that take it."""

from __future__ import annotations

import io
import json

import numpy as np
import supervision
from PIL import Image
from panopticapi.utils import rgb2id
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

import kmax_deeplab as kmax


def test_lists_agree_with_the_map(result: kmax.Result) -> None:
    count = len(result)
    assert count > 0 and "top" in result.labels
    assert result.masks.shape == (count, *result.size) and result.masks.dtype == np.bool_
    for segment, mask in zip(result, result.masks):
        assert mask.sum() == segment.area
        rows, columns = np.nonzero(mask)
        x, y, width, height = segment.bbox
        assert (x, y) == (columns.min(), rows.min())
        assert (width, height) == (columns.max() - x + 1, rows.max() - y + 1)
    assert result.scores.shape == (count,) and ((result.scores > 0) & (result.scores <= 1)).all()
    assert result.boxes.tolist() == [list(segment.bbox) for segment in result]
    assert result.category_ids.tolist() == [segment.category_id for segment in result]


def test_panoptic_is_panopticapis(result: kmax.Result) -> None:
    label_map, infos = result.panoptic
    assert all(set(info) == {"id", "category_id", "iscrowd", "bbox", "area"} for info in infos)
    assert json.loads(json.dumps(infos)) == infos
    png = np.asarray(Image.open(io.BytesIO(result.panoptic_png())))
    assert np.array_equal(rgb2id(png.astype(np.uint32)), label_map)


def test_coco_takes_the_annotations(result: kmax.Result) -> None:
    rows = result.to_coco(7)
    coco = COCO()
    coco.dataset = {"images": [{"id": 7}], "categories": [c._asdict() for c in result.categories], "annotations": []}
    coco.createIndex()
    loaded = coco.loadRes(json.loads(json.dumps(rows)))
    assert len(loaded.anns) == len(result)
    for row, mask in zip(rows, result.masks):
        assert np.array_equal(coco_mask.decode(row["segmentation"]), mask)
        assert coco_mask.area(row["segmentation"]) == row["area"]
    things = result.to_coco(things_only=True)
    assert [row["category_id"] for row in things] == [s.category_id for s in result if s.isthing]
    encoded = coco_mask.encode(np.asfortranarray(result.masks.transpose(1, 2, 0).astype(np.uint8)))
    assert result.rles() == encoded


def test_supervision_takes_the_detections(result: kmax.Result) -> None:
    detections = result.to_supervision()
    assert len(detections) == len(result)
    assert detections.area.tolist() == [segment.area for segment in result]
    assert detections.data["class_name"].tolist() == result.labels
    picture = supervision.MaskAnnotator().annotate(result.image.copy(), detections)
    assert picture.shape == result.image.shape
    things = result.to_supervision(things_only=True)
    assert len(things) == sum(segment.isthing for segment in result)


def test_the_dictionary_of_transformers(result: kmax.Result) -> None:
    found = result.to_transformers()
    assert found["segmentation"].dtype == np.int32 and np.array_equal(found["segmentation"], result.map)
    assert all(set(info) == {"id", "label_id", "was_fused", "score"} for info in found["segments_info"])
    for info, segment in zip(found["segments_info"], result):
        assert result.categories[info["label_id"]].id == segment.category_id
        assert info["was_fused"] is (not segment.isthing)


def test_pictures(result: kmax.Result) -> None:
    picture = result.overlay()
    assert picture.shape == result.image.shape and picture.dtype == np.uint8
    assert not np.array_equal(picture, result.image)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(result._repr_png_()))), picture)
    plain = result.overlay(opacity=0.0, labels=False, contours=False)
    assert np.array_equal(plain, result.image)
    assert "segments" in repr(result) and "top" in repr(result)


def _owner(array: np.ndarray) -> object:
    """What holds the memory of an array."""
    base = array.base
    while isinstance(base, np.ndarray):
        base = base.base
    return base


def test_arrays_are_handed_over_and_not_copied(result: kmax.Result) -> None:
    image = np.zeros((60, 80, 3), np.uint8)
    given = kmax.Segmenter().segment(image)
    assert given.image is image
    assert np.shares_memory(result.panoptic[0], result.map)
    # Memory that Rust made: NumPy holds the vector itself, and owns nothing.
    for array in (result.map, given.map, result.overlay(), kmax.Segmenter().semantic(image)):
        assert type(_owner(array)).__name__ == "PySliceContainer" and not array.flags.owndata
