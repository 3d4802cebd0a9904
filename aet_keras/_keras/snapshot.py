"""How does a model come back to what it was before somebody trained it?

Weights are the smaller part. An optimizer has slots, a count, a rate, and may
not have been built yet; layers and Keras itself have seeds that advance; so
have Python, NumPy and TensorFlow; a shuffled data set another order each time.
"""

import contextlib
import random
from collections.abc import Iterator

import keras
import numpy as np
from keras.src.backend.common import global_state
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR
from tensorflow.python.eager import context
from tensorflow.python.ops import stateful_random_ops

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
    python, numpy = random.getstate(), np.random.get_state()
    chosen = getattr(context.context(), "_rng", None)  # seeds of operations
    seeds = chosen and chosen.getstate()
    holders = [_keras_seeds(), stateful_random_ops.global_generator]
    states = [h and h.state.numpy() for h in holders]

    def undo():
        random.setstate(python)
        np.random.set_state(numpy)
        if chosen is not None:
            chosen.setstate(seeds)
            context.context().clear_kernel_cache()  # eager ones hold states
        for holder, state in zip(holders, states, strict=True):
            if holder is not None:
                holder.state.assign(state)
        if holders[0] is None:  # Keras makes one, from Python's numbers
            global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, None)

    return undo


def _keras_seeds():
    return global_state.get_global_attribute(GLOBAL_SEED_GENERATOR)
