"""Stops a `fit` at a chosen moment, runs it again, and compares the ends."""

import dataclasses
import functools
import shutil
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from aet_keras import callbacks, policies

GROUPS = (["a"], ["b"], ["c"])
CLOCKS = {"times", "rebuild_seconds"}  # no two runs agree in these


class Killed(Exception):
    """Stands for a process that is gone."""


class AtMoments(keras.callbacks.Callback):
    """Has `reach` called at each batch, and at both ends of each epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        self.reach((epoch, "begin"))

    def on_train_batch_end(self, batch, logs=None):
        self.reach((self.epoch, batch))

    def on_epoch_end(self, epoch, logs=None):
        self.reach((epoch, "end"))

    def on_train_end(self, logs=None):
        self.reach((self.epoch, "over"))


class Kill(AtMoments):
    """Kills at a batch, or at the end or the start of an epoch."""

    def __init__(self, epoch, batch):
        super().__init__()
        self.at = epoch, batch

    def reach(self, moment):
        if moment == self.at:
            raise Killed


class CopySaves(AtMoments):
    """Copies saves at some moments: what a process killed there leaves."""

    def __init__(self, folder, copies):
        super().__init__()
        self.folder, self.copies = folder, copies

    def reach(self, moment):
        if moment in self.copies:
            shutil.copytree(self.folder, self.copies[moment])


@dataclasses.dataclass(frozen=True)
class Run:
    """What one `fit` that came to its end left behind."""

    model: keras.Model
    history: dict
    callbacks: list
    checkpoint: callbacks.ElasticCheckpoint | None

    def weights(self):
        return self.model.get_weights()

    def slots(self):
        return [v.numpy() for v in self.model.optimizer.variables]

    def logs(self):
        return self.history

    def learned(self):
        """Returns what the callbacks know, but for the checkpoint."""
        return {
            type(each).__name__: {
                name: value
                for name, value in each.get_state().items()
                if name not in CLOCKS
            }
            for each in self.callbacks
        }


def build_model(optimizer=None, run_eagerly=True, **settings):
    """Returns three layers to freeze, a dropout, and a head.

    Half of an eager step would be Adam's.
    """
    layers = [
        keras.Input((8,)),
        *(keras.layers.Dense(6, "tanh", name=name) for name in "abc"),
        keras.layers.Dropout(0.3),
        keras.layers.Dense(3, "softmax"),
    ]
    made = keras.Sequential(layers)
    made.compile(
        optimizer or keras.optimizers.SGD(0.01, momentum=0.9),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        run_eagerly=run_eagerly,
        **settings,
    )
    return made


def noise_rows(count=20):
    """Returns seeded noise `(count, 8)` and labels."""
    random = np.random.default_rng(0)
    x = random.normal(size=(count, 8)).astype("float32")
    return x, (np.arange(count) % 3).astype("int32")


def array_arguments():
    x, y = noise_rows(20)
    return {"x": x, "y": y, "batch_size": 4}


def dataset_arguments(shape=lambda rows: rows.shuffle(20, seed=3).batch(4)):
    pairs = tf.data.Dataset.from_tensor_slices(noise_rows(20))
    return {"x": shape(pairs), "shuffle": False}


def all_callbacks(cache="memory", solve_head=False, views=1):
    """Returns callbacks that hold more state than any user's would."""
    policy = policies.ThawOnSchedule(first_epoch=2, every_epochs=1)
    return [
        callbacks.ElasticFreezing(
            policy,
            groups=GROUPS,
            cache=cache,
            solve_head=solve_head,
            views=views,
        ),
        callbacks.AdaptiveLearningRate(),
        callbacks.KeepBest(),
        callbacks.KeepHeadOnly(),
    ]


def run(
    directory=None,
    *,
    data=array_arguments,
    make=all_callbacks,
    model=build_model,
    kill=None,
    copies=None,
    order=1,
    save_freq="epoch",
    also=(),
    **settings,
):
    """Runs one and the same command: seeds, model, data, `fit`."""
    keras.utils.set_random_seed(0)
    made, used, checkpoint = model(), make(), None
    listed = [*used, *also]
    if directory is not None:
        checkpoint = callbacks.ElasticCheckpoint(directory, save_freq=save_freq)
        listed.insert(1, checkpoint)
    listed = listed[::order] + ([Kill(*kill)] if kill else [])
    listed += [CopySaves(directory, copies)] if copies else []
    settings = {"validation_data": noise_rows(8)} | settings
    history = made.fit(
        **data(), **{"epochs": 4, "verbose": 0} | settings, callbacks=listed
    )
    return Run(made, history.history, used, checkpoint)


@functools.cache
def uninterrupted_run(**settings):
    """Runs a command that nobody kills; each once."""
    return run(**settings)


def run_and_copy(folder, moments, **settings):
    """Runs a command to its end; copies its saves at moments on the way.

    Returns:
        Run, and the copies by their moments, in `folder`. A run that goes on
        from a copy is one that was killed at its moment.
    """
    copies = {
        (epoch, moment): folder / f"killed-{epoch}-{moment}"
        for epoch, moment in moments
    }
    return run(folder / "whole", copies=copies, **settings), copies


def run_until_killed(directory, kill, **settings):
    """Runs a command until it is killed."""
    with pytest.raises(Killed), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*Kill started anew")
        run(directory, kill=kill, **settings)


def check_equal(one, other, *, by=("weights", "slots", "logs", "learned")):
    """Asserts that two runs ended bit-equal."""
    for name in by:
        left, right = (getattr(each, name)() for each in (one, other))
        np.testing.assert_equal(right, left, err_msg=name)
