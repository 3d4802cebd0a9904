"""Saves and resumes, once all other callbacks have been called."""

import contextlib
import copy
import functools
import os
import time
import warnings
import weakref

import keras

from aet_keras import _check as check
from aet_keras._keras import random_state, running_fit
from aet_keras._lock import InUse, Lock
from aet_keras.callbacks import _run_state
from aet_keras.callbacks._old_saves import in_present_form
from aet_keras.callbacks._others import check_no_swapped_averages
from aet_keras.callbacks._saves import Damaged, Saves
from aet_keras.engine import Engine
from aet_keras.engine.agreement import Meeting

_HARMLESS = (
    keras.callbacks.History,
    keras.callbacks.ProgbarLogger,
    Meeting,
)


class Saving(keras.callbacks.Callback):
    """Saves one `fit`, or brings it back; the last of its callbacks.

    A save in the middle of an epoch also holds what was known at the epoch's
    start: a resumed run starts the epoch from there, as it was started first,
    skips what was done of it, and then takes up what was known last.

    Args:
        checkpoint: the `ElasticCheckpoint` that is told what was done.
        fit: `running_fit.RunningFit`.
    """

    def __init__(self, checkpoint, fit: running_fit.RunningFit):
        super().__init__()
        self._checkpoint = checkpoint
        self._fit = fit
        self._saves = Saves(checkpoint.directory, checkpoint.keep)
        self._start = self._finished = None
        self._lock: Lock | None = None
        self._has_failed = self._cannot_prune = False
        self._epoch = -1
        self._saved_at = 0
        self._saved_when, self._has_saved = time.monotonic(), False

    def on_train_begin(self, logs=None):
        self._checkpoint.not_restored = tuple(
            type(each).__name__
            for each in self._fit.callbacks
            if not (_run_state.has_state(each) or isinstance(each, _HARMLESS))
        )
        check_no_swapped_averages(self._checkpoint, self._fit.callbacks)
        folder = self._saves.folder
        made = [p for p in (folder, *folder.parents) if not os.path.lexists(p)]
        try:
            self._begin()
        except BaseException:
            self._leave()
            for path in made:
                with contextlib.suppress(OSError):  # it is not empty
                    path.rmdir()
            raise

    def _begin(self):
        begun = _run_state.read_callbacks(self._fit.callbacks)
        is_chief = Engine.of(self.model).workers.is_chief
        problem = self._take_folder() if is_chief else None
        save = self._newest_of_all()
        if save is None:
            self._check_data()
            self._check_folder(problem)
            return
        save = in_present_form(save, begun)
        state = save.state
        if is_chief:  # it may have more callbacks, which show progress
            self._check_same(state)
        self._checkpoint.resumed_from = state["epoch"], state["batch"]
        self._has_saved = True
        if state["is_finished"]:
            self._finished = state
            running_fit.start_at(self.model, self.params["epochs"])
            return
        self._check_data()
        self._check_folder(problem)
        self._warn_of_others()
        start = save.start if state["batch"] else state
        self._remember(start)
        if start is not None:
            self._go_back(start)
        if state["batch"]:
            self._skip(state)
        is_over = state["run"]["stop_training"] and not state["batch"]
        epoch = self.params["epochs"] if is_over else state["epoch"]
        running_fit.start_at(self.model, epoch)

    def on_epoch_begin(self, epoch, logs=None):
        running_fit.start_at(self.model, None)
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        done, every = batch + 1, self._checkpoint.save_freq
        if every == "epoch" or done >= self._fit.train.length:
            return  # the end of the epoch saves more
        if self.model.stop_training:
            return  # it comes now
        if done // every > self._saved_at // every:
            self._saved_at = done
            self._save(self._epoch, done)

    def on_epoch_end(self, epoch, logs=None):
        self._saved_at = 0
        if self._is_due():
            self._remember(self._save(epoch + 1, 0))

    def on_train_end(self, logs=None):
        running_fit.start_at(self.model, None)
        if self._finished is None:
            if self._has_saved or self._is_due():
                self._save(self._epoch + 1, 0, is_finished=True)
        else:
            _run_state.write(
                self.model, self._fit.callbacks, self._finished["run"]
            )
        self._start = self._finished = None
        self._leave()

    get_state, set_state = check.NO_STATE  # what it knows is in the saves

    def _is_due(self):
        """Says whether enough time has passed; the chief's clock decides."""
        least = self._checkpoint.least_seconds
        if not least:
            return True
        is_due = time.monotonic() - self._saved_when >= least
        workers = Engine.of(self.model).workers
        return workers.of_chief(is_due) if workers.is_needed else is_due

    def _save(self, epoch, batch, *, is_finished=False):
        """Writes a save, and returns what it holds; never ends `fit`."""
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
        self._saved_when, self._has_saved = time.monotonic(), True
        if not Engine.of(model).workers.is_chief:
            return state  # all have read it together: the chief writes it
        try:
            self._saves.write(state, start=self._start if batch else None)
            self._has_failed = False
        except OSError as error:
            self._say_failed(epoch, batch, error)
            return state
        self._prune()
        return state

    def _say_failed(self, epoch, batch, error):
        if not self._has_failed:  # once, until saves work again
            where = f"after {epoch} epochs and {batch} batches"
            self._say(
                f"no save could be written {where} ({_reason(error)}): "
                "training goes on, and later saves are tried"
            )
        self._has_failed = True

    def _prune(self):
        try:
            self._saves.prune()
        except OSError as error:
            if not self._cannot_prune:
                self._say(
                    "an old save could not be removed from "
                    f"{self._saves.folder} ({_reason(error)})"
                )
            self._cannot_prune = True

    def _remember(self, state):
        """Keeps what is known as an epoch begins, for saves in its middle."""
        if self._checkpoint.save_freq != "epoch":
            self._start = copy.deepcopy(state)

    def _take_folder(self):
        """Locks the folder; returns what keeps it from being written, if so."""
        folder = self._saves.folder
        try:
            self._saves.check_writable()
        except OSError as error:
            return error
        this = weakref.ref(self)

        def is_running():
            return this() is not None and running_fit.is_called(this())

        try:
            self._lock = Lock(folder, is_running)
        except InUse as error:
            raise ValueError(
                "ElasticCheckpoint: one run at a time must have `directory`, "
                "because two would remove each other's saves. Received: "
                f"directory={str(folder)!r}; {error}. Name another folder, "
                "or wait until that run is over."
            ) from error
        except OSError as error:
            self._say(
                f"{folder} cannot be locked ({_reason(error)}): see to it "
                "that no other run saves in it"
            )
            return None
        weakref.finalize(self, self._lock.release)
        self._saves.sweep()
        return None

    def _check_folder(self, problem):
        if problem is not None:
            raise ValueError(
                "ElasticCheckpoint: `directory` must be a folder that can be "
                "written, because the run is saved in it. Received: "
                f"directory={str(self._saves.folder)!r} ({_reason(problem)}). "
                "Name another folder, or make room."
            ) from problem

    def _leave(self):
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _newest_of_all(self):
        """Returns the newest save that the chief found, read by each worker."""
        workers = Engine.of(self.model).workers
        save = self._newest() if workers.is_chief else None
        if not workers.is_needed:
            return save
        name, reason = workers.of_chief(save and save.name), None
        if name is not None and not workers.is_chief:
            try:
                save = self._saves.read(name)
            except Damaged as error:
                reason = str(error)
        if any(workers.of_all([reason is not None])):
            raise ValueError(
                "ElasticCheckpoint: `directory` must be a folder that all "
                "workers read, because the chief writes and the others go on "
                "from there. Received: "
                f"directory={str(self._saves.folder)!r}; here {reason or name}."
                " Name a folder that the machines share."
            )
        return save

    def _newest(self):
        """Returns the newest whole save, or None; says which are not."""
        save, damaged = self._saves.newest()
        for each in damaged:
            self._say(f"passes over a damaged save, and keeps it: {each}")
        return save

    def _go_back(self, state):
        """Brings back what was known between two epochs."""
        fit, engine = self._fit, Engine.of(self.model)
        # A head is solved before the first step, if its loss is known then.
        running_fit.build_metrics(self.model, fit.train.data)
        _run_state.write(self.model, fit.callbacks, state["run"])
        self._epoch = state["epoch"] - 1
        replay, known = engine.replay, state["run"]["engine"]["replay"]
        if replay is not None:
            replay.set_state(known, engine.trainable)
        for split, order in self._orders().items():
            order.restore(state[split], *self._recorded(replay, known, split))
        if replay is not None:
            replay.finish_records(known, fit.train.current)
        random_state.write(state["run"]["random"])  # reading may have drawn

    def _recorded(self, replay, known, split):
        """Returns the batches that were recorded, and what records them."""
        if replay is None:
            return (), None
        passes = replay.recorded_passes(known, split)
        return passes, functools.partial(replay.record_again, known, split)

    def _skip(self, state):
        """Has the first epoch begin in its middle."""

        def done(iterator):
            running_fit.build_metrics(self.model, iterator)
            _run_state.write(self.model, self._fit.callbacks, state["run"])
            variables = self.model.metrics_variables
            _run_state.assign(variables, state["metrics"])

        self._saved_at = state["batch"]
        replay = Engine.of(self.model).replay
        step = next if replay is None else replay.skip
        self._fit.train.skip(state["batch"], step, done)

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
        if (
            self._checkpoint.save_freq != "epoch"
            and self._fit.train.length is None
        ):
            raise ValueError(
                "ElasticCheckpoint: the length of an epoch must be known, "
                "because a save in its last batch would be one too many. "
                f"Received: save_freq={self._checkpoint.save_freq!r}. Pass "
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
                f"directory={str(self._checkpoint.directory)!r}, of a run "
                f"with other {', '.join(differing)}. Name another folder, or "
                "remove it."
            )

    def _warn_of_others(self):
        others = ", ".join(self._checkpoint.not_restored)
        if others:
            self._say(
                f"{others} started anew: without `get_state` and `set_state` "
                "a callback does not say what it knows"
            )

    def _say(self, sentence):
        self._checkpoint.sentences.append(sentence)
        warnings.warn(f"ElasticCheckpoint: {sentence}.", stacklevel=2)

    def _command(self):
        command = _run_state.describe(self.model, self._fit.callbacks)
        return {**command, "epochs": self.params["epochs"]}

    def _signatures(self):
        orders = self._orders().items()
        return {name: order.source.signature for name, order in orders}


def _reason(error):
    return error.strerror or str(error)
