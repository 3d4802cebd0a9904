"""Puts the classes of a data set into the order that a recipe says."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from aet_keras import data
from aet_keras._wording import listed
from aet_keras.data.splits import SPLITS
from aet_keras.errors import DataError

NUMBERS = "numbers"


def in_order(recipe: Any, dataset: data.Dataset) -> data.Dataset:
    """Returns a data set whose classes have an order, if a recipe says so.

    A head is trained as before, by cross-entropy: no loss that knows the order
    was better in `tests/benchmarks/ordinal.py`. The report says how far off
    the classes are.

    Args:
        recipe: of images, texts or tables.
        dataset: what it reads.

    Raises:
        DataError: if there are no classes, or fewer than three, or others
            than the order names.
    """
    wanted = getattr(recipe, "class_order", None)
    if wanted is None:
        return dataset
    specification = dataset.specification
    names = specification.class_names
    if specification.target_kind != "classes" or len(names) < 3:
        raise DataError(
            f"{recipe.owner}: `class_order` must go with at least three "
            "classes, because two have no order to be far off in. Received: "
            f"{_said(specification)}. Leave it out."
        )
    order = _by_value(recipe, names) if tuple(wanted) == (NUMBERS,) else wanted
    if sorted(order) != sorted(names):
        raise DataError(
            f"{recipe.owner}: `class_order` must name each class once, the "
            f"lowest first. Received: {listed(order, 10)}, where the classes "
            f"are {listed(names, 10)}. Name these, or `{NUMBERS}` where all "
            "are numbers."
        )
    is_held = recipe.kind == "table" and recipe.from_ is not None
    if is_held and list(order) != [*names]:
        raise DataError(
            f"{recipe.owner}: `class_order` must be that of the earlier model, "
            f"because its head stays. Received: {listed(order, 10)}, where it "
            f"has {listed(names, 10)}. Leave it out, or train anew."
        )
    place = np.array([list(order).index(name) for name in names])
    splits = {name: _placed(getattr(dataset, name), place) for name in SPLITS}
    ordered = dataclasses.replace(
        specification, class_names=tuple(order), is_ordered=True
    )
    note = f"The classes have an order: {' < '.join(order)}."
    return dataclasses.replace(
        dataset,
        **splits,
        specification=ordered,
        notes=(*dataset.notes, note),
    )


def is_in_order(recipe: Any, names: Sequence[str]) -> bool:
    """Returns whether classes stand in the order that a recipe says.

    A class that a model learned later has no place in it, unless the order is
    that of numbers and it is the highest.

    Example:

    >>> from types import SimpleNamespace
    >>> from aet_keras.training.class_order import is_in_order
    >>> recipe = SimpleNamespace(class_order=("bad", "fair", "good"))
    >>> is_in_order(recipe, ["bad", "fair", "good"])
    True
    >>> is_in_order(recipe, ["bad", "fair", "good", "broken"])
    False
    """
    wanted = getattr(recipe, "class_order", None)
    if wanted is None:
        return False
    if tuple(wanted) != (NUMBERS,):
        return list(wanted) == list(names)
    try:
        return sorted(names, key=float) == list(names)
    except ValueError:
        return False


def _placed(split, place):
    labels = place[split.labels].astype(split.labels.dtype)
    return dataclasses.replace(split, labels=labels)


def _by_value(recipe, names):
    try:
        return sorted(names, key=float)
    except ValueError as error:
        raise DataError(
            f"{recipe.owner}: `class_order` must name the classes, because "
            f"they are not all numbers. Received: {NUMBERS!r} for "
            f"{listed(names, 10)}. Name them, the lowest first: a,b,c."
        ) from error


def _said(specification):
    if specification.target_kind != "classes":
        return f"a target of kind {specification.target_kind!r}"
    return f"{len(specification.class_names)} classes"
