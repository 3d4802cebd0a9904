"""How does a `fit` that was killed end as if it had not been?"""

import functools
import os
import warnings

import keras

from aet_keras import _check as check
from aet_keras._keras import random_state, running_fit
from aet_keras.callbacks import _run_state
from aet_keras.callbacks._saves import Damaged, Saves
from aet_keras.engine import Engine

_HARMLESS = (keras.callbacks.History, keras.callbacks.ProgbarLogger)


class ElasticCheckpoint(keras.callbacks.Callback):
    """Saves a `fit` while it runs, and goes on where an earlier one was.

    The same command, started again after it was killed at any moment, ends
    with the weights of a run that was not: bit-equal on a CPU where
    operations are deterministic (`keras.utils.set_random_seed` and
    `tf.config.experimental.enable_op_determinism`). A run that had finished
    returns at once with its weights and its history.

    What comes back: weights, optimizer, rate, metrics, the trainable map and
    the rates of groups, what all callbacks of this package and their policies
    have learned, the history, the random state of Python, NumPy, TensorFlow
    and Keras, and the position in the data. Features that were cached are
    recorded anew, in one pass without training. The place among the callbacks
    makes no difference: it saves when all others are done. Callbacks of
    others start anew; `not_restored` lists them.

    The data may be arrays or a `tf.data.Dataset`, shuffled by a seed. Their
    order is brought back by making the iterators again, and by reading those
    batches of the epoch that are done. Data whose order cannot be brought
    back (generators, no seed) are refused. What cannot be seen is up to the
    user: a `map` that calls Python code with a state of its own.

    Args:
        directory: path. One folder for one run, made if need be. Two runs at
            a time must not share it.
        save_freq: `"epoch"` or int >= 1. Save at the end of each epoch, or
            also every so many batches. Defaults to `"epoch"`.
        keep: int >= 1. How many saves to keep. The one of the last end of an
            epoch is kept in any case while later ones lean on it. Defaults to
            `2`: where the newest is damaged, the one before is used.

    Attributes:
        resumed_from: tuple of ints or None. The finished epochs, and batches
            of the next, that a resumed run began with.
        sentences: list of str. What was found damaged, and what was done.
        not_restored: tuple of str. Classes of callbacks that started anew.

    Raises:
        TypeError: if an argument is of another kind.
        ValueError: at the start of `fit`, if the order of the data cannot be
            brought back, or the folder holds another run.

    Cost: each save writes the weights, the optimizer's slots and what
        callbacks keep of weights once. A run that resumes reads what was done
        of its epoch, and what was cached, once more.

    Example:

    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> def run():
    ...     keras.utils.set_random_seed(0)
    ...     model = keras.Sequential(
    ...         [keras.Input((2,)), keras.layers.Dense(1)]
    ...     )
    ...     model.compile("sgd", "mse")
    ...     checkpoint = aet_keras.callbacks.ElasticCheckpoint(folder)
    ...     x = np.ones((4, 2)), np.ones((4, 1))
    ...     model.fit(*x, epochs=3, verbose=0, callbacks=[checkpoint])
    ...     return checkpoint.resumed_from
    >>> run(), run()
    (None, (3, 0))
    """

    learns = ()

    def __init__(
        self,
        directory: str | os.PathLike,
        *,
        save_freq: str | int = "epoch",
        keep: int = 2,
    ):
        super().__init__()
        self.directory = check.instance(
            self, of=str | os.PathLike, directory=directory
        )
        self.save_freq = save_freq
        if isinstance(save_freq, str):
            check.one_of(self, save_freq=save_freq, among=("epoch",))
        else:
            check.positive_int(self, save_freq=save_freq)
        self.keep = check.positive_int(self, keep=keep)
        self._forget()

    def on_train_begin(self, logs=None):
        self._forget()
        self._saves = Saves(self.directory, self.keep)
        self._fit = running_fit.RunningFit.of(self.model)
        if self._fit is None:
            raise ValueError(
                "ElasticCheckpoint: it must be a callback of `model.fit`, "
                "because it brings back the order of its data. Received: "
                f"another caller, of {type(self.model).__name__}. Pass it to "
                "`model.fit`."
            )
        running_fit.call_last(self.model, self._fit, _Last(self))

    def on_train_batch_end(self, batch, logs=None):
        pass  # that it is here keeps Keras from calling others in a thread

    def begin(self) -> None:
        """Finds the save to go on with, once all callbacks have begun."""
        self.not_restored = tuple(
            type(each).__name__
            for each in self._fit.callbacks
            if not (_run_state.is_ours(each) or isinstance(each, _HARMLESS))
        )
        name, state = self._newest()
        if state is None:
            self._check_data()
            return
        self._check_same(state)
        self.resumed_from = state["epoch"], state["batch"]
        if state["is_finished"]:
            self._finished = state
            running_fit.start_at(self.model, self.params["epochs"])
            return
        self._check_data()
        self._warn_of_others()
        self._base = self._saves.base(name) if state["batch"] else name
        if self._base is not None:
            self._go_back(self._saves.read(self._base))
        if state["batch"]:
            self._skip(state)
        is_over = state["run"]["stop_training"] and not state["batch"]
        epoch = self.params["epochs"] if is_over else state["epoch"]
        running_fit.start_at(self.model, epoch)

    def begin_epoch(self, epoch: int) -> None:
        """Notes which epoch runs."""
        running_fit.start_at(self.model, None)
        self._epoch = epoch

    def end_batch(self, batch: int) -> None:
        """Saves in the middle of an epoch, where it is time to."""
        done = batch + 1
        if self.save_freq == "epoch" or done >= self._fit.train.length:
            return  # the end of the epoch saves more
        if done // self.save_freq > self._saved_at // self.save_freq:
            self._saved_at = done
            self._save(self._epoch, done)

    def end_epoch(self, epoch: int) -> None:
        """Saves at the end of an epoch."""
        self._saved_at = 0
        self._base = None
        self._base = self._save(epoch + 1, 0)

    def end(self) -> None:
        """Saves what is left at the end, or brings it back."""
        running_fit.start_at(self.model, None)
        if self._finished is None:
            self._base = None
            self._save(self._epoch + 1, 0, is_finished=True)
        else:
            _run_state.write(
                self.model, self._fit.callbacks, self._finished["run"]
            )
        self._fit = self._finished = None

    def _forget(self):
        self.resumed_from: tuple[int, int] | None = None
        self.sentences: list[str] = []
        self.not_restored: tuple[str, ...] = ()
        self._base = self._finished = self._fit = None
        self._epoch = -1
        self._saved_at = 0

    def _save(self, epoch, batch, *, is_finished=False):
        fit, model = self._fit, self.model
        state = {
            "epoch": epoch,
            "batch": batch,
            "is_finished": is_finished,
            "command": self._command(),
            "data": self._signatures(),
            **{name: each.state for name, each in self._orders().items()},
            "metrics": [v.numpy() for v in model.metrics_variables],
            "run": _run_state.read(model, fit.callbacks, fit.train.current),
        }
        return self._saves.write(state, base=self._base)

    def _newest(self):
        """Returns the name and the state of the newest whole save, or None."""
        for name in reversed(self._saves.names()):
            try:
                return name, self._saves.read(name)
            except Damaged as error:
                self._say(f"passes over a damaged save: {error}")
        return None, None

    def _go_back(self, state):
        """Brings back what was known between two epochs."""
        fit, engine = self._fit, Engine.of(self.model)
        _run_state.write(self.model, fit.callbacks, state["run"])
        self._epoch = state["epoch"] - 1
        known = state["run"]["engine"]
        engine.begin_records(known)
        for side, order in self._orders().items():
            order.restore(
                state[side],
                engine.recorded_passes(known, side),
                functools.partial(engine.record_again, known, side),
            )
        engine.finish_records(known, fit.train.current)
        random_state.write(state["run"]["random"])  # reading may have drawn

    def _skip(self, state):
        """Has the first epoch begin in its middle."""

        def done(iterator):
            running_fit.build_metrics(self.model, iterator)
            _run_state.write(self.model, self._fit.callbacks, state["run"])
            variables = self.model.metrics_variables
            _run_state.assign(variables, state["metrics"])

        self._saved_at = state["batch"]
        skip_step = Engine.of(self.model).skip_step
        self._fit.train.skip(state["batch"], skip_step, done)

    def _orders(self):
        sides = {"train": self._fit.train, "validation": self._fit.validation}
        return {name: side for name, side in sides.items() if side is not None}

    def _check_data(self):
        for name, order in self._orders().items():
            if order.source.reason is not None:
                raise ValueError(
                    f"ElasticCheckpoint: the {name} data must come in an "
                    "order that can be brought back, because a resumed run "
                    "has to see the same. Received: data of which "
                    f"{order.source.reason}. Pass arrays or a "
                    "`tf.data.Dataset` of them, and call "
                    "`keras.utils.set_random_seed` first."
                )
        if self.save_freq != "epoch" and self._fit.train.length is None:
            raise ValueError(
                "ElasticCheckpoint: the length of an epoch must be known, "
                "because a save in its last batch would be one too many. "
                f"Received: save_freq={self.save_freq!r}. Pass "
                '`save_freq="epoch"`, or apply '
                "`tf.data.experimental.assert_cardinality`."
            )

    def _check_same(self, state):
        now = self._command()
        differing = [k for k, v in state["command"].items() if now[k] != v]
        if not state["is_finished"] and state["data"] != self._signatures():
            differing.append("data or their seeds")
        if differing:
            raise ValueError(
                "ElasticCheckpoint: `directory` must be empty or of the same "
                "run, because another one cannot go on from it. Received: "
                f"directory={str(self.directory)!r}, of a run with other "
                f"{', '.join(differing)}. Name another folder, or remove it."
            )

    def _warn_of_others(self):
        if self.not_restored:
            self._say(
                f"{', '.join(self.not_restored)} started anew: callbacks of "
                "others do not say what they know"
            )

    def _say(self, sentence):
        self.sentences.append(sentence)
        warnings.warn(f"ElasticCheckpoint: {sentence}.", stacklevel=2)

    def _command(self):
        command = _run_state.describe(self.model, self._fit.callbacks)
        return {**command, "epochs": self.params["epochs"]}

    def _signatures(self):
        orders = self._orders().items()
        return {name: order.source.signature for name, order in orders}


class _Last(keras.callbacks.Callback):
    """Calls a checkpoint once all other callbacks have been called."""

    learns = ()

    def __init__(self, checkpoint):
        super().__init__()
        self._checkpoint = checkpoint

    def on_train_begin(self, logs=None):
        self._checkpoint.begin()

    def on_epoch_begin(self, epoch, logs=None):
        self._checkpoint.begin_epoch(epoch)

    def on_train_batch_end(self, batch, logs=None):
        self._checkpoint.end_batch(batch)

    def on_epoch_end(self, epoch, logs=None):
        self._checkpoint.end_epoch(epoch)

    def on_train_end(self, logs=None):
        self._checkpoint.end()
