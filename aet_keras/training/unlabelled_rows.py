"""Gives a recipe's model images without labels, where that helps it."""

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

import keras

from aet_keras import data
from aet_keras.data import unlabelled_images
from aet_keras.errors import DataError
from aet_keras.training import job, self_training
from aet_keras.training.teachers import TaughtSplit


@contextlib.contextmanager
def with_unlabelled(
    model: keras.Model, recipe: Any, dataset: data.Dataset
) -> Iterator[tuple[data.Dataset, str | None]]:
    """Gives what a model learns from, with images without labels if they help.

    Inside, the model is compiled for that; afterwards as it was.

    Args:
        model: what the recipe's job built.
        recipe: of images; without `unlabelled`, or with a teacher, nothing
            changes.
        dataset: `data.Dataset` of the recipe.

    Yields:
        The `data.Dataset`, and what was decided, and why: a str, or None.

    Raises:
        DataError: if there are no such images, or the target is no class.
        ValueError: if the model does not end in a dense layer.

    Example:

    >>> recipe = aet_keras.recipes.Recipe("digits")
    >>> dataset = aet_keras.data.read_digits()
    >>> from aet_keras.training.unlabelled_rows import with_unlabelled
    >>> with with_unlabelled(None, recipe, dataset) as (same, said):
    ...     same is dataset, said
    (True, None)
    """
    if recipe.unlabelled is None or recipe.teacher is not None:
        yield dataset, None
        return
    images, left_out = _read(recipe, dataset)
    weights = job.weights_of(recipe, dataset)
    train, held = (
        job.rows_with_weights(split.inputs[:], split.labels, weights)
        for split in (dataset.train, dataset.validation)
    )
    found = self_training.self_train(
        model, train, held, images, owner=recipe.owner
    )
    said = f"{len(images)} images without labels; left out are {left_out}. "
    said += found.sentence
    if found.targets is None:
        yield dataset, said
        return
    split = dataset.train
    taught = TaughtSplit(
        split.inputs,
        split.labels,
        split.names,
        targets=found.targets,
        more=found.more,
        weights=found.weights,
    )
    given = model.get_compile_config()
    self_training.compile_self_taught(model)
    try:
        yield dataclasses.replace(dataset, train=taught), said
    finally:
        self_training.end(model, given)


def _read(recipe, dataset):
    """Returns images that are no rows of the data, and words on the others."""
    kind = dataset.specification.target_kind
    if kind != "classes":
        raise DataError(
            f"{recipe.owner}: `unlabelled` (`--unlabelled`) must go with one "
            "class a row, because the model's answers become labels. Received: "
            f"{recipe.unlabelled}, where the target is of the kind {kind}. "
            "Leave it out."
        )
    splits = dataset.train, dataset.validation, dataset.test
    images, _, left_out = unlabelled_images.read_fresh(
        recipe.owner,
        recipe.unlabelled,
        dataset.specification.image_size,
        splits,
    )
    return images, left_out
