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
    """Calls what writes; the first failure is warned of, and is the last.

    Args:
        owner: str. Who writes.
        place: str. Where to.
        recover: optional function without arguments, called after a failure.

    Attributes:
        failure: str or None. Why nothing is written any more.
    """

    def __init__(
        self,
        owner: str,
        place: str,
        recover: Callable[[], None] = lambda: None,
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
        # Loggers fail in every way there is: disks, networks, quotas.
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
        """Calls a function that closes what was opened, in any case."""
        if self.failure is None:
            self.call(close, *arguments, **named)
            return
        with contextlib.suppress(Exception):  # that it failed has been said
            close(*arguments, **named)
        self.recover()


class Forgiving(keras.callbacks.Callback):
    """Hands each hook on to a callback, as far as its guard lets it.

    Args:
        callback: `keras.callbacks.Callback` that writes.
        guard: `Guard`; several callbacks may share one.
    """

    learns = ()

    def __init__(self, callback: keras.callbacks.Callback, guard: Guard):
        super().__init__()
        self._callback = callback
        self._guard = guard
        self.has_ended = False

    def set_params(self, params):
        self._callback.set_params(params)

    def set_model(self, model):
        self._guard.call(self._callback.set_model, model)

    def on_train_begin(self, logs=None):
        self._guard.call(self._callback.on_train_begin, logs)

    def on_train_end(self, logs=None):
        self.end()

    def on_epoch_begin(self, epoch, logs=None):
        self._guard.call(self._callback.on_epoch_begin, epoch, logs)

    def on_epoch_end(self, epoch, logs=None):
        self._guard.call(self._callback.on_epoch_end, epoch, logs)

    def on_train_batch_begin(self, batch, logs=None):
        self._guard.call(self._callback.on_train_batch_begin, batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        self._guard.call(self._callback.on_train_batch_end, batch, logs)

    def on_test_begin(self, logs=None):
        self._guard.call(self._callback.on_test_begin, logs)

    def on_test_end(self, logs=None):
        self._guard.call(self._callback.on_test_end, logs)

    def on_test_batch_begin(self, batch, logs=None):
        self._guard.call(self._callback.on_test_batch_begin, batch, logs)

    def on_test_batch_end(self, batch, logs=None):
        self._guard.call(self._callback.on_test_batch_end, batch, logs)

    def end(self) -> None:
        """Ends the callback, once; also one of a run that was interrupted."""
        if self.has_ended:
            return
        self.has_ended = True
        self._guard.end(self._callback.on_train_end)


def write_last(
    owner: keras.callbacks.Callback,
    callbacks: list[keras.callbacks.Callback],
    guard: Guard,
) -> list[Forgiving]:
    """Has callbacks called after all others of the `fit` that begins.

    Only so do they see what others log, whatever the user's order.

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
    added = [Forgiving(each, guard) for each in callbacks]
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
    """Makes a folder, and tries whether it can be written.

    Raises:
        ValueError: if not. At the start it is misuse; later, the training is
            worth more than its log.
    """
    if "://" in folder:
        return  # a bucket: only what writes there knows how
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
