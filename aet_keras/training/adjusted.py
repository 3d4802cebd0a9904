"""Makes each class count the same by the head's bias alone."""

import dataclasses
from typing import Any

import keras
import numpy as np

from aet_keras import data
from aet_keras.errors import DataError
from aet_keras.training.fine_tune import Run
from aet_keras.training.job import Job

ADJUSTED = "adjusted"
_TRIED = 256
_TOLERANCE = 1e-4


def with_adjusted_head(
    job: Job, recipe: Any, run: Run, dataset: data.Dataset
) -> Run:
    """Returns a run whose head asks what a row would be among equal classes.

    log of a class's share of the rows to learn from is taken off its logit:
    probabilities become p / share, summing to 1. It is exact, because the
    bias of the head is all that moves, and it is tried on validation rows.

    Args:
        job: `Job` of the run.
        recipe: of images, texts or tables; without
            `class_weight="adjusted"` the run is returned as it is.
        run: `Run`, learned from the rows as they are. Its model is changed.
        dataset: `data.Dataset` of classes.

    Raises:
        DataError: if the model has no one layer that ends in the logits.

    Reference:
        [Menon et al., 2021](https://arxiv.org/abs/2007.07314), eq. 9 with
        tau = 1.
    """
    if getattr(recipe, "class_weight", None) != ADJUSTED:
        return run
    assert job.predict is not None  # a recipe with this setting has classes
    labels = dataset.train.labels
    names = dataset.specification.class_names
    shares = np.bincount(labels, minlength=len(names)) / len(labels)
    shares = np.where(shares > 0, shares, 1.0)  # nothing is known of such
    layer = _last_dense(run.model, len(names))
    few = _first_rows(dataset.validation)
    wanted = _adjusted(job.predict(run.model, few), shares)
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel, bias - np.log(shares).astype(bias.dtype)])
    found = job.predict(run.model, few)
    if np.abs(found - wanted).max() > _TOLERANCE:
        layer.set_weights([kernel, bias])
        raise _refused(run.model, "one whose bias moves the logits otherwise")
    held = run.validation_outputs
    if held is not None:
        held = _adjusted(held, shares)
    return dataclasses.replace(run, validation_outputs=held)


def _adjusted(probabilities, shares):
    odds = probabilities / shares
    return odds / odds.sum(axis=1, keepdims=True)


def _first_rows(split):
    inputs = split.inputs
    if isinstance(inputs, dict):
        inputs = {name: each[:_TRIED] for name, each in inputs.items()}
    elif isinstance(inputs, np.ndarray):
        inputs = inputs[:_TRIED]
    else:
        return split  # images that are decoded when a batch needs them
    return data.Split(inputs, split.labels[:_TRIED], split.names[:_TRIED])


def _last_dense(model, class_count):
    """Returns the layer whose bias is added to the logits."""
    found = [
        layer
        for layer in _flat(model)
        if isinstance(layer, keras.layers.Dense)
        and layer.use_bias
        and layer.units == class_count
    ]
    if not found:
        raise _refused(model, "no such layer")
    return found[-1]


def _flat(model):
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _flat(layer)
        else:
            yield layer


def _refused(model, what):
    return DataError(
        f"{model.name}: `class_weight={ADJUSTED!r}` must have a last dense "
        "layer with a bias before the softmax, because that alone is moved. "
        f"Received: {what}. Use `--class-weight balanced`."
    )
