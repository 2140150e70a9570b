"""Panoptic quality against panopticapi, on the same arrays and files."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from generated import CATEGORIES, HEIGHT, WIDTH, panoptic
from panopticapi import evaluation
from panopticapi.utils import id2rgb
from PIL import Image

import kmax_deeplab as kmax
from kmax_deeplab import metrics

IMAGES = 1000


@pytest.fixture(scope="module")
def images() -> list:
    return [panoptic(seed) for seed in range(IMAGES)]


@pytest.fixture(scope="module")
def files(images: list, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("panoptic")
    for side, name in enumerate(("gt", "pred")):
        (folder / name).mkdir()
        annotations = []
        for number, image in enumerate(images):
            label_map, infos = image[side]
            file = f"{number:04}.png"
            Image.fromarray(id2rgb(label_map)).save(folder / name / file)
            annotations.append({"image_id": number, "file_name": file, "segments_info": infos})
        rows = [{"id": number, "file_name": f"{number:04}.jpg", "height": HEIGHT, "width": WIDTH} for number in range(len(images))]
        whole = {"images": rows, "annotations": annotations, "categories": CATEGORIES}
        (folder / f"{name}.json").write_text(json.dumps(whole))
    return folder / "gt.json", folder / "pred.json"


@pytest.fixture(scope="module")
def official(files: tuple[Path, Path]) -> dict:
    return evaluation.pq_compute(str(files[0]), str(files[1]))


def _same(ours: dict, theirs: dict) -> None:
    for group in ("All", "Things", "Stuff"):
        assert ours[group]["n"] == theirs[group]["n"]
        for key in ("pq", "sq", "rq"):
            assert math.isclose(ours[group][key], theirs[group][key], rel_tol=1e-12, abs_tol=1e-15), (group, key)
    for id, row in theirs["per_class"].items():
        for key in ("pq", "sq", "rq"):
            own = ours["per_class"].get(id, ours["per_class"].get(str(id)))
            assert math.isclose(own[key], row[key], rel_tol=1e-12, abs_tol=1e-15), (id, key)


def test_arrays_give_what_panopticapi_gives(images: list, official: dict) -> None:
    quality = metrics.PanopticQuality(CATEGORIES)
    for number, (truth, found) in enumerate(images):
        quality.update(found, truth, number)
    assert len(quality) == IMAGES
    _same(quality.compute(), official)


def test_files_give_what_panopticapi_gives(files: tuple[Path, Path], official: dict, capsys: pytest.CaptureFixture) -> None:
    _same(metrics.evaluate_panoptic(*files), official)
    capsys.readouterr()
    ours = metrics.pq_compute(str(files[0]), str(files[1]))
    assert set(ours) == set(official)
    assert {id: set(row) for id, row in ours["per_class"].items()} == {
        id: set(row) for id, row in official["per_class"].items()
    }
    _same(ours, official)
    printed = capsys.readouterr().out
    evaluation.pq_compute(str(files[0]), str(files[1]))
    rows = [line for line in capsys.readouterr().out.splitlines() if "|" in line]
    assert len(rows) == 4 and all(row in printed.splitlines() for row in rows), printed


def test_parts_join_to_the_whole_in_any_order(images: list) -> None:
    whole = metrics.PanopticQuality(CATEGORIES)
    parts = [metrics.PanopticQuality(CATEGORIES) for _ in range(3)]
    for number, (truth, found) in enumerate(images[:90]):
        whole.update(found, truth, number)
        parts[number % 3].update(found, truth, number)
    joined = parts[2].merge(parts[0]).merge(parts[1])
    assert joined.compute() == whole.compute()
    with pytest.raises(kmax.errors.InvalidArgumentError, match="image 1 was added before"):
        joined.merge(parts[1])
    joined.reset()
    assert len(joined) == 0


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.uint64, np.int64])
def test_maps_of_any_type_and_layout(dtype: type) -> None:
    label_map = np.array([[0, 1, 1], [2, 2, 1]], dtype=dtype)
    infos = [{"id": 1, "category_id": 10}, {"id": 2, "category_id": 50}]
    for given in (label_map, np.asfortranarray(label_map), np.repeat(label_map, 2, axis=1)[:, ::2], label_map[::-1][::-1]):
        quality = metrics.PanopticQuality(CATEGORIES)
        quality.update((given, infos), (label_map, infos))
        assert quality.compute()["All"] == {"pq": 1.0, "sq": 1.0, "rq": 1.0, "n": 2}


def test_the_pixels_of_a_png_are_a_map() -> None:
    label_map = np.array([[0, 7919 * 40], [300, 300]], dtype=np.uint32)
    infos = [{"id": 7919 * 40, "category_id": 10}, {"id": 300, "category_id": 50}]
    quality = metrics.PanopticQuality(CATEGORIES)
    quality.update((id2rgb(label_map), infos), (label_map, infos))
    assert quality.compute()["All"]["pq"] == 1.0


def test_what_is_wrong_is_said() -> None:
    quality = metrics.PanopticQuality(CATEGORIES)
    good = np.ones((2, 3), dtype=np.int32), [{"id": 1, "category_id": 10}]
    for pred, error, words in [
        ((np.ones((3, 2), dtype=np.int32), good[1]), kmax.errors.Error, "3"),
        ((good[0], [{"id": 1, "category_id": 11}]), kmax.errors.DamagedError, "11"),
        ((good[0], []), kmax.errors.DamagedError, "segment 1"),
        ((good[0].astype(float), good[1]), kmax.errors.InvalidArgumentError, "float64"),
        ((-good[0], good[1]), kmax.errors.InvalidArgumentError, "-1"),
        (good[0], kmax.errors.InvalidArgumentError, "segments_info"),
        (None, kmax.errors.InvalidArgumentError, "segments_info"),
        ((good[0], [{"id": 1, "category_id": 10, "area": 0.5}]), kmax.errors.InvalidArgumentError, "0.5"),
        ((good[0], [{"category_id": 10}]), KeyError, "id"),
        ((good[0], [{"id": "1", "category_id": 10}]), TypeError, "id"),
    ]:
        with pytest.raises(error, match=words):
            quality.update(pred, good)
    assert len(quality) == 0
    with pytest.raises(kmax.errors.InvalidArgumentError, match="voc"):
        metrics.PanopticQuality("voc")


def test_results_can_be_measured(result: kmax.Result) -> None:
    quality = metrics.PanopticQuality(result.categories)
    quality.update(result, result.panoptic)
    assert quality.compute()["All"]["pq"] == 1.0
    assert "PQ" in quality.table()
