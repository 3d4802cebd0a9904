"""Reads the rows that a published model has learned from."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from aet_keras import _check as check
from aet_keras import data
from aet_keras._keras import reading
from aet_keras._wording import listed
from aet_keras.data.splits import SPLITS
from aet_keras.data.streamed_images import StreamedImages
from aet_keras.drift.model_outputs import read_outputs
from aet_keras.drift.reference import VALIDATION_ROWS
from aet_keras.errors import AetError, DataError
from aet_keras.export.item_model import read_item_manifest
from aet_keras.recipes.base_recipe import BaseRecipe
from aet_keras.recipes.kinds import load_recipe
from aet_keras.training.class_order import is_in_order
from aet_keras.training.job import Job
from aet_keras.training.run import job_of
from aet_keras.training.version_reference import (
    other_data,
    why_other_data,
    why_other_labels,
)

OF_DOUBT = (
    "It is not known whether the model was trained on the old rows that judge "
    "it. Of such rows more seems forgotten than is."
)
_OWNER = "adapt"
_MOST_LEARNED = 2000  # an adaptation sees a few hundred of them
# Of images that are streamed, which are asked several times: an accuracy of
# so many is within 1 % of that of all.
_MOST_STREAMED = 4000
Pair = tuple[Any, np.ndarray]


@dataclasses.dataclass(frozen=True, eq=False)
class OldRows:
    """Holds old rows: some to learn again, and some to judge by.

    Args:
        job: `Job` of the kind of data.
        recipe: the recipe that reads them.
        dataset: `aet_keras.data.Dataset`, its labels the model's numbers.
        doubt: str. What speaks against that the rows to judge by are the
            validation rows of the version; empty if they are. If it was
            trained on them, more seems to be forgotten than is.
    """

    job: Job
    recipe: BaseRecipe
    dataset: data.Dataset
    doubt: str = ""

    def with_answers(
        self, class_names: Sequence[str], thresholds: Sequence[float] = ()
    ) -> "OldRows":
        """Returns them for a model of more classes, or other thresholds."""
        specification = dataclasses.replace(
            self.dataset.specification,
            class_names=tuple(class_names),
            is_ordered=is_in_order(self.recipe, class_names),
            thresholds=tuple(thresholds),
        )
        dataset = dataclasses.replace(self.dataset, specification=specification)
        return dataclasses.replace(self, dataset=dataset)

    @functools.cached_property
    def learned(self) -> Pair:
        """Rows and labels that may be learned from, at most 2,000."""
        x, y = self._rows(self.dataset.train)
        return _spread(x, y, _MOST_LEARNED)

    @functools.cached_property
    def held(self) -> Pair:
        """Rows and labels to judge by; see `doubt`.

        They are all, or at most 4,000 images of those that are streamed. Of
        a number they are test rows: the head has learned the others.
        """
        is_number = self.dataset.specification.target_kind == "number"
        split = self.dataset.test if is_number else self.dataset.validation
        x, y = self._rows(split)
        if isinstance(x, StreamedImages):
            return _spread(x, y, _MOST_STREAMED)
        return x, y

    def _rows(self, split):
        assert self.job.rows is not None  # ratings are refused before
        return self.job.rows(split)


def _spread(x, y, most):
    """Returns at most so many rows, evenly spread."""
    some = slice(None, None, max(1, -(-len(y) // most)))
    return reading.take(x, some), y[some]


def read_own_rows(
    version: Path, model: keras.Model, class_names: Sequence[str]
) -> OldRows:
    """Reads the data of a version's own recipe, and proves that they are.

    The proof is the validation rows, whose classes and accuracy its report
    holds.

    Args:
        version: path of the version.
        model: its model, as it was published.
        class_names: sequence of str. The classes it knows, in their order.

    Returns:
        `OldRows`.

    Raises:
        DataError: if the data are not there any more.
        ExportError: if they are other ones now.

    Example: see `read_other_rows`.

    >>> from aet_keras.training import old_rows
    >>> old_rows.read_own_rows.__name__
    'read_own_rows'
    """
    recipe = load_recipe(version / "recipe.json")
    job = job_of(recipe)
    dataset = _numbered(job.read(_sized(recipe, model)), class_names)
    rows = OldRows(job, recipe, dataset)
    why = _why_others(version, model, rows)
    if why:
        raise other_data(version, why)
    return rows


def read_other_rows(
    version: Path,
    model: keras.Model,
    class_names: Sequence[str],
    source: str,
) -> OldRows:
    """Reads old rows from data that a user names, as the recipe reads them.

    They may be others than the version was trained on. If they are not proved
    to be the same, `doubt` says why: it may have been trained on any of them.

    Args:
        version: path of the version.
        model: its model.
        class_names: sequence of str. The classes it knows, in their order.
        source: str. What `aet-keras fit` would read.

    Returns:
        `OldRows`.

    Raises:
        DataError: if they cannot be read, or have other classes.

    Example:

    >>> import pathlib
    >>> from aet_keras.training import old_rows
    >>> try:
    ...     old_rows.read_other_rows(pathlib.Path("nowhere"), None, (), "a")
    ... except OSError as error:
    ...     "recipe.json" in str(error)
    True
    """
    recipe = load_recipe(version / "recipe.json", {"data": source})
    if recipe.kind == "table":  # the columns of the version are wanted
        recipe = dataclasses.replace(recipe, from_=str(version))  # type: ignore[call-arg]
    job = job_of(recipe)
    dataset = job.read(_sized(recipe, model))
    _check_columns(version, recipe, dataset.specification)
    rows = OldRows(job, recipe, _numbered(dataset, class_names))
    try:
        doubt = _why_others(version, model, rows)
    except (AetError, OSError, ValueError):
        doubt = "no report of the version that can be read"
    return dataclasses.replace(rows, doubt=doubt)


def _why_others(version, model, rows):
    """Says why the rows to judge by are not validation rows of a version."""
    if rows.dataset.specification.target_kind != "classes":
        return why_other_labels(version, rows.dataset)
    if rows.recipe.kind == "item":
        held = rows.dataset.validation
        assert rows.job.predict is not None
        said = np.asarray(rows.job.predict(model, held))
        right = said.argmax(axis=1) == held.labels
    else:
        made = read_outputs(model, rows.held, most_rows=VALIDATION_ROWS)
        right = made.probabilities.argmax(axis=1) == made.labels
    return why_other_data(version, rows.dataset, right.mean(), len(right))


def _check_columns(version, recipe, found):
    """Raises if items have other columns than those that the model takes."""
    if recipe.kind != "item":
        return
    known = read_item_manifest(version)
    columns, given = (
        {(each.name, each.kind) for each in some.columns}
        for some in (known, found)
    )
    if columns == given:
        return
    odd = sorted(name for name, _ in columns ^ given)
    raise DataError(
        f"{_OWNER}: old items must have the columns that the model takes, of "
        "the same kinds, because it is judged by what it answers for them. "
        f"Received: other ones, {listed(odd)}. Name the data that the version "
        "was trained on."
    )


def _sized(recipe: BaseRecipe, model: keras.Model) -> BaseRecipe:
    """Has texts cut as the model takes them, whatever their lengths."""
    if recipe.kind not in ("text", "item") or "token_ids" not in model.input:
        return recipe
    length = model.input["token_ids"].shape[1]
    return dataclasses.replace(recipe, sequence_length=length)  # type: ignore[call-arg]


def _numbered(dataset, class_names):
    """Returns the data set with the model's numbers of the classes."""
    numbers = {name: i for i, name in enumerate(class_names)}
    unknown = [
        name
        for name in dataset.specification.class_names
        if name not in numbers
    ]
    if unknown:
        raise DataError(
            f"{_OWNER}: old data must have classes or tags that the model "
            "knows, because it is judged by what it answers for them. "
            "Received: "
            f"{check.shown(unknown[0])} and {len(unknown) - 1} more unknown "
            "ones. Name the data that the version was trained on."
        )
    order = [numbers[name] for name in dataset.specification.class_names]
    renumber = _RENUMBER[dataset.specification.target_kind]
    parts = {}
    for name in SPLITS:
        split = getattr(dataset, name)
        labels = renumber(split.labels, order, len(class_names))
        parts[name] = dataclasses.replace(split, labels=labels)
    specification = dataclasses.replace(
        dataset.specification, class_names=tuple(class_names)
    )
    return dataclasses.replace(dataset, **parts, specification=specification)


def _same_tags(labels, order, count):
    """Returns the columns of tags in the model's order; 0 of the others."""
    found = np.zeros((len(labels), count), labels.dtype)
    found[:, order] = labels
    return found


_RENUMBER: dict[str, Callable] = {
    "classes": lambda labels, order, count: np.array(order, "int32")[labels],
    "number": lambda labels, order, count: labels,
    "tags": _same_tags,
}
