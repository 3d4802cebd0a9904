"""Reads and writes what a `fit` needs to go on where it stopped."""

import keras

from aet_keras._keras import optimizer as optimizers
from aet_keras._keras import random_state
from aet_keras._keras.strategy import scope_of
from aet_keras.callbacks._batch_times import BatchTimes
from aet_keras.callbacks.adaptive_learning_rate import _BatchLosses
from aet_keras.engine import Change, Engine
from aet_keras.replay import SolvedHead

_CLASSES = {
    each.__name__: each
    for each in (BatchTimes, Change, SolvedHead, _BatchLosses)
}


def is_ours(callback: keras.callbacks.Callback) -> bool:
    """Says whether a callback says what it learns while a model trains."""
    return hasattr(callback, "learns")


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
        "callbacks": {
            name: _read_callback(each) for name, each in _named(callbacks)
        },
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
        write_callback(each, state["callbacks"][name])
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
    """Yields our callbacks under names that their order does not change."""
    seen: dict[str, int] = {}
    for each in callbacks:
        if is_ours(each):
            name = type(each).__name__
            seen[name] = seen.get(name, 0) + 1
            yield f"{name} {seen[name]}", each


def _read_callback(callback):
    state = {
        name: _packed(getattr(callback, name))
        for name in callback.learns
        if hasattr(callback, name)
    }
    policy = getattr(callback, "policy", None)
    return {"attributes": state, "policy": policy and policy.get_state()}


def write_callback(callback: keras.callbacks.Callback, state: dict) -> None:
    """Gives one of our callbacks, and its policy, what a save holds of it.

    Raises:
        ValueError: if an entry is not known.
    """
    unknown = set(state["attributes"]) - set(callback.learns)
    if unknown:
        raise ValueError(
            f"{type(callback).__name__}: a save must hold entries that it "
            f"knows, because it goes on from them. Received: a save with "
            f"{sorted(unknown)}. Resume with the version of aet-keras that "
            "wrote it, or name another folder."
        )
    for name, value in state["attributes"].items():
        setattr(callback, name, _unpacked(value))
    if state["policy"] is not None:
        callback.policy.set_state(state["policy"])


def _packed(value):
    """Returns records of ours as dicts, in lists and tuples too."""
    if isinstance(value, list | tuple):
        return type(value)(_packed(each) for each in value)
    if type(value).__name__ in _CLASSES:
        return {"class": type(value).__name__, "vars": _packed(vars(value))}
    return dict(value) if isinstance(value, dict) else value


def _unpacked(value):
    if isinstance(value, list | tuple):
        return type(value)(_unpacked(each) for each in value)
    if isinstance(value, dict) and value.keys() == {"class", "vars"}:
        made = object.__new__(_CLASSES[value["class"]])
        vars(made).update(_unpacked(value["vars"]))
        return made
    return value
