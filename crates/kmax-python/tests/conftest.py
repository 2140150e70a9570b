"""What many tests need."""

from __future__ import annotations

from pathlib import Path

import pytest

import kmax_deeplab as kmax

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def photo() -> Path:
    """A photo of a person."""
    return ROOT / "docs" / "images" / "astronaut.png"


@pytest.fixture(scope="session")
def segmenter() -> kmax.Segmenter:
    """The built-in model."""
    return kmax.Segmenter("kmax-people", threads=2)


@pytest.fixture(scope="session")
def result(segmenter: kmax.Segmenter, photo: Path) -> kmax.Result:
    """What it finds in the photo."""
    return segmenter.segment(photo)
