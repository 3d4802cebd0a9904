"""Small replayed runs of several workers, compared with those of one process.

`worker_groups.Group` has each of several processes call a function of these.
"""

import contextlib
import warnings
from types import SimpleNamespace

import collective_bytes
import interrupted_runs
import keras
import numpy as np
import replay_runs
import tensorflow as tf
from replay_runs import batches, noise_rows

import aet_keras
from aet_keras import _cluster
from aet_keras._keras import proofs
from aet_keras.callbacks import ElasticCheckpoint
from aet_keras.replay.recorder import Recorder

COUNT, BATCH = 45, 8

aet_keras.scope()  # workers have to meet before anything is computed


def model_of(optimizer=None):
    """Returns a model without random layers, under the strategy of here."""
    with aet_keras.scope():
        return replay_runs.build_model(
            head=(keras.layers.Identity(),),
            optimizer=optimizer or replay_runs.momentum(),
            run_eagerly=False,
            metrics=["accuracy"],
        )


def decoding_rows(count=COUNT, decoded=None):
    """Returns rows in batches that are decoded one by one, as pictures are."""
    x, y = noise_rows(count)

    def decode(row):
        if decoded is not None:
            decoded.append(int(row))
        return x[int(row)]

    def read(row, label):
        pixels = tf.py_function(decode, [row], tf.float32)
        return tf.ensure_shape(pixels, (8,)), label

    pairs = tf.data.Dataset.from_tensor_slices((np.arange(count), y))
    return proofs.promise_by_row(pairs.map(read)).batch(BATCH)


def own_limit():
    """Returns settings of a cache that the second worker has no memory for."""
    return {"cache_limit_bytes": 0 if _cluster.here().index == 1 else 10**9}


CASES = {
    # Of two or three workers, the last batch has a row for the first alone.
    "a worker without rows at the end": {"data": lambda: batches(33)},
    "arrays and class weights": {
        "data": lambda: noise_rows(COUNT),
        "optimizer": "adam",
        "fit": {"class_weight": {0: 0.5, 1: 1.0, 2: 3.0}},
    },
    "batches that are taken": {
        "data": lambda: batches(COUNT).take(99),
        "fit": {"epochs": 1},
    },
    "a worker without memory": {
        "data": lambda: batches(COUNT),
        "own": own_limit,
        "fit": {"epochs": 2},
    },
    "a solved head": {
        "data": lambda: batches(COUNT),
        "own": lambda: {"solve_head": True},
        "fit": {"epochs": 2},
    },
    "shuffled": {
        "data": lambda: noise_rows(COUNT),
        "fit": {"shuffle": True},
    },
}


def run(name, *, is_plain=False):
    """Returns what a run ends with."""
    case = CASES[name]
    ended = replay_runs.run(
        lambda: model_of(case.get("optimizer")),
        case["data"],
        None if is_plain else "memory",
        own=case.get("own", dict)(),
        validation_data=batches(21),
        **case.get("fit", {}),
    )
    return {
        "weights": ended.weights,
        "slots": ended.slots,
        "logs": ended.logs,
        "said": ended.said,
        "cached": ended.cached,
    }


def runs(names):
    """Returns `run` of each of some cases."""
    return [run(name) for name in names]


def saved_run(folder, *also, used=None):
    """Returns a run of shuffled rows that is saved, and where it began."""
    checkpoint = ElasticCheckpoint(folder, save_freq=2)
    if used is not None:
        used.append(checkpoint)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of callbacks that start anew
        ended = replay_runs.run(
            model_of,
            lambda: noise_rows(COUNT),
            also=[lambda: checkpoint, *also],
            validation_data=batches(21),
            shuffle=True,
            epochs=4,
        )
    return {
        "weights": ended.weights,
        "slots": ended.slots,
        "logs": ended.logs,
        "cached": ended.cached,
    }


def resumed_run(folder, moments):
    """Returns a run, one that was left at moments, and where each went on."""
    whole, used = saved_run(f"{folder}/whole"), []
    for moment in moments:
        with contextlib.suppress(interrupted_runs.Killed):
            saved_run(
                f"{folder}/left",
                lambda: interrupted_runs.Kill(*moment),  # noqa: B023
                used=used,
            )
    resumed = saved_run(f"{folder}/left", used=used)
    return whole, resumed, [each.resumed_from for each in used]


def shuffled_run():
    """Returns a run of shuffled rows, and the own rows of each of its steps."""
    steps, replay = [], Recorder.replay
    cluster = _cluster.here()

    def noting(self, rows, *arguments, **settings):
        if self._training:
            steps.append((cluster.index + cluster.count * rows).tolist())
        return replay(self, rows, *arguments, **settings)

    Recorder.replay = noting
    try:
        return run("shuffled"), steps
    finally:
        Recorder.replay = replay


def run_in_order(steps):
    """Returns a plain run of the rows of these steps, three epochs of them."""
    x, y = noise_rows(COUNT)

    def data():
        return tf.data.Dataset.from_generator(
            lambda: ((x[rows], y[rows]) for rows in steps),
            output_signature=(
                tf.TensorSpec((None, 8), "float32"),
                tf.TensorSpec((None,), "int32"),
            ),
        )

    ended = replay_runs.run(
        model_of, data, None, steps_per_epoch=len(steps) // 3
    )
    return {"weights": ended.weights, "slots": ended.slots}


def decoded_counts():
    """Returns how often rows were decoded, in training and validation."""
    train, held = [], []
    ended = replay_runs.run(
        model_of,
        lambda: decoding_rows(decoded=train),
        validation_data=decoding_rows(21, held),
    )
    assert ended.cached == [3, 3, 2]
    return len(train), len(held), sorted(set(train))


def bytes_of_steps():
    """Returns what steps reduce, and what moves, for 0 to 3 moving groups."""
    model = model_of()
    base = model.get_layer("old")
    groups = [
        SimpleNamespace(name=name, layers=[base.get_layer(name)])
        for name in "abc"
    ]
    x, y = map(tf.constant, noise_rows(4))
    return [
        collective_bytes.of_step(model, groups, count, x, y)
        for count in range(4)
    ]
