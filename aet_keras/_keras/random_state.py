"""Reads and writes the random state of a process.

That is Python's, NumPy's, TensorFlow's seeds of operations and its global
generator, and the seeds of Keras. Layers keep theirs among their variables.
"""

import contextlib
import random
from collections.abc import Iterable, Iterator

import keras
import numpy as np
from keras.src.backend.common import global_state
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR
from tensorflow.python.eager import context
from tensorflow.python.ops import stateful_random_ops


def read() -> dict:
    """Returns the random state as one JSON dict."""
    name, keys, *rest = np.random.get_state(legacy=True)
    chosen = getattr(context.context(), "_rng", None)  # seeds of operations
    return {
        "python": _listed(random.getstate()),
        "numpy": [name, np.asarray(keys).tolist(), *rest],
        "operations": chosen and _listed(chosen.getstate()),
        "generators": [
            holder and holder.state.numpy().tolist() for holder in _holders()
        ],
    }


def write(state: dict) -> None:
    """Brings back what `read` returned."""
    random.setstate(_python_state(state["python"]))
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, np.asarray(keys, "uint32"), *rest))
    chosen = getattr(context.context(), "_rng", None)
    if chosen is not None and state["operations"] is not None:
        chosen.setstate(_python_state(state["operations"]))
        context.context().clear_kernel_cache()  # eager ones hold states
    for holder, values in zip(_holders(), state["generators"], strict=True):
        if holder is not None and values is not None:
            holder.state.assign(values)
    if state["generators"][0] is None:  # Keras makes one of Python's numbers
        global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, None)


@contextlib.contextmanager
def seeded_layers(
    layers: Iterable[keras.layers.Layer], seed: int
) -> Iterator[None]:
    """Makes layers draw by a seed, and restores their states at the end.

    Args:
        layers: those that may draw, such as dropout, sublayers included.
        seed: int >= 0.
    """
    states = [each.state for layer in layers for each in _generators(layer)]
    kept = [state.numpy() for state in states]
    drawn = np.random.default_rng(seed)
    for state in states:
        state.assign(drawn.integers(2**31, size=2).astype("uint32"))
    try:
        yield
    finally:
        for state, values in zip(states, kept, strict=True):
            state.assign(values)


def seed_states(function: object) -> list[keras.Variable]:
    """Lists the states by which a layer, and those in it, draw.

    Each is a pair: the seed, and how often it has drawn. Other functions have
    none that can be seen.
    """
    if not isinstance(function, keras.layers.Layer):
        return []
    others = {id(each) for each in [*function.weights, *_metrics(function)]}
    return [each for each in function.variables if id(each) not in others]


def _metrics(layer):
    return getattr(layer, "metrics_variables", [])


def _generators(layer):
    return layer._seed_generators


def _holders():
    seeds = global_state.get_global_attribute(GLOBAL_SEED_GENERATOR)
    return seeds, stateful_random_ops.global_generator


def _listed(state):
    version, numbers, gauss = state
    return [version, list(numbers), gauss]


def _python_state(listed):
    version, numbers, gauss = listed
    return version, tuple(numbers), gauss
