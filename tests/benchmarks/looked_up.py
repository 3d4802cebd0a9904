"""What does it cost to look rows up instead of replaying them blindly?

Claim: a looked-up epoch costs at most 1.25 times a blind one plus reading.

    python tests/benchmarks/looked_up.py [--rounds 7] [--count 2048]

Photos of clothes at 32 and 96 pixels, the embedded backbone, batch 32. The
same rows come as arrays, which are replayed blindly, and by a `PyDataset`,
which is looked up. The reading alone takes its batches as `fit` does. Medians
of epochs, in seconds of the processor; one round on a busy machine tells
little.
"""

import argparse
import io
import json
import sys

import _machine
import _recipes
import keras
import numpy as np
import tensorflow as tf
from _epoch_seconds import EpochSeconds
from keras.src.backend.tensorflow.trainer import TFEpochIterator
from PIL import Image

import aet_keras
from aet_keras import callbacks, policies

BATCH, EPOCHS, WARM_EPOCHS = 32, 8, 3


def read(count, side):
    """Returns the first photos, resized, and their labels."""
    with np.load(_recipes.PHOTOS) as file:
        coded, ends = file["jpeg_train"], file["offsets_train"][: count + 1]
        labels = file["y_train"][:count].astype("int32")
    photos = [
        Image.open(io.BytesIO(coded[begin:end].tobytes())).convert("RGB")
        for begin, end in zip(ends[:-1], ends[1:], strict=True)
    ]
    pixels = [np.asarray(each.resize((side, side))) for each in photos]
    return np.stack(pixels), labels


class Rows(keras.utils.PyDataset):
    """Gives rows of arrays; nobody can prove that they stay."""

    def __init__(self, x, y):
        super().__init__()
        self._x, self._y = x, y

    def __len__(self):
        return len(self._x) // BATCH

    def __getitem__(self, number):
        rows = slice(number * BATCH, (number + 1) * BATCH)
        return self._x[rows], self._y[rows]


def build(side):
    """Returns a classifier on the embedded backbone, compiled."""
    keras.utils.set_random_seed(0)
    base = aet_keras.backbones.load_backbone(image_size=(side, side))
    pixels = keras.Input((side, side, 3))
    x = base(aet_keras.backbones.preprocess("embedded", pixels))
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(pixels, keras.layers.Dense(10, "softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def epochs(side, thawed, *data):
    """Returns the seconds of replayed epochs, and what the cache said."""
    policy = policies.ThawOnSchedule(
        every_epochs=99,
        first_epoch=0 if thawed else 99,
        group_count=thawed or 1,
    )
    freezing = callbacks.ElasticFreezing(policy, solve_head=False)
    times = EpochSeconds()
    build(side).fit(
        *data, batch_size=BATCH if len(data) > 1 else None, shuffle=False,
        epochs=EPOCHS, verbose=0, callbacks=[freezing, times],
    )  # fmt: skip
    said = [sentence for _, sentence in freezing.cache_events]
    return times.seconds[WARM_EPOCHS:], said


def reading(data):
    """Returns the seconds of epochs that only read."""
    strategy = tf.distribute.get_strategy()
    source = TFEpochIterator(distribute_strategy=strategy, x=data)
    source.reset()
    seconds = []
    for _ in range(EPOCHS):
        begun = _machine.now()
        for _, _, iterator in source:
            next(iterator)
        seconds.append(_machine.now() - begun)
    return seconds[WARM_EPOCHS:]


def compare(x, y, thawed, rounds):
    """Prints what the two ways take, and the ratio."""
    found = {"blind": [], "looked up": [], "reading": []}
    for _ in range(rounds):
        blind, said = epochs(x.shape[1], thawed, x, y)
        assert not any("looks rows up" in each for each in said)
        looked_up, said = epochs(x.shape[1], thawed, Rows(x, y))
        assert any("looks rows up" in each for each in said)
        found["blind"] += blind
        found["looked up"] += looked_up
        found["reading"] += reading(Rows(x, y))
    seconds = {
        name: float(np.median(np.array(each)[:, 1]))
        for name, each in found.items()
    }
    ratio = (seconds["looked up"] - seconds["reading"]) / seconds["blind"]
    figures = ", ".join(f"{name} {s:.3f} s" for name, s in seconds.items())
    print(
        f"{x.shape[1]} pixels, {thawed} groups moving: {figures} of the "
        f"processor an epoch; (looked up - reading) / blind {ratio:.2f}",
        flush=True,
    )
    return {"pixels": x.shape[1], "thawed": thawed, "ratio": ratio, **seconds}


def main():
    """Prints a line a size, then JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--count", type=int, default=2048)
    args = parser.parse_args()
    print(_machine.describe())
    found = [
        compare(*read(args.count, side), thawed, args.rounds)
        for side in (32, 96)
        for thawed in (0, 1)
    ]
    print(json.dumps(found))
    sys.exit(any(each["ratio"] > 1.25 for each in found))


if __name__ == "__main__":
    main()
