"""Opening models, and every form of an image."""

from __future__ import annotations

import io
import pickle
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kmax_deeplab as kmax
from kmax_deeplab import errors


def test_every_form_of_an_image_gives_the_same(
    segmenter: kmax.Segmenter, result: kmax.Result, photo: Path, tmp_path: Path
) -> None:
    pillow = Image.open(photo)
    array = np.asarray(pillow.convert("RGB"))
    strided = np.repeat(array, 2, axis=1)[:, ::2]
    mirrored = np.ascontiguousarray(array[:, ::-1])[:, ::-1]
    forms = [str(photo), photo.read_bytes(), bytearray(photo.read_bytes()), pillow, array]
    forms += [strided, mirrored, np.asfortranarray(array)]
    assert not strided.flags.c_contiguous
    for form in forms:
        other = segmenter.segment(form)
        assert np.array_equal(other.map, result.map) and other.segments == result.segments
        assert np.array_equal(other.image, array)


def test_pillow_and_files_are_turned_alike(segmenter: kmax.Segmenter, photo: Path) -> None:
    image = Image.open(photo).convert("RGB").resize((96, 64))
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    image.save(file, "PNG", exif=exif)
    of_file = segmenter.segment(file.getvalue())
    of_pillow = segmenter.segment(Image.open(io.BytesIO(file.getvalue())))
    assert of_file.size == of_pillow.size == (96, 64)
    assert np.array_equal(of_file.image, of_pillow.image)


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA", "CMYK"])
def test_pillow_in_other_modes(segmenter: kmax.Segmenter, photo: Path, mode: str) -> None:
    image = Image.open(photo).convert("RGB").resize((64, 64)).convert(mode)
    found = segmenter.segment(image)
    assert found.image.shape == (64, 64, 3)
    if mode in ("L", "RGBA", "LA", "P"):
        file = io.BytesIO()
        image.save(file, "PNG")
        assert np.array_equal(found.image, segmenter.segment(file.getvalue()).image)


def test_transparent_pixels_are_white(segmenter: kmax.Segmenter) -> None:
    assert (segmenter.segment(Image.new("RGBA", (40, 40), (9, 9, 9, 0))).image == 255).all()


def test_lists_and_generators(segmenter: kmax.Segmenter, photo: Path) -> None:
    small = np.asarray(Image.open(photo).convert("RGB").resize((80, 60)))
    heard: list[tuple[int, int]] = []
    results = segmenter.segment([small, small[::-1], small], progress=lambda *counts: heard.append(counts))
    assert [len(results), *heard] == [3, (0, 3), (1, 3), (2, 3), (3, 3)]
    assert np.array_equal(results[0].map, results[2].map)
    assert len(segmenter.segment(small for _ in range(2))) == 2
    assert segmenter.segment([]) == []
    assert len(segmenter.segment((small,), progress=True)) == 1


def test_what_is_no_image_is_refused(segmenter: kmax.Segmenter, tmp_path: Path) -> None:
    grey = np.zeros((8, 8), dtype=np.uint8)
    for image, error, words in [
        (grey, errors.InvalidArgumentError, "grey one"),
        (np.zeros((8, 8, 3)), errors.InvalidArgumentError, "astype"),
        (np.zeros((8, 8, 4), dtype=np.uint8), errors.InvalidArgumentError, "alpha"),
        (np.zeros((3, 8, 8), dtype=np.uint8), errors.InvalidArgumentError, "transpose"),
        (np.zeros((2, 8, 8, 3), dtype=np.uint8), errors.InvalidArgumentError, "list"),
        (np.zeros((0, 8, 3), dtype=np.uint8), errors.InvalidArgumentError, "0 pixels|8 x 0"),
        (None, errors.InvalidArgumentError, "NoneType"),
        (7, errors.InvalidArgumentError, "int"),
        ({"image": "photo.jpg"}, errors.InvalidArgumentError, "dict"),
        (np.broadcast_to(np.uint8(0), (30_000, 30_000, 3)), errors.UnsupportedError, "30000"),
        ([None], errors.InvalidArgumentError, "NoneType"),
        (Image.new("F", (8, 8)), errors.InvalidArgumentError, "'F'"),
        (tmp_path / "none.jpg", FileNotFoundError, "none.jpg"),
        (tmp_path, errors.Error, ""),
        (b"GIF89a", errors.DamagedError, ""),
        (b"", errors.Error, ""),
    ]:
        with pytest.raises(error, match=words or None):
            segmenter.segment(image)


def test_what_cannot_be_done_is_refused(tmp_path: Path) -> None:
    for arguments, error, words in [
        ({"precision": "float16"}, errors.UnsupportedError, "f16"),
        ({"precision": "float8"}, errors.InvalidArgumentError, "bfloat16"),
        ({"device": "cuda:4096"}, errors.UnsupportedError, "cuda:4096"),
        ({"device": "gpu"}, errors.InvalidArgumentError, "cuda:N"),
        ({"device": 0}, errors.InvalidArgumentError, "device"),
        ({"threads": 0}, errors.InvalidArgumentError, "threads"),
        ({"threads": 2.0}, errors.InvalidArgumentError, "threads"),
        ({"progress": "yes"}, errors.InvalidArgumentError, "progress"),
        ({"no_such_setting": 1}, errors.InvalidArgumentError, "class_threshold_thing"),
        ({"pixel_threshold": 2.0}, errors.InvalidArgumentError, "pixel_threshold"),
        ({"pixel_threshold": "much"}, errors.InvalidArgumentError, ""),
        ({"pixel_threshold": float("nan")}, errors.InvalidArgumentError, "JSON"),
        ({"pixel_threshold": object()}, errors.InvalidArgumentError, "object"),
        ({"threads": 100_000}, errors.InvalidArgumentError, "1024"),
        ({"model": "no-such-model"}, FileNotFoundError, "kmax-people"),
        ({"model": tmp_path}, errors.Error, ""),
        ({"model": 3}, errors.InvalidArgumentError, "int"),
    ]:
        with pytest.raises(error, match=words or None) as raised:
            kmax.Segmenter(**arguments)
        assert isinstance(raised.value, kmax.Error), arguments


def test_precision_is_what_it_became(segmenter: kmax.Segmenter, photo: Path) -> None:
    assert segmenter.precision == "float32"
    automatic = kmax.Segmenter(precision="auto")
    assert automatic.precision in ("float32", "bfloat16")
    assert pickle.loads(pickle.dumps(automatic)).precision == automatic.precision
    rounded = kmax.Segmenter(precision="int8")
    assert rounded.precision == "int8"
    # By falling score: the surest is the same, a little more or less sure.
    surest, other = (one.segment(photo).segments[0] for one in (segmenter, rounded))
    assert surest.label == other.label and 0 < abs(surest.score - other.score) < 0.1


def test_settings_change_the_result(photo: Path, result: kmax.Result) -> None:
    strict = kmax.Segmenter(class_threshold_thing=np.float32(1), class_threshold_stuff=1.0)
    assert strict.settings["class_threshold_thing"] == 1.0
    found = strict.segment(photo)
    assert len(found) == 0 and bool(found) and found.masks.shape == (0, *found.size)
    assert found.to_coco() == [] and found.boxes.shape == (0, 4)


def test_semantic_gives_each_pixel_a_class(segmenter: kmax.Segmenter, result: kmax.Result) -> None:
    classes = segmenter.semantic(result.image)
    assert classes.shape == result.size
    assert set(np.unique(classes)) <= {category.id for category in segmenter.categories}


def test_segmenters_and_results_are_pickled(segmenter: kmax.Segmenter, result: kmax.Result) -> None:
    again = pickle.loads(pickle.dumps(segmenter))
    assert repr(again) == repr(segmenter) and again.settings == segmenter.settings
    assert again.device == segmenter.device == "cpu"
    other = pickle.loads(pickle.dumps(result))
    assert np.array_equal(other.map, result.map) and other.segments == result.segments


def test_threads_share_a_segmenter(segmenter: kmax.Segmenter, result: kmax.Result) -> None:
    found: list[kmax.Result] = []
    threads = [threading.Thread(target=lambda: found.append(segmenter.segment(result.image))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and all(np.array_equal(other.map, result.map) for other in found)


def test_a_subclass_is_a_segmenter(result: kmax.Result) -> None:
    class Ours(kmax.Segmenter):
        def __init__(self) -> None:
            super().__init__("kmax-people", threads=1)

    assert np.array_equal(Ours().segment(result.image).map, result.map)


def test_large_images_are_cut(photo: Path) -> None:
    array = np.asarray(Image.open(photo).convert("RGB"))
    whole, tiled = kmax.Segmenter(tiles=4096), kmax.Segmenter(tiles=(200, 40))
    assert np.array_equal(whole.segment(array).map, kmax.Segmenter().segment(array).map)
    # Far from every border a tile is what it is alone.
    corner = kmax.Segmenter().semantic(np.ascontiguousarray(array[:200, :200]))
    assert np.array_equal(tiled.semantic(array)[:100, :100], corner[:100, :100])
    assert np.array_equal(pickle.loads(pickle.dumps(tiled)).semantic(array), tiled.semantic(array))
    found = tiled.segment(array)
    assert sorted(segment.id for segment in found.segments) == np.unique(found.map[found.map > 0]).tolist()
    for wrong in (0, -1, 8, (256, 200), (256,), "256", 2.5, True, (None, 3)):
        with pytest.raises(errors.InvalidArgumentError, match="tile"):
            kmax.Segmenter(tiles=wrong)  # type: ignore[arg-type]
