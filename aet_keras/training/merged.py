"""Merges the adapters that a run has trained, before it is measured."""

import dataclasses

import keras
import numpy as np

from aet_keras import data
from aet_keras._keras import reading
from aet_keras.backbones import low_rank
from aet_keras.errors import TrainingError
from aet_keras.recipes.base_recipe import BaseRecipe
from aet_keras.training.job import Job

_COMPARED = 32
_ROUNDED = 1e-5  # of probabilities, in float32


def with_merged(
    job: Job, recipe: BaseRecipe, model: keras.Model, dataset: data.Dataset
) -> data.Dataset:
    """Merges the adapters of a model; without a `lora` nothing changes.

    Args:
        job: of the recipe.
        recipe: of images or texts.
        model: `keras.Model`; it changes in place, and answers the same.
        dataset: `data.Dataset`.

    Returns:
        `data.Dataset`; its notes say how many bytes the task has of its own.

    Raises:
        TrainingError: if the model answers differently afterwards.

    Example:

    >>> recipe = aet_keras.recipes.Recipe("digits")
    >>> from aet_keras.training.merged import with_merged
    >>> with_merged(None, recipe, None, None) is None
    True
    """
    rank = getattr(recipe, "lora", None)
    if rank is None:
        return dataset
    assert job.rows is not None  # of ratings, which have no such setting
    rows = reading.take(job.rows(dataset.test)[0], slice(_COMPARED))
    before = model.predict_on_batch(rows)
    own = low_rank.learned_bytes(model)
    low_rank.merge(model)
    apart = float(np.abs(model.predict_on_batch(rows) - before).max())
    if not apart <= _ROUNDED:
        raise TrainingError(
            f"{recipe.owner}: adapters must be merged without a change of the "
            f"answers. Received: answers that differ by {apart:.1e}. Train "
            "without `lora` (`--lora`)."
        )
    whole = sum(v.numpy().nbytes for v in model.weights)
    note = (
        f"Adapters of rank {rank} and the head are {own / 1e3:,.0f} kB that "
        f"this task has of its own, of {whole / 1e6:,.1f} MB. They are merged "
        f"into the model: its answers differ by {apart:.0e}."
    )
    return dataclasses.replace(dataset, notes=(*dataset.notes, note))
