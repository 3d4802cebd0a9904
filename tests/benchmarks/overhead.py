"""What do the callbacks cost where they do nothing, and replay beside a model?

Claims:

- a step of `fit` with both callbacks and nothing to freeze takes at most 3 %
  longer than without them;
- a replayed epoch takes at most 1.15 times an epoch of a bare Keras model of
  the same upper layers on the same features.

    python tests/benchmarks/overhead.py [--rounds 7]

Digits, the embedded backbone at 32 pixels, batch 32. The two sides of a
comparison take turns, fit by fit, so that a slow minute meets both; the first
epoch of a `fit`, which traces, is left out. Seconds are those of the clock and
those of the processor, which others on the machine disturb less.
"""

import argparse
import json
import time

import _machine
import keras
import numpy as np

import aet_keras
from aet_keras import callbacks, policies

CLOCKS = {"clock": time.perf_counter, "processor": time.process_time}


class EpochTimes(keras.callbacks.Callback):
    """Takes the time of each epoch's training, by each clock."""

    def __init__(self):
        super().__init__()
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self._begun = _now()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(_now() - self._begun)


def _now():
    return np.array([read() for read in CLOCKS.values()])


def build():
    """Returns a classifier of digits, compiled, and its backbone."""
    keras.utils.set_random_seed(0)
    base = aet_keras.backbones.load_backbone(image_size=(32, 32))
    pixels = keras.Input((32, 32, 3))
    x = base(aet_keras.backbones.preprocess("embedded", pixels))
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(pixels, keras.layers.Dense(10, "softmax")(x))
    compile_model(model)
    return model, base


def compile_model(model):
    """Compiles with Adam."""
    model.compile("adam", "sparse_categorical_crossentropy")


def epoch_seconds(model, x, y, watchers, epochs=5):
    """Returns the medians of the epochs after the first, a clock each."""
    times = EpochTimes()
    model.fit(
        x, y, batch_size=32, epochs=epochs, verbose=0,
        callbacks=[*watchers, times],
    )  # fmt: skip
    return np.median(times.seconds[1:], axis=0)


def compare(name, plain, ours, rounds):
    """Lets two ways take turns, and prints what ours costs more."""
    plain(), ours()  # warm up
    rows = []
    for turn in range(rounds):
        order = (plain, ours) if turn % 2 else (ours, plain)
        seconds = {way: way() for way in order}
        rows.append(seconds[ours] / seconds[plain])
    found = dict(zip(CLOCKS, np.transpose(rows).tolist(), strict=True))
    for clock, ratios in found.items():
        spread = _machine.spread(ratios)
        print(f"{name}: ours / plain, {clock:>9}  {spread}", flush=True)
    return {"claim": name, **found}


def idle(data, rounds):
    """Both callbacks on a model in which everything moves."""
    x, y = data
    bare, _ = build()
    steered, _ = build()

    def ours():
        freezing = callbacks.ElasticFreezing(
            policies.ThawAll(), train_batch_normalization=True
        )
        rate = callbacks.AdaptiveLearningRate()
        return epoch_seconds(steered, x, y, [freezing, rate])

    return compare(
        "idle callbacks", lambda: epoch_seconds(bare, x, y, []), ours, rounds
    )


def replay(data, rounds, thawed):
    """Replayed epochs against a bare model of what is above the cut."""
    x, y = data
    model, base = build()
    groups = aet_keras.backbones.group_layers(model)[:-1]
    below = groups[len(groups) - thawed - 1].layers[-1]
    lower = keras.Model(base.input, below.output)
    prepared = aet_keras.backbones.preprocess("embedded", x.astype("float32"))
    features = lower.predict(np.asarray(prepared), verbose=0)
    upper = keras.Model(below.output, base.output)
    for layer in upper.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    inputs = keras.Input(features.shape[1:])
    pooled = keras.layers.GlobalAveragePooling2D()(upper(inputs))
    bare = keras.Model(inputs, keras.layers.Dense(10, "softmax")(pooled))
    compile_model(bare)

    def ours():
        policy = policies.ThawOnSchedule(
            every_epochs=99, first_epoch=0, group_count=thawed
        )
        freezing = callbacks.ElasticFreezing(policy, cache_dtype="float32")
        return epoch_seconds(model, x, y, [freezing])

    return compare(
        f"replay, {thawed} groups moving",
        lambda: epoch_seconds(bare, features, y, []),
        ours,
        rounds,
    )


def main():
    """Prints a line a claim, then JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    print(_machine.describe())
    train = aet_keras.data.read_digits(image_size=(32, 32)).train
    data = train.inputs, train.labels
    found = [idle(data, args.rounds)]
    found += [replay(data, args.rounds, thawed) for thawed in (1, 3)]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
