"""Which steps lie between a recipe of some kind and what it publishes?"""

import dataclasses
import pathlib
from collections.abc import Callable, Iterable
from typing import Any

import keras

from aet_keras import callbacks, data, evaluation, export
from aet_keras.training.fine_tune import Run, stop_early


def _usual_best(recipe: Any) -> callbacks.KeepBest:
    return stop_early(recipe.epochs)


@dataclasses.dataclass(frozen=True)
class Job:
    """Holds the steps that `run_recipe` takes for recipes of one kind.

    Each is a function; together they are all that differs between pictures,
    texts, tables and ratings.

    Args:
        read: of the recipe; returns a `data.Dataset`.
        introduce: of the data set; yields the sentences to say of it.
        build: of recipe and data set; returns a `keras.Model`, compiled if
            it is what `fit` trains.
        fit: of model, recipe and data set, and the keywords `best` and
            `callbacks`; returns a `Run`.
        measure: of the run, its name and the data set; returns an
            `evaluation.Report`.
        write: of model, recipe, data set and a directory; writes a SavedModel
            there, loads it again and returns an `export.Comparison` with the
            model.
        best: of the recipe; returns the `callbacks.KeepBest` of the run.

    Example:

    >>> list(aet_keras.training.Job.__dataclass_fields__)
    ['read', 'introduce', 'build', 'fit', 'measure', 'write', 'best']
    """

    read: Callable[[Any], data.Dataset]
    introduce: Callable[[data.Dataset], Iterable[str]]
    build: Callable[[Any, data.Dataset], keras.Model]
    fit: Callable[..., Run]
    measure: Callable[[Run, str, data.Dataset], evaluation.Report]
    write: Callable[
        [keras.Model, Any, data.Dataset, pathlib.Path], export.Comparison
    ]
    best: Callable[[Any], callbacks.KeepBest] = _usual_best


def introduce(dataset: data.Dataset, rows: str) -> Iterable[str]:
    """Yields what there is to learn from, and what was noted on reading.

    Args:
        dataset: `data.Dataset`.
        rows: str. What its rows are called: `"pictures"`.
    """
    splits = (dataset.train, dataset.validation, dataset.test)
    counts = " / ".join(str(split.count) for split in splits)
    classes = len(dataset.specification.class_names)
    ending = f", {classes} classes" if classes else ""
    yield f"{counts} {rows} to train / validate / test{ending}."
    yield from dataset.notes
