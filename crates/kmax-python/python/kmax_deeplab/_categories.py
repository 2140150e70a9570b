"""Classes as users name them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Union, cast

from . import _native
from .errors import InvalidArgumentError
from .result import Category, category

if TYPE_CHECKING:
    Classes = Union[str, Iterable[Category], Iterable[Mapping[str, Any]]]

__all__ = ["categories", "categories_json"]


def categories(name: str) -> tuple[Category, ...]:
    """The classes of a dataset: ``"coco"`` (133), ``"cityscapes"`` (19) or ``"ade20k"`` (150)."""
    return tuple(map(category, json.loads(_native.categories(name))))


def categories_json(classes: Classes | int) -> str:
    """A dataset's name, a list of categories, or a number of classes that have no names, as the native side reads them."""
    if isinstance(classes, str):
        return _native.categories(classes)
    if isinstance(classes, int) and not isinstance(classes, bool):
        if not 0 < classes <= 65_535:
            raise InvalidArgumentError(f"a number of classes is 1 to 65535, not {classes}")
        return json.dumps([{"id": index, "name": str(index), "isthing": 0} for index in range(classes)])
    if not isinstance(classes, Iterable):
        raise InvalidArgumentError(f"categories: expected a dataset's name or a list, not {type(classes).__name__}")
    return json.dumps([_row(row) for row in classes])


def _row(row: object) -> dict[str, Any]:
    if isinstance(row, Category):
        return {**row._asdict(), "isthing": int(row.isthing)}
    if isinstance(row, Mapping):
        entry = dict(cast("Mapping[str, Any]", row))
        if "isthing" in entry:
            entry["isthing"] = int(entry["isthing"])
        return entry
    raise InvalidArgumentError(f"categories: expected dictionaries as in COCO's files, not {type(row).__name__}")
