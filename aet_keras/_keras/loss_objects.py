"""Finds the loss object that `compile` makes of a loss."""

from collections.abc import Callable
from typing import Any

import keras
from keras.src.losses.loss import (
    scale_loss_for_distribution,
    unscale_loss_for_distribution,
)
from keras.src.losses.losses import LossFunctionWrapper

# They do no more than call a function of Keras.
_WRAPPERS = (
    LossFunctionWrapper,
    keras.losses.BinaryCrossentropy,
    keras.losses.CategoricalCrossentropy,
    keras.losses.MeanSquaredError,
    keras.losses.SparseCategoricalCrossentropy,
)


def as_loss(loss) -> keras.losses.Loss:
    """Returns a loss object, as Keras makes it of a name or a function.

    Args:
        loss: str, function of `(y_true, y_pred)`, or `keras.losses.Loss`.

    Raises:
        ValueError: if Keras knows no such loss.
    """
    found = keras.losses.get(loss)
    if isinstance(found, keras.losses.Loss):
        return found
    return LossFunctionWrapper(found, name=found.__name__)


def compiled_metrics(model: keras.Model) -> tuple[Any, Any]:
    """Returns the metrics that a model was compiled with, and weighted ones.

    They are what the user gave. The compile config has copies, which cannot
    be made of a class or a function that is not registered.
    """
    given = model._compile_metrics
    if given is None:
        return None, None
    return given._user_metrics, given._user_weighted_metrics


def compiled_losses(model: keras.Model) -> list[tuple] | None:
    """Returns the loss object and the weight of each output of a model.

    These are the very objects that its steps call: names are looked up once,
    in the first step, and mean what they meant then.

    Returns:
        List of `(loss, weight)` in the order of `model.outputs`, the weight
        `None` where none was given; or `None` if no step was made yet, or an
        output has no loss or several.
    """
    compiled = model._compile_loss
    if compiled is None or not compiled.built:
        return None
    found = {}
    for path, loss, weight, _ in compiled._flat_losses:
        place = _place(model, path)
        if place is None or place in found:
            return None
        found[place] = loss, weight
    places = range(len(model.outputs))
    return [found[i] for i in places] if len(found) == len(places) else None


def function_of(loss) -> tuple[Callable, dict[str, Any]] | None:
    """Returns the function that a loss object calls, and its settings.

    Returns:
        The function and a dict; or `None` if the object does more than that:
        it is of another class, or something of it is replaced.
    """
    if type(loss) not in _WRAPPERS or is_overridden(loss):
        return None
    return loss.fn, dict(loss._fn_kwargs)


def is_overridden(thing) -> bool:
    """Says whether one object has its own `call` instead of its class's."""
    return not {"call", "__call__"}.isdisjoint(vars(thing))


def reductions(model: keras.Model) -> set[str] | None:
    """Returns how the losses of a model are reduced over the rows of a batch.

    Returns:
        Set of str, empty for a model without; or `None` if a loss reduces
        itself, or no step was made yet.
    """
    compiled = model._compile_loss
    if compiled is None:
        return set()
    if not compiled.built:
        return None
    losses = [loss for _, loss, _, _ in compiled._flat_losses]
    called = keras.losses.Loss.__call__
    if any(type(each).__call__ is not called for each in losses):
        return None
    return {str(each.reduction) for each in losses}


def share_of_replica(value):
    """Returns what one replica adds of a term that there is once in all.

    Keras adds the losses of all replicas up; means over rows are divided by
    their number already.
    """
    return scale_loss_for_distribution(value)


def unscale_loss(loss):
    """Returns the mean over the rows of one replica.

    Keras divides a loss by the number of replicas in the scope of a strategy.
    """
    return unscale_loss_for_distribution(loss)


def _place(model, path):
    """Returns the number of the output at a path, or None."""
    if len(model.outputs) == 1:
        return 0
    if len(path) != 1:
        return None
    (key,) = path
    if isinstance(model.output, dict):
        wanted = model.output.get(key)
        ids = [id(each) for each in model.outputs]
        return ids.index(id(wanted)) if id(wanted) in ids else None
    if isinstance(key, int):
        return key
    names = list(model.output_names)
    return names.index(key) if names.count(key) == 1 else None
