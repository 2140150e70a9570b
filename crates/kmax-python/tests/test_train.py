"""Training, conversion and checks, on a few small pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from panopticapi.utils import id2rgb
from PIL import Image

import kmax_deeplab as kmax

CATEGORIES = [{"id": 1, "name": "ground", "isthing": 0, "color": [0, 0, 0]}, {"id": 2, "name": "box", "isthing": 1, "color": [255, 0, 0]}]


@pytest.fixture()
def data(tmp_path: Path) -> Path:
    """Bright boxes on dark ground, in COCO's panoptic form."""
    folder = tmp_path / "data"
    (folder / "photos").mkdir(parents=True)
    (folder / "panoptic").mkdir()
    draw = np.random.default_rng(0)
    images, annotations = [], []
    for number in range(8):
        label_map = np.ones((48, 64), dtype=np.uint32)
        label_map[8:30, 5 + 4 * number : 30 + 4 * number] = 2
        photo = (40 + 150 * (label_map == 2))[..., None] + draw.integers(0, 40, (48, 64, 3))
        Image.fromarray(photo.astype(np.uint8)).save(folder / "photos" / f"{number}.png")
        Image.fromarray(id2rgb(label_map)).save(folder / "panoptic" / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png", "width": 64, "height": 48})
        infos = [{"id": i, "category_id": i, "iscrowd": 0, "area": int((label_map == i).sum()), "bbox": [0, 0, 1, 1]} for i in (1, 2)]
        annotations.append({"image_id": number, "file_name": f"{number}.png", "segments_info": infos})
    (folder / "panoptic.json").write_text(json.dumps({"images": images, "annotations": annotations, "categories": CATEGORIES}))
    return folder


def test_a_run_is_stopped_and_goes_on(data: Path, tmp_path: Path) -> None:
    said = {"size": 33, "steps": 24, "batch": 2, "photos": data / "photos"}
    run = tmp_path / "run"

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kmax.train(data / "panoptic.json", run, **said, progress=stop)
    events: list[dict] = []
    steps: list[tuple[int, int]] = []
    model = kmax.train(
        data / "panoptic.json", run, **said, progress=lambda *counts: steps.append(counts), event=events.append
    )
    assert steps[-1] == (24, 24) and len(steps) < 24
    losses = [event["loss"] for event in events if event["event"] == "step"]
    assert losses and all(np.isfinite(losses))
    assert {"step", "saved"} <= {event["event"] for event in events}
    trained = kmax.Segmenter(model)
    assert {category.name for category in trained.categories} == {"ground", "box"}
    assert trained.segment(data / "photos" / "0.png").size == (48, 64)
    with pytest.raises(kmax.errors.InvalidArgumentError, match="other settings"):
        kmax.train(data / "panoptic.json", run, **{**said, "steps": 25})


def test_what_cannot_be_trained_is_refused(data: Path, tmp_path: Path) -> None:
    for arguments, words in [
        ({}, "expected data"),
        ({"data": data}, "output"),
        ({"data": data, "output": tmp_path / "r", "steps": 2, "epochs": 3}, "give one"),
        ({"data": data, "output": tmp_path / "r", "recipe": "best"}, "recipe"),
        ({"data": tmp_path / "none", "output": tmp_path / "r"}, "none"),
        ({"data": data / "panoptic.json", "photos": data / "photos", "output": tmp_path / "r", "size": 40}, "32 k"),
        ({"config": tmp_path / "none.toml"}, "none.toml"),
    ]:
        with pytest.raises(kmax.Error, match=words):
            kmax.train(**arguments)
    assert not (tmp_path / "r" / "train.toml").exists()


def test_datasets_are_checked(data: Path) -> None:
    report = kmax.datasets.check(data / "panoptic.json", photos=data / "photos")
    assert report.ok and report.images == 8, report.findings
    Image.new("RGB", (10, 10)).save(data / "panoptic" / "3.png")
    report = kmax.datasets.check(data / "panoptic.json", photos=data / "photos")
    assert not report.ok and any("3.png" in finding.file for finding in report.findings)
    with pytest.raises(kmax.Error):
        kmax.datasets.check(data / "nothing.json")
    assert [len(kmax.datasets.categories(name)) for name in ("coco", "cityscapes", "ade20k")] == [133, 19, 150]


def test_what_is_no_checkpoint_is_not_converted(tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_bytes(b"nothing")
    with pytest.raises(kmax.Error, match="a.pth"):
        kmax.convert(tmp_path / "a.pth", tmp_path / "model")
    with pytest.raises(kmax.errors.InvalidArgumentError, match="float64"):
        kmax.convert(tmp_path / "a.pth", tmp_path / "model", dtype="float64")
    assert not (tmp_path / "model").exists()
