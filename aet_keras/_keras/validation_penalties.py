"""Keeps the penalties in `val_loss` the same as long as a `fit` runs.

Keras adds those of the weights that are trainable when it traces the test
function, which it does once. A step above a boundary is traced again after a
thaw, and would have those of the thawed weights, too: `val_loss` would rise
with the thaw, and whatever judges by it would take that for the thaw's fault.
"""

import weakref

import keras

from aet_keras._keras.functions import validation_iterator

# The trainable weights with a penalty when validation ran first.
_FIRST: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def forget(model: keras.Model) -> None:
    """Makes the next validation be traced again, if a weight has a penalty.

    What was traced before has the penalties of another trainable map.
    """
    _FIRST.pop(model, None)
    if any(_has_penalty(weight) for weight in model.weights):
        model.test_function = None


def note(model: keras.Model) -> None:
    """Notes which penalties the first validation of a `fit` has."""
    if model not in _FIRST or validation_iterator(model) is None:
        _FIRST[model] = _penalised(model)


def correction(model: keras.Model):
    """Returns what to add to a loss for the penalties of that validation.

    Returns:
        A tensor, or None where they are those of now.
    """
    now = _penalised(model)
    first = _FIRST.get(model, now)
    lacking = [w for w in model.weights if id(w) in first - now]
    extra = [w for w in model.weights if id(w) in now - first]
    if not lacking and not extra:
        return None
    total = sum(weight.regularizer(weight) for weight in lacking)
    total -= sum(weight.regularizer(weight) for weight in extra)
    return model._aggregate_additional_loss(total)


def _penalised(model):
    return frozenset(map(id, filter(_has_penalty, model.trainable_weights)))


def _has_penalty(weight):
    return getattr(weight, "regularizer", None) is not None
