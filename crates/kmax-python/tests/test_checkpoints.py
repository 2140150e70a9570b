"""Foreign checkpoints as arrays."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

import kmax_deeplab as kmax
from kmax_deeplab import checkpoints

BUNDLE = ROOT / "crates" / "kmax-checkpoints" / "tests" / "data" / "bundle"


def _pickle(folder: Path, arrays: dict[str, np.ndarray]) -> Path:
    """As detectron2 publishes backbones."""
    file = folder / "R-50.pkl"
    file.write_bytes(pickle.dumps({"model": arrays, "__author__": "somebody"}, protocol=4))
    return file


def test_a_pickle_of_arrays(tmp_path: Path) -> None:
    draw = np.random.default_rng(3)
    arrays = {
        "stem.conv1.weight": draw.normal(size=(8, 3, 7, 7)).astype(np.float32),
        "half": draw.normal(size=5).astype(np.float16),
        "double": draw.normal(size=(2, 2)),
        "counter": np.array(7, dtype=np.int64),
        "flags": np.array([True, False]),
        "turned": np.asfortranarray(draw.normal(size=(4, 5)).astype(np.float32)),
        "big": draw.normal(size=3).astype(">f4"),
        "none": np.zeros((0, 4), dtype=np.float32),
    }
    loaded = checkpoints.load(_pickle(tmp_path, arrays))
    assert set(loaded) == set(arrays)
    for name, array in arrays.items():
        assert loaded[name].shape == array.shape and np.array_equal(loaded[name], array), name
        assert loaded[name].dtype == array.dtype.newbyteorder("<"), name
        assert loaded[name].flags.writeable


def test_a_tensorflow_bundle() -> None:
    checkpoint = checkpoints.open(BUNDLE)
    assert "TensorFlow" in checkpoint.format and len(checkpoint.files) >= 2
    name = "x0/kernel/.ATTRIBUTES/VARIABLE_VALUE"
    assert checkpoint.infos[name] == ("f32", (4, 8))
    assert checkpoint[name].shape == (4, 8) and checkpoint[name].dtype == np.float32
    whole = checkpoint.read_all()
    assert list(whole) == list(checkpoint) and len(whole) == len(checkpoint)
    assert np.array_equal(whole[name], checkpoint[name])
    assert len(pickle.loads(pickle.dumps(checkpoint))) == len(checkpoint)


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="none.pth"):
        checkpoints.load(tmp_path / "none.pth")
    (tmp_path / "text.pth").write_text("not a checkpoint")
    with pytest.raises(kmax.Error, match="text.pth"):
        checkpoints.load(tmp_path / "text.pth")
    file = _pickle(tmp_path, {"a": np.zeros(2, dtype=np.float32)})
    with pytest.raises(KeyError, match="b"):
        checkpoints.open(file)["b"]
    assert "b" not in checkpoints.open(file) and checkpoints.open(file).get("b") is None
    with pytest.raises(kmax.errors.NotFoundError, match="ema"):
        checkpoints.open(file, weights="ema")


def test_nothing_in_a_pickle_is_executed(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple:
            return (Path.touch, (tmp_path / "touched",))

    (tmp_path / "hostile.pkl").write_bytes(pickle.dumps(Hostile()))
    with pytest.raises(kmax.Error):
        checkpoints.load(tmp_path / "hostile.pkl")
    assert not (tmp_path / "touched").exists()
