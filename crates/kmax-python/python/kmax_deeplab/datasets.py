"""Datasets on disk: their classes, and what is wrong with them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import NamedTuple, Optional

from . import _native
from ._categories import categories
from ._listen import Listener, Progress

__all__ = ["Finding", "Report", "categories", "check"]


class Finding(NamedTuple):
    """A mistake."""

    kind: str
    """``missing-file``, ``damaged``, ``size``, ``turned``, ``unlabelled``, ``label``, ``classes``, ``id``, ``png-only``, ``json-only``,
    ``area`` or ``mask``."""
    file: str
    problem: str
    """What is wrong, with the entry concerned."""


class Report(NamedTuple):
    """What a check found."""

    findings: list[Finding]
    images: int
    """Labelled images that were looked at."""
    photos: int
    """Photos that were read."""

    @property
    def ok(self) -> bool:
        """Whether there is no mistake."""
        return not self.findings


def check(
    path: str | os.PathLike[str],
    *,
    photos: Optional[str | os.PathLike[str]] = None,
    things: Optional[Iterable[str]] = None,
    progress: Progress | bool | None = None,
) -> Report:
    """Looks for what breaks training later: in a folder, at splits of Cityscapes, every json with a folder of PNGs under its name, and
    ``instances*.json``; or at a single json.

    Args:
        path: The dataset's folder, or a json.
        photos: The folder of photos, where it is none of the usual places.
        things: The classes that are things, by name or id, where a json has no ``isthing``.
        progress: Called with images done and images in all; True shows a bar of tqdm, if that is installed.
    """
    named = None if things is None else [str(thing) for thing in things]
    folder = None if photos is None else os.fspath(photos)
    with Listener(progress, "check", unit="image") as listener:
        found = json.loads(_native.check(os.fspath(path), folder, named, listener))
    findings = [Finding(row["kind"], row["file"], row["problem"]) for row in found["findings"]]
    return Report(findings, found["images"], found["photos"])
