"""Run-length codes against pycocotools, byte for byte."""

from __future__ import annotations

import numpy as np
import pytest
from pycocotools import mask as theirs

import kmax_deeplab as kmax
from kmax_deeplab import rle as ours


@pytest.fixture(scope="module")
def masks() -> np.ndarray:
    draw = np.random.default_rng(5)
    stack = np.zeros((37, 53, 200), dtype=np.uint8, order="F")
    for index in range(stack.shape[2]):
        share = draw.random()
        stack[:, :, index] = draw.random((37, 53)) < share if index % 2 else 0
        top, left = draw.integers(0, 30, 2)
        stack[top : top + 12, left : left + 20, index] = 1
    stack[:, :, 0], stack[:, :, 1] = 0, 1
    return stack


def test_codes_are_the_same_bytes(masks: np.ndarray) -> None:
    assert ours.encode(masks) == theirs.encode(masks)
    assert ours.encode(masks[:, :, 7]) == theirs.encode(np.asfortranarray(masks[:, :, 7]))
    assert ours.encode(np.ascontiguousarray(masks)) == theirs.encode(masks)
    assert ours.encode(masks.astype(bool)) == theirs.encode(masks)
    assert ours.encode(255 * masks) == theirs.encode(masks)


def test_decoding_gives_the_same_array(masks: np.ndarray) -> None:
    codes = theirs.encode(masks)
    whole = ours.decode(codes)
    assert whole.dtype == np.uint8 and whole.flags.f_contiguous
    assert np.array_equal(whole, theirs.decode(codes))
    one = ours.decode(codes[3])
    assert one.flags.f_contiguous and np.array_equal(one, theirs.decode(codes[3]))


def test_areas_and_boxes_are_the_same(masks: np.ndarray) -> None:
    codes = theirs.encode(masks)
    assert np.array_equal(ours.area(codes), theirs.area(codes))
    assert ours.area(codes).dtype == theirs.area(codes).dtype
    assert ours.area(codes[5]) == theirs.area(codes[5])
    assert np.array_equal(ours.toBbox(codes), theirs.toBbox(codes))
    assert np.array_equal(ours.toBbox(codes[5]), theirs.toBbox(codes[5]))


def test_unions_and_intersections_are_the_same(masks: np.ndarray) -> None:
    codes = theirs.encode(masks)
    for group in (codes[2:4], codes[5:20:3], codes[:1]):
        for intersect in (False, True):
            assert ours.merge(group, intersect) == theirs.merge(group, intersect)
    assert ours.merge([]) == theirs.merge([])


def test_iou_is_the_same(masks: np.ndarray) -> None:
    codes = theirs.encode(masks)
    crowds = [index % 3 == 0 for index in range(40)]
    assert np.array_equal(ours.iou(codes[40:], codes[:40], crowds), theirs.iou(codes[40:], codes[:40], crowds))
    boxes = np.random.default_rng(1).uniform(0, 50, (60, 4))
    assert np.array_equal(ours.iou(boxes[40:], boxes[:40], crowds), theirs.iou(boxes[40:], boxes[:40], crowds))
    assert ours.iou([], codes[:2], [0, 0]) == theirs.iou([], codes[:2], [0, 0]) == []
    with pytest.raises(kmax.errors.InvalidArgumentError, match="2 flags"):
        ours.iou(codes[:3], codes[:3], [0, 0])


def test_objects_of_cocos_files(masks: np.ndarray) -> None:
    draw = np.random.default_rng(9)
    polygons = [draw.uniform(-5, 60, 2 * int(corners)).tolist() for corners in draw.integers(3, 12, 50)]
    assert ours.frPyObjects(polygons, 37, 53) == theirs.frPyObjects(polygons, 37, 53)
    # pycocotools fails here.
    assert ours.frPyObjects(polygons[0], 37, 53) == theirs.frPyObjects(polygons[:1], 37, 53)[0]
    boxes = draw.uniform(0, 30, (20, 4))
    assert ours.frPyObjects(boxes, 37, 53) == theirs.frPyObjects(boxes, 37, 53)
    assert ours.frPyObjects(boxes.tolist(), 37, 53) == theirs.frPyObjects(boxes, 37, 53)
    runs = {"size": [37, 53], "counts": [100, 861, 1000]}
    assert ours.frPyObjects(runs, 37, 53) == theirs.frPyObjects(runs, 37, 53)
    assert ours.frPyObjects([runs, runs], 37, 53) == theirs.frPyObjects([runs, runs], 37, 53)


def test_text_is_taken_for_bytes(masks: np.ndarray) -> None:
    code = theirs.encode(masks)[9]
    text = {"size": code["size"], "counts": code["counts"].decode()}
    assert np.array_equal(ours.decode(text), theirs.decode(code))


def test_what_is_wrong_is_said() -> None:
    for call, words in [
        (lambda: ours.encode(np.zeros((2, 2))), "float64"),
        (lambda: ours.encode(np.zeros(4, dtype=np.uint8)), "uint8"),
        (lambda: ours.decode({"size": [2, 2], "counts": b"9"}), "runs"),
        (lambda: ours.decode({"size": [2, 2], "counts": b"\xff\xfe"}), "text"),
        (lambda: ours.decode({"size": [1 << 30, 1 << 30], "counts": b""}), ""),
        (lambda: ours.frPyObjects([], 3, 3), "empty"),
        (lambda: ours.frPyObjects("abc", 3, 3), "str"),
        (lambda: ours.merge([ours.encode(np.ones((2, 2), bool)), ours.encode(np.ones((3, 2), bool))]), "2"),
    ]:
        with pytest.raises(kmax.Error, match=words or None):
            call()
