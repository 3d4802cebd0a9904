"""Saves a `fit`, and resumes one that was killed."""

import os

import keras

from aet_keras import _check as check
from aet_keras._keras import running_fit, workers
from aet_keras.callbacks._saving import Saving


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
    recorded anew, in one pass without training; only with `views` above 1
    they are recorded from the next epochs, which are then not those that the
    killed run would have had. The place among the callbacks makes no
    difference: it saves when all others are done.

    A callback of your own comes back too if it has `get_state()`, which
    returns what it knows as a dict of numbers, strings, arrays, and of lists,
    tuples and dicts of these, and `set_state(state)`, which takes that dict
    back. Both are called after `on_train_begin`. All other callbacks start
    anew; `not_restored` lists them.

    The data may be arrays or a `tf.data.Dataset`, shuffled by a seed. Their
    order is brought back by making the iterators again, and by reading those
    batches of the epoch that are done. Data whose order cannot be brought
    back (generators, no seed) are refused. What cannot be seen is up to the
    user: a `map` that calls Python code with a state of its own, or a policy
    that reads the clock.

    Args:
        directory: path. One folder for one run, made if need be. It is locked
            while a `fit` saves in it. Other names in it are left alone.
        save_freq: `"epoch"` or int >= 1. Save at the end of each epoch, or
            also every so many batches. Defaults to `"epoch"`.
        keep: int >= 1. How many saves to keep, each of which stands alone.
            Defaults to `2`: where the newest is damaged, the one before is
            used. Damaged saves are said, and never removed.
        least_seconds: float >= 0. The save of an epoch is left out if less
            time has passed since the last one, or since the start: a shorter
            run writes none. Defaults to `0`; other than that it must go with
            `save_freq="epoch"`.

    A save that cannot be written, on a full disk for example, is said once:
    training goes on, and later saves are tried.

    Attributes:
        resumed_from: tuple of ints or None. The finished epochs, and batches
            of the next, that a resumed run began with.
        sentences: list of str. What was found damaged or could not be
            written, and what was done.
        not_restored: tuple of str. Classes of callbacks that started anew.

    Raises:
        TypeError: if an argument is of another kind.
        ValueError: at the start of `fit`, if the order of the data cannot be
            brought back, or the folder holds another run, is in use by one,
            or cannot be written.

    Cost: each save writes the weights, the optimizer's slots and what
        callbacks keep of weights, arrays of equal bytes once. One in the
        middle of an epoch also holds those that changed since its start, which
        are kept in memory for it. A run that resumes reads what was done of
        its epoch, and what was cached, once more.

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

    def __init__(
        self,
        directory: str | os.PathLike,
        *,
        save_freq: str | int = "epoch",
        keep: int = 2,
        least_seconds: float = 0.0,
    ):
        super().__init__()
        workers.mend_if_needed()
        self.directory = check.instance(
            self, of=str | os.PathLike, directory=directory
        )
        self.save_freq = save_freq
        if isinstance(save_freq, str):
            check.one_of(self, save_freq=save_freq, among=("epoch",))
        else:
            check.positive_int(self, save_freq=save_freq)
        self.keep = check.positive_int(self, keep=keep)
        self.least_seconds = check.number(
            self, least_seconds=least_seconds, least=0
        )
        if least_seconds and save_freq != "epoch":
            raise ValueError(
                "ElasticCheckpoint: `least_seconds` must be 0 where saves are "
                "counted in batches, because these say when to save. "
                f"Received: least_seconds={least_seconds:g}, "
                f"save_freq={save_freq}. Leave one out."
            )
        self._forget()

    def on_train_begin(self, logs=None):
        self._forget()
        fit = running_fit.RunningFit.of(self.model)
        if fit is None:
            raise ValueError(
                "ElasticCheckpoint: it must be a callback of `model.fit`, "
                "because it brings back the order of its data. Received: "
                f"another caller, of {type(self.model).__name__}. Pass it to "
                "`model.fit`."
            )
        saving = Saving(self, fit)
        running_fit.call_last(self.model, fit.callbacks, saving)

    def on_train_batch_end(self, batch, logs=None):
        pass  # that it is here keeps Keras from calling others in a thread

    get_state, set_state = check.NO_STATE  # what it knows is in the saves

    def _forget(self):
        self.resumed_from: tuple[int, int] | None = None
        self.sentences: list[str] = []
        self.not_restored: tuple[str, ...] = ()
