"""What is measured of replay by several workers, in each of their processes."""

import collective_bytes
import distributed_replays
import keras
import numpy as np
import tensorflow as tf
from _epoch_seconds import EpochSeconds

import aet_keras
from aet_keras import callbacks, policies
from aet_keras.backbones import group_layers

SIZE, CLASSES = 96, 10
MOVING = ("head", "block_13 up", "all")
EPOCHS = 3  # the first of each traces, and is left out

aet_keras.scope()  # workers have to meet before anything is computed


def mobilenet():
    """Returns a compiled MobileNetV2, and its groups: below block_13, above."""
    keras.utils.set_random_seed(0)
    with aet_keras.scope():
        base = keras.applications.MobileNetV2(
            (SIZE, SIZE, 3), include_top=False, weights=None, pooling="avg"
        )
        scores = keras.layers.Dense(CLASSES, "softmax")
        model = keras.Sequential([keras.Input((SIZE, SIZE, 3)), base, scores])
        model.compile("adam", "sparse_categorical_crossentropy")
    stages = [
        group.layers for group in group_layers(model) if group.name != "head"
    ]
    layers = [layer for stage in stages for layer in stage]
    names = [layer.name for layer in layers]
    begin = next(i for i, n in enumerate(names) if n.startswith("block_13"))
    return model, [layers[:begin], layers[begin:]]


def reduced_bytes(kinds):
    """Returns bytes reduced, and those that move, of the first `MOVING`."""
    model, layers = mobilenet()
    groups = aet_keras.backbones.Group
    groups = [
        groups(name, tuple(each))
        for name, each in zip(("below", "block_13 up"), layers, strict=True)
    ]
    x, y = tf.zeros((4, SIZE, SIZE, 3)), tf.zeros((4,), "int32")
    return [
        collective_bytes.of_step(model, groups, count, x, y)
        for count in range(kinds)
    ]


def epochs(count, batch_size, kinds):
    """Returns clock and processor seconds, of the first of `MOVING`."""
    model, groups = mobilenet()
    random = np.random.default_rng(0)
    x = random.normal(size=(count, SIZE, SIZE, 3)).astype("float32")
    y = random.integers(CLASSES, size=count)
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(batch_size)
    times = EpochSeconds()
    # One epoch more at first, which records.
    policy = policies.ThawOnSchedule(
        first_epoch=1 + EPOCHS, every_epochs=EPOCHS
    )
    freezing = callbacks.ElasticFreezing(
        policy, groups=groups, cache="memory", solve_head=False
    )
    shown = model.fit(
        data,
        epochs=1 + EPOCHS * kinds,
        verbose=0,
        callbacks=[times, freezing],
    )
    cached = shown.history["elastic_freezing/cached_groups"]
    expected = [2] * (1 + EPOCHS) + [1] * EPOCHS + [0] * EPOCHS
    assert cached == expected[: len(cached)], cached
    phases = np.split(np.array(times.seconds)[1:], kinds)
    return [phase[1:].min(axis=0).tolist() for phase in phases]


def runs(names, is_plain):
    """Returns the weights that small runs end with."""
    return [
        distributed_replays.run(name, is_plain=is_plain)["weights"]
        for name in names
    ]
