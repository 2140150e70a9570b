"""What users write, for the checkers of types: nothing here is run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import assert_type

import kmax_deeplab as kmax
from kmax_deeplab import checkpoints, datasets, metrics, rle


def segmenting(photo: Path, array: npt.NDArray[np.uint8]) -> None:
    segmenter = kmax.Segmenter("kmax-people", threads=2, class_threshold_thing=0.5)
    assert_type(segmenter.segment(array), kmax.Result)
    assert_type(segmenter.segment("photo.jpg"), kmax.Result)
    assert_type(segmenter.segment([photo, array], progress=True), list[kmax.Result])
    result = segmenter.segment(photo)
    assert_type(result.masks, npt.NDArray[np.bool_])
    assert_type(result.scores, npt.NDArray[np.float32])
    assert_type(result.labels, list[str])
    assert_type(result.panoptic.map, npt.NDArray[np.uint32])
    assert_type(result.overlay(opacity=0.3), npt.NDArray[np.uint8])
    for segment in result:
        assert_type(segment.area, int)


def measuring(result: kmax.Result, label_map: npt.NDArray[np.int64], segments: list[dict[str, Any]]) -> None:
    quality = metrics.PanopticQuality("coco")
    quality.update(result, (label_map, segments), 7)
    quality.update((label_map, segments), result.panoptic)
    assert_type(quality.merge(metrics.PanopticQuality("coco")), metrics.PanopticQuality)
    assert_type(quality.compute(), dict[str, Any])
    metrics.MaskAP(result.categories).update(result, result.to_coco())
    metrics.MeanIoU(19).update(label_map, label_map)
    assert_type(metrics.pq_compute("gt.json", "pred.json"), dict[str, Any])
    assert_type(rle.decode(rle.encode(result.masks[0])), npt.NDArray[np.uint8])


def reading(file: Path) -> None:
    assert_type(checkpoints.load(file), dict[str, Any])
    assert_type(checkpoints.open(file).infos["a"].shape, tuple[int, ...])
    assert_type(datasets.check(file).ok, bool)
    assert_type(kmax.train(file, "run", steps=10, event=print), Path)
    assert_type(kmax.convert(file, "model").mapped, int)


def failing(error: kmax.Error) -> None:
    assert_type(error.kind, str)
