"""Lets a tracker fail without the training that it records."""

import contextlib
import os
import tempfile
import warnings
from collections.abc import Callable
from typing import Any

import keras

from aet_keras import _check as check
from aet_keras._keras import running_fit


class Guard:
    """Calls functions that write, until one fails, which it warns of.

    Args:
        owner: str. The class that writes.
        place: str. Where it writes.
        recover: optional function without arguments, called after a failure.

    Attributes:
        failure: str or None. Why nothing is written any more.
    """

    def __init__(
        self, owner: str, place: str, recover: Callable[[], None] = lambda: None
    ):
        self._owner = owner
        self._place = place
        self.recover = recover
        self.failure: str | None = None

    def call(self, write: Callable, *arguments: Any, **named: Any) -> None:
        """Calls a function, unless one has failed before."""
        if self.failure is not None:
            return
        try:
            write(*arguments, **named)
        # Loggers fail in many ways: disks, networks, quotas.
        except Exception as error:
            self.failure = check.first_line(error)
            self.recover()
            warnings.warn(
                f"{self._owner}: nothing more is written to {self._place}, "
                "because a write failed. The training goes on without it. "
                f"Received: {self.failure}.",
                stacklevel=2,
            )

    def end(self, close: Callable, *arguments: Any, **named: Any) -> None:
        """Calls a function that closes something, even after a failure."""
        if self.failure is None:
            self.call(close, *arguments, **named)
            return
        with contextlib.suppress(Exception):  # the failure was reported before
            close(*arguments, **named)
        self.recover()


def _handed_on(hook):
    """Returns a hook that calls the same hook of the guarded callback."""

    def call(self, *arguments, **named):
        self._guard.call(getattr(self._callback, hook), *arguments, **named)

    return call


class GuardedCallback(keras.callbacks.Callback):
    """Hands each hook on to a callback, until a write of it fails.

    Args:
        callback: `keras.callbacks.Callback` that writes.
        guard: `Guard`; several callbacks may share one.
    """

    def __init__(self, callback: keras.callbacks.Callback, guard: Guard):
        super().__init__()
        self._callback = callback
        self._guard = guard
        self.has_ended = False

    def set_params(self, params):
        self._callback.set_params(params)

    def set_model(self, model):
        self._guard.call(self._callback.set_model, model)

    on_train_begin = _handed_on("on_train_begin")
    on_epoch_begin = _handed_on("on_epoch_begin")
    on_epoch_end = _handed_on("on_epoch_end")
    on_train_batch_begin = _handed_on("on_train_batch_begin")
    on_train_batch_end = _handed_on("on_train_batch_end")
    on_test_begin = _handed_on("on_test_begin")
    on_test_end = _handed_on("on_test_end")
    on_test_batch_begin = _handed_on("on_test_batch_begin")
    on_test_batch_end = _handed_on("on_test_batch_end")

    def on_train_end(self, logs=None):
        self.end()

    get_state, set_state = check.NO_STATE  # what a tracker writes is none

    def end(self) -> None:
        """Ends the callback once, also after an interrupted run."""
        if self.has_ended:
            return
        self.has_ended = True
        self._guard.end(self._callback.on_train_end)


def write_last(
    owner: keras.callbacks.Callback,
    callbacks: list[keras.callbacks.Callback],
    guard: Guard,
) -> list[GuardedCallback]:
    """Has callbacks called after all others of the `fit` that begins.

    So they see what the others log, in whichever order the user lists them.

    Args:
        owner: callback whose `on_train_begin` calls this.
        callbacks: list of those that write.
        guard: `Guard` of all of them.

    Raises:
        ValueError: if it is no `fit` that calls.
    """
    name = type(owner).__name__
    listed = running_fit.callbacks_of(owner.model)
    if listed is None:
        raise ValueError(
            f"{name}: it must be a callback of `model.fit`, because it writes "
            "when the other callbacks are done. Received: another caller, of "
            f"{type(owner.model).__name__}. Pass it to `model.fit`."
        )
    added = [GuardedCallback(each, guard) for each in callbacks]
    for each in added:
        running_fit.call_last(owner.model, listed, each)
    return added


def path(owner: object, **named) -> str:
    """Returns the keyword's value as a str if it is a path."""
    ((name, value),) = named.items()
    if not isinstance(value, str | os.PathLike):
        raise TypeError(
            f"{check.owner_name(owner)}: `{name}` must be a path. "
            f"Received: {name}={value!r}."
        )
    return os.fspath(value)


def make_folder(owner: object, folder: str, *, argument: str) -> None:
    """Makes a folder, and checks that it can be written.

    Raises:
        ValueError: if it cannot be written. Only at the start: later, the
            training matters more than its log.
    """
    if "://" in folder:
        return  # a bucket, which the logger itself opens
    try:
        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        raise ValueError(
            f"{check.owner_name(owner)}: `{argument}` must be a folder that "
            f"can be written. Received: {argument}={folder!r} ({reason}). "
            "Name another folder, or make room."
        ) from error
