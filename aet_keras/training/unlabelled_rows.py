"""Solves the head of a recipe's model with images without labels."""

from collections.abc import Callable
from typing import Any

import keras

from aet_keras import _cluster, data
from aet_keras.data import unlabelled_images
from aet_keras.errors import DataError
from aet_keras.recipes.shared_settings import check_workers
from aet_keras.training import job
from aet_keras.training.self_training import SelfTraining


def later_learned(
    model: keras.Model, recipe: Any, dataset: data.Dataset
) -> Callable[[], str] | None:
    """Reads images without labels, which are learned after training.

    Args:
        model: what the recipe's job built, and trains.
        recipe: of images; without `unlabelled`, or with a teacher, there is
            nothing to do.
        dataset: `data.Dataset` of the recipe.

    Returns:
        Function to call once the model is trained: it says whether the images
        were used, and why. Or None.

    Raises:
        DataError: if there are no such images, or the target is no class.
        ValueError: if the model does not end in a dense layer, or several
            workers train it.

    Example:

    >>> recipe = aet_keras.recipes.Recipe("digits")
    >>> dataset = aet_keras.data.read_digits()
    >>> from aet_keras.training.unlabelled_rows import later_learned
    >>> later_learned(None, recipe, dataset) is None
    True
    """
    if recipe.unlabelled is None or recipe.teacher is not None:
        return None
    check_workers(recipe, _cluster.here().count)
    images, left_out = _read(recipe, dataset)
    weights = job.weights_of(recipe, dataset)
    train, held = (
        job.rows_with_weights(split.inputs[:], split.labels, weights)
        for split in (dataset.train, dataset.validation)
    )
    learner = SelfTraining(model, train, held, images, owner=recipe.owner)

    def learn():
        said = f"{len(images)} images without labels; left out are {left_out}. "
        return said + learner.solve_head()

    return learn


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
