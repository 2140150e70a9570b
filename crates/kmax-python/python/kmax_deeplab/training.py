"""Training a model on your own photos and labels."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Optional, Union

from . import _native
from ._listen import Listener, Progress
from .errors import InvalidArgumentError

__all__ = ["train"]

_Place = Union[str, "os.PathLike[str]"]


def train(
    data: Optional[_Place] = None,
    output: Optional[_Place] = None,
    *,
    config: Optional[_Place] = None,
    model: Optional[_Place] = None,
    size: Optional[int] = None,
    epochs: Optional[float] = None,
    steps: Optional[int] = None,
    batch: Optional[int] = None,
    accumulate: Optional[int] = None,
    learning_rate: Optional[float] = None,
    recipe: str = "small",
    queries: Optional[int] = None,
    form: Optional[str] = None,
    classes: Optional[_Place] = None,
    photos: Optional[_Place] = None,
    things: Optional[Iterable[str]] = None,
    seed: int = 1,
    fresh: bool = False,
    progress: Progress | bool | None = None,
    event: Optional[Callable[[dict[str, Any]], object]] = None,
) -> Path:
    """Trains a model; gives its folder, which :class:`Segmenter` opens.

    A run that was stopped, by Ctrl-C or otherwise, goes on from its newest checkpoint when the same call is made again. What is not
    said is decided by stated rules and written, with comments, into ``output/train.toml`` (docs/TRAINING.md).

    Args:
        data: The dataset, in any form that annotation tools write: COCO, YOLO, labelme, CVAT, Label Studio, Pascal VOC, PNGs...
        output: The run's folder: checkpoints, ``report.html``, and the trained model.
        config: Instead of all others but ``fresh``: a whole configuration (TOML).
        model: The model to start from, as :class:`Segmenter` takes it, or a ``config.json``; ``kmax-people`` if not given.
        size: The longer edge of crops and of the model's input, ``32 k + 1`` pixels.
        epochs: How often each photo is seen.
        steps: Instead of epochs: optimizer steps in all.
        batch: Photos a step.
        accumulate: Parts that a batch is computed in, one after the other: less memory.
        learning_rate: The learning rate after the warm-up.
        recipe: Whose augmentation and optimizer: ``"small"`` (ours), ``"pytorch"`` or ``"deeplab2"``.
        queries: The most segments that the network finds in an image.
        form: The form of the data, where it could be several (docs/FORMS.md).
        classes: A file with the list of classes, for labels that do not name theirs.
        photos: The folder of photos, where it is none of the usual places.
        things: The classes that are things, by name or id, where the data do not say.
        seed: Of all that is random.
        fresh: Begins anew although ``output`` holds a run, which is set aside.
        progress: Called with steps done and steps in all; True shows a bar of tqdm, if that is installed.
        event: Called with a dictionary for each ``event``: ``"step"`` (with ``loss``, ``terms``, ``learning_rate``), ``"evaluated"``
            (``pq``, ``sq``, ``rq``, ``miou``), ``"evaluating"`` (``done``, ``total``) and ``"saved"`` (``file``).

    Raises:
        KeyboardInterrupt: Ctrl-C; a checkpoint is written first.
        IncompatibleError: Data or a setting that cannot work.
        InvalidArgumentError: Other settings than those that the run in ``output`` was begun with.
        DivergedError: The loss is no longer a number.
    """
    if epochs is not None and steps is not None:
        raise InvalidArgumentError("epochs and steps are two ways to say the same: give one")
    if (config is None) == (data is None and output is None):
        raise InvalidArgumentError("expected data and output, or config alone")
    asked = {
        "data": _path(data),
        "output": _path(output),
        "config": _path(config),
        "model": _path(model),
        "size": size,
        "epochs": None if epochs is None else float(epochs),
        "steps": steps,
        "batch": batch,
        "accumulate": accumulate,
        "learning_rate": learning_rate,
        "recipe": recipe,
        "queries": queries,
        "form": form,
        "classes": _path(classes),
        "photos": _path(photos),
        "things": None if things is None else [str(thing) for thing in things],
        "seed": seed,
        "fresh": fresh,
    }
    with Listener(progress, "train", unit="step", event=event) as listener:
        return Path(_native.train(json.dumps(asked), listener))


def _path(path: Optional[_Place]) -> Optional[str]:
    return None if path is None else os.fspath(path)
