"""Brings a model back to what it was before training.

Weights are the smaller part. An optimizer has slots, a count, a rate, and may
not have been built yet; layers and Keras itself have seeds that advance; so
have Python, NumPy and TensorFlow; a shuffled data set another order each time.
"""

import contextlib
from collections.abc import Iterator

import keras

from aet_keras._keras import random_state
from aet_keras._keras.strategy import scope_of


@contextlib.contextmanager
def kept(model: keras.Model) -> Iterator[None]:
    """Gives a built, compiled model and the random state back at the end.

    Also after an exception or Ctrl-C. Metrics that were first made meanwhile
    stay, empty.

    Args:
        model: a built and compiled model.
    """
    with contextlib.ExitStack() as undoing:
        undoing.callback(_keep_random_state())
        undoing.callback(_keep_variables(model))
        undoing.callback(_keep_optimizer(model))
        undoing.callback(_keep_attributes(model))
        yield


def _keep_variables(model):
    variables = [
        *model.variables,
        *model.metrics_variables,
        *model.optimizer.variables,
    ]
    kept = {id(v): (v, keras.ops.convert_to_numpy(v)) for v in variables}

    def undo():
        model.reset_metrics()  # those that were not made when values were kept
        with scope_of(model):
            for variable, value in kept.values():
                variable.assign(value)

    return undo


def _keep_optimizer(model):
    """Unbuilds what was not built: `fit` builds on what moves by then."""
    outer = model.optimizer
    inner = getattr(outer, "inner_optimizer", None)
    chain = [each for each in (outer, inner) if each is not None]
    before = [
        (each, set(vars(each)), {id(v) for v in each._variables})
        for each in chain
        if not each.built
    ]

    def undo():
        for optimizer, names, known in before:
            for variable in list(optimizer._variables):
                if id(variable) not in known:
                    optimizer._untrack_variable(variable)
            for name in vars(optimizer).keys() - names:
                delattr(optimizer, name)
            optimizer._trainable_variables_indices = {}
            optimizer.built = False

    return undo


def _keep_attributes(model):
    names = ("train_function", "stop_training", "history")
    before = {n: getattr(model, n) for n in names if hasattr(model, n)}

    def undo():
        for name in names:
            if name in before:
                setattr(model, name, before[name])
            elif hasattr(model, name):
                delattr(model, name)

    return undo


def _keep_random_state():
    state = random_state.read()
    return lambda: random_state.write(state)
