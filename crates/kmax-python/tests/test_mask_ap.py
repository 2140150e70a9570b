"""Mask AP against pycocotools, on the same masks and files."""

from __future__ import annotations

import contextlib
import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
from generated import HEIGHT, WIDTH, instances
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

import kmax_deeplab as kmax
from kmax_deeplab import metrics

IMAGES = 1000
CATEGORIES = [{"id": id, "name": f"class {id}", "isthing": 1} for id in (10, 20, 30)]
STATS = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"]


@pytest.fixture(scope="module")
def images() -> list:
    # Ids from 1: pycocotools takes 0 for no match.
    return [instances(seed, 1 + 10 * seed) for seed in range(IMAGES)]


@pytest.fixture(scope="module")
def files(images: list, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("instances")
    rows = [{"id": number, "file_name": f"{number}.jpg", "height": HEIGHT, "width": WIDTH} for number in range(IMAGES)]
    truths = [truth for image in images for truth in image[0]]
    whole = {"images": rows, "annotations": truths, "categories": CATEGORIES}
    (folder / "gt.json").write_text(json.dumps(whole))
    (folder / "pred.json").write_text(json.dumps([row for image in images for row in image[1]]))
    return folder / "gt.json", folder / "pred.json"


@pytest.fixture(scope="module")
def official(files: tuple[Path, Path]) -> list[float]:
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(files[0]))
        evaluation = COCOeval(truth, truth.loadRes(str(files[1])), "segm")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [float(value) for value in evaluation.stats]


def _same(report: dict, official: list[float]) -> None:
    for name, value in zip(STATS, official):
        assert math.isclose(report["stats"][name], value, rel_tol=1e-12, abs_tol=1e-15), name


def test_arrays_give_what_pycocotools_gives(images: list, official: list[float]) -> None:
    assert 0.05 < official[0] < 0.95
    ap = metrics.MaskAP(CATEGORIES)
    for number, (truths, found) in enumerate(images):
        ap.update(found, truths, number)
    _same(ap.compute(), official)


def test_files_give_what_pycocotools_gives(files: tuple[Path, Path], official: list[float]) -> None:
    _same(metrics.evaluate_instances(*files), official)


def test_masks_come_in_every_form() -> None:
    mask = np.zeros((20, 30), dtype=bool)
    mask[5:15, 10:20] = True
    polygon = [[10, 5, 20, 5, 20, 15, 10, 15]]
    rle = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    runs = {"size": [20, 30], "counts": [205, *([10] * 19), 205]}
    for form in (mask, mask.astype(np.uint8), rle, {**rle, "counts": rle["counts"].decode()}, polygon, runs):
        ap = metrics.MaskAP(CATEGORIES)
        found = [{"category_id": 10, "segmentation": form, "score": 0.9}]
        ap.update(found, [{"category_id": 10, "segmentation": mask}], size=(20, 30))
        assert ap.compute()["stats"]["AP"] == pytest.approx(1.0, rel=1e-12)
    with pytest.raises(kmax.errors.InvalidArgumentError, match="size"):
        ap.update([], [{"category_id": 10, "segmentation": polygon}])


def test_parts_join_to_the_whole(images: list) -> None:
    whole, one, other = (metrics.MaskAP(CATEGORIES) for _ in range(3))
    for number, (truths, found) in enumerate(images[:60]):
        whole.update(found, truths, number)
        (one if number % 2 else other).update(found, truths, number)
    assert one.merge(other).compute() == whole.compute()


def test_what_is_wrong_is_said() -> None:
    ap = metrics.MaskAP(CATEGORIES)
    mask = np.ones((4, 4), dtype=bool)
    with pytest.raises(kmax.errors.DamagedError, match="11"):
        ap.update([{"category_id": 11, "segmentation": mask, "score": 1.0}], [])
    with pytest.raises(kmax.errors.Error, match="score"):
        ap.update([{"category_id": 10, "segmentation": mask, "score": float("nan")}], [])
    with pytest.raises(kmax.errors.Error):
        ap.update([{"category_id": 10, "segmentation": {"size": [4, 4], "counts": "~~"}, "score": 1.0}], [])
    with pytest.raises(KeyError, match="score"):
        ap.update([{"category_id": 10, "segmentation": mask}], [])


def test_results_can_be_measured(result: kmax.Result) -> None:
    ap = metrics.MaskAP(result.categories)
    ap.update(result, result.to_coco(things_only=True))
    assert ap.compute()["stats"]["AP"] == pytest.approx(1.0, rel=1e-12)
