"""Reads what the running `fit` reads from, and whom it calls.

`fit` keeps its iterators and its list of callbacks in local variables. Only
its frame leads to them: a callback that has to skip batches, or to come after
all others, has no other way.
"""

import dataclasses
import inspect
import sys
import types

import keras
import tensorflow as tf

from aet_keras._keras.iterators import Order
from aet_keras._keras.strategy import is_distributed

_BATCH_HOOKS = (
    "on_batch_begin",
    "on_batch_end",
    "on_test_batch_begin",
    "on_test_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
)


@dataclasses.dataclass(frozen=True)
class RunningFit:
    """Holds the parts of a `fit` that is running.

    Args:
        train: `Order` of the training data.
        validation: `Order` of the validation data, or None.
        callbacks: list of the callbacks, in the order of their calls.
    """

    train: Order
    validation: Order | None
    callbacks: list

    @classmethod
    def of(cls, model: keras.Model) -> "RunningFit | None":
        """Finds the `fit` of a model that has called the caller."""
        known = _locals_of_fit(model)
        if known is None:
            return None
        validation = _validation_iterator(model, known)
        return cls(
            train=Order(known["epoch_iterator"]),
            validation=validation and Order(validation),
            callbacks=known["callbacks"].callbacks,
        )


def callbacks_of(model: keras.Model) -> list | None:
    """Finds the callbacks of the `fit` that has called, and touches nothing.

    Returns:
        List in the order of their calls, the one that Keras walks through;
        None if no `fit` of the model has called.
    """
    known = _locals_of_fit(model)
    return None if known is None else known["callbacks"].callbacks


def epoch_iterator_of(model: keras.Model):
    """Returns what the `fit` that has called draws its steps from, or None."""
    known = _locals_of_fit(model)
    return None if known is None else known["epoch_iterator"]


def is_called(callback: keras.callbacks.Callback) -> bool:
    """Says whether a `fit` that runs, in any thread, calls a callback.

    One that was interrupted does not run, though its frame may be kept.
    """
    for newest in sys._current_frames().values():
        frame: types.FrameType | None = newest
        while frame is not None:
            if frame.f_code.co_name == "fit":
                called = frame.f_locals.get("callbacks")
                listed = getattr(called, "callbacks", None) or ()
                if any(each is callback for each in listed):
                    return True
            frame = frame.f_back
    return False


def acts_within_epochs(model: keras.Model) -> bool:
    """Says whether a user's code is called between the batches of a `fit`.

    That of Keras and of this package writes no frozen weights there.
    """
    return any(
        name in vars(each) or _is_users(getattr(type(each), name))
        for each in callbacks_of(model) or ()
        for name in _BATCH_HOOKS
    )


def reads_batch_logs(model: keras.Model) -> bool:
    """Says whether the logs of a batch may end a `fit`.

    Callbacks of Keras and of this package show them at most, but for one.
    """
    by_nan = keras.callbacks.TerminateOnNaN
    listed = callbacks_of(model) or ()
    return acts_within_epochs(model) or any(
        isinstance(each, by_nan) for each in listed
    )


def _is_users(hook):
    module = getattr(hook, "__module__", None) or ""
    return module.split(".")[0] not in ("keras", "aet_keras")


def call_last(model: keras.Model, callbacks: list, callback) -> None:
    """Adds a callback whose hooks come after those of all others.

    In `on_train_begin` too: the list is being walked through then.
    """
    callback.set_params(callbacks[0].params)
    callback.set_model(model)
    callbacks.append(callback)


def start_at(model: keras.Model, epoch: int | None) -> None:
    """Has the `fit` whose `on_train_begin` runs start at another epoch.

    Keras goes on believing in it in later `fit`s: call it with None once the
    first epoch has begun.
    """
    model._initial_epoch = epoch


def build_metrics(model: keras.Model, iterator) -> None:
    """Makes the variables of metrics, and the losses, as the first step would.

    Under a strategy `fit` has made them before it calls its callbacks.
    """
    if is_distributed(model):
        return
    batch = keras.tree.map_structure(
        lambda spec: tf.zeros([size or 1 for size in spec.shape], spec.dtype),
        iterator.element_spec,
    )
    model._symbolic_build(data_batch=batch)


def _locals_of_fit(model):
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_code.co_name == "fit":
            known = frame.f_locals
            if known.get("self") is model and "epoch_iterator" in known:
                return known
        frame = frame.f_back
    return None


def _validation_iterator(model, known):
    """Makes what `fit` would make at its first validation, before it."""
    if known["validation_data"] is None:
        return None
    if getattr(model, "_eval_epoch_iterator", None) is None:
        model._eval_epoch_iterator = type(known["epoch_iterator"])(
            x=known["val_x"],
            y=known["val_y"],
            sample_weight=known["val_sample_weight"],
            batch_size=known["validation_batch_size"] or known["batch_size"],
            distribute_strategy=model.distribute_strategy,
            steps_per_execution=model.steps_per_execution,
            steps_per_epoch=known["validation_steps"],
            shuffle=False,
        )
    return model._eval_epoch_iterator
