"""mIoU against what its definition gives in NumPy, and against torchmetrics where that is installed."""

from __future__ import annotations

import numpy as np
import pytest

import kmax_deeplab as kmax
from kmax_deeplab import metrics

CLASSES = 6


@pytest.fixture(scope="module")
def images() -> list[tuple[np.ndarray, np.ndarray]]:
    draw = np.random.default_rng(11)
    pairs = []
    for _ in range(50):
        truth = draw.integers(0, CLASSES - 1, (32, 40))
        found = np.where(draw.random((32, 40)) < 0.7, truth, draw.integers(0, CLASSES, (32, 40)))
        truth[:3] = 255
        pairs.append((found, truth))
    return pairs


def _matrix(images: list) -> np.ndarray:
    matrix = np.zeros((CLASSES, CLASSES), dtype=np.int64)
    for found, truth in images:
        counts = truth != 255
        np.add.at(matrix, (truth[counts], found[counts]), 1)
    return matrix


def test_the_numbers_are_those_of_the_definition(images: list) -> None:
    quality = metrics.MeanIoU(CLASSES)
    for number, (found, truth) in enumerate(images):
        quality.update(found, truth, number)
    matrix = _matrix(images)
    right, real = np.diag(matrix), matrix.sum(1)
    seen = real > 0
    iou = right[seen] / (real + matrix.sum(0) - right)[seen]
    report = quality.compute()
    assert np.isclose(report["miou"], iou.mean(), rtol=1e-12)
    assert np.isclose(report["fwiou"], (iou * real[seen]).sum() / real.sum(), rtol=1e-12)
    assert np.isclose(report["macc"], (right / np.maximum(real, 1))[seen].mean(), rtol=1e-12)
    assert np.isclose(report["pacc"], right.sum() / real.sum(), rtol=1e-12)
    assert report["per_class"]["5"]["iou"] is None


def test_the_numbers_are_those_of_torchmetrics(images: list) -> None:
    torch = pytest.importorskip("torch")
    classification = pytest.importorskip("torchmetrics.classification")
    theirs = classification.MulticlassConfusionMatrix(CLASSES, ignore_index=255)
    quality = metrics.MeanIoU(CLASSES)
    for found, truth in images:
        theirs.update(torch.from_numpy(found), torch.from_numpy(truth))
        quality.update(found, truth)
    assert np.array_equal(theirs.compute().numpy(), _matrix(images))
    per_class = quality.compute()["per_class"]
    assert [per_class[str(n)]["tp"] for n in range(CLASSES)] == np.diag(theirs.compute().numpy()).tolist()


def test_what_is_wrong_is_said() -> None:
    quality = metrics.MeanIoU(CLASSES)
    good = np.zeros((2, 2), dtype=np.uint8)
    with pytest.raises(kmax.errors.IncompatibleError, match="holds 9"):
        quality.update(good + 9, good)
    with pytest.raises(kmax.Error):
        quality.update(good, good[:1])
    with pytest.raises(kmax.errors.InvalidArgumentError, match="65535"):
        metrics.MeanIoU(0)
    with pytest.raises(kmax.errors.InvalidArgumentError, match="MaskAP"):
        quality.merge(metrics.MaskAP())
