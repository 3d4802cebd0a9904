"""Reads and writes what a `fit` needs to go on where it stopped."""

from typing import Any

import keras

from aet_keras._keras import optimizer as optimizers
from aet_keras._keras import random_state
from aet_keras._keras.strategy import scope_of
from aet_keras.callbacks._save_values import foreign_kind
from aet_keras.engine import Engine


def has_state(callback: keras.callbacks.Callback) -> bool:
    """Says whether a callback tells what it knows, and takes it back."""
    return all(
        callable(getattr(callback, name, None))
        for name in ("get_state", "set_state")
    )


def read_callbacks(callbacks) -> dict[str, dict[str, Any]]:
    """Returns the state of each callback that has one, by its name.

    Raises:
        TypeError: if a state holds what cannot be saved.
    """
    states = {name: each.get_state() for name, each in _named(callbacks)}
    for name, state in states.items():
        found = foreign_kind(state)
        if found is None and not isinstance(state, dict):
            found = type(state).__name__
        if found is not None:
            raise TypeError(
                f"{name.split()[0]}: what `get_state` returns must be a dict "
                "of numbers, strings, arrays, and of lists, tuples and dicts "
                "of these, because a checkpoint writes it to files. Received: "
                f"a `{found}`. Return a dict without it."
            )
    return states


def read(model: keras.Model, callbacks, current) -> dict:
    """Returns the state of all but the data and the metrics.

    Args:
        model: the model that trains.
        callbacks: list of all callbacks of the `fit`.
        current: the iterator that the next epoch goes on with, or None.
    """
    slots = optimizers.named_variables(model)
    return {
        "weights": [v.numpy() for v in model.variables],
        "optimizer": {name: slot.numpy() for name, slot in slots.items()},
        "engine": Engine.of(model).get_state(current),
        "callbacks": read_callbacks(callbacks),
        "history": (list(model.history.epoch), model.history.history),
        "stop_training": model.stop_training,
        "random": random_state.read(),
    }


def write(model: keras.Model, callbacks, state: dict) -> None:
    """Brings back what `read` returned."""
    if not model.optimizer.built and state["optimizer"]:
        with scope_of(model):
            model.optimizer.build(model.trainable_variables)
    slots = optimizers.named_variables(model)
    with scope_of(model):
        assign(model.variables, state["weights"])
        for name, value in state["optimizer"].items():
            slots[name].assign(value)
    Engine.of(model).set_state(state["engine"])
    for name, each in _named(callbacks):
        each.set_state(state["callbacks"][name])
    epochs, logs = state["history"]
    model.history.epoch = list(epochs)
    model.history.history = {key: list(logs[key]) for key in logs}
    random_state.write(state["random"])


def assign(variables, values) -> None:
    """Gives variables values, in order."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def describe(model: keras.Model, callbacks) -> dict:
    """Returns what is equal for the same command, by what it is called."""
    weights = [f"{tuple(v.shape)} {v.dtype}" for v in model.variables]
    return {
        "weights of the model": weights,
        "optimizer": type(optimizers.innermost(model.optimizer)).__name__,
        "callbacks": sorted(name for name, _ in _named(callbacks)),
    }


def _named(callbacks):
    """Yields those that have a state, by names that no order changes."""
    seen: dict[str, int] = {}
    for each in callbacks:
        if has_state(each):
            name = type(each).__name__
            seen[name] = seen.get(name, 0) + 1
            yield f"{name} {seen[name]}", each
