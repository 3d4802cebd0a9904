"""What do the callbacks cost where they do nothing, and replay beside a model?

Claims:

- a step of `fit` with both callbacks and nothing to freeze takes at most 3 %
  longer than without them;
- a replayed epoch takes at most 1.15 times an epoch of a bare Keras model of
  the same upper layers on the same features.

    python tests/benchmarks/overhead.py [--rounds 7]

Digits, the embedded backbone at 32 pixels, batch 32. The two sides of a
comparison take turns, step by step, callbacks of the step included; the first
epoch of a `fit`, which traces, is left out. Seconds are those of the clock and
those of the processor, which others on the machine disturb less.
"""

import argparse
import json
import threading

import _machine
import keras
import numpy as np

import aet_keras
from aet_keras import callbacks, policies

EPOCHS, WARM_EPOCHS = 5, 1
CLOCKS = "clock", "processor"


class Turns:
    """Lets the steps of two fits take turns, and takes the time of each.

    Each fit runs in a thread of its own, and waits while the other makes a
    step: a slow moment of the machine meets both.
    """

    def __init__(self):
        self._changed = threading.Condition()
        self._now = 0
        self._ended = set()
        self.seconds = [], []

    def run(self, fits):
        """Runs two fits, functions of the callbacks that they get."""
        threads = [
            threading.Thread(target=self._run, args=(fit, side))
            for side, fit in enumerate(fits)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def begin(self, side):
        """Waits for the turn of a side."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._now == side or 1 - side in self._ended
            )

    def end(self, side):
        """Gives the turn to the other side."""
        with self._changed:
            self._now = 1 - side
            self._changed.notify_all()

    def _run(self, fit, side):
        try:
            fit(*_ends(self, side))
        finally:
            with self._changed:
                self._ended.add(side)
                self._changed.notify_all()


def _ends(turns, side):
    """Returns the callback before all others, and the one after them."""
    begun = []

    def begin(batch, logs=None):
        turns.begin(side)
        begun.append(_machine.now())

    def end(batch, logs=None):
        turns.seconds[side].append(_machine.now() - begun[-1])
        turns.end(side)

    lambdas = keras.callbacks.LambdaCallback
    return lambdas(on_train_batch_begin=begin), lambdas(on_train_batch_end=end)


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


def fit(model, x, y, make_watchers=list):
    """Returns a `fit` that takes turns: a function of two callbacks."""

    def run(first, last):
        model.fit(
            x, y, batch_size=32, epochs=EPOCHS, verbose=0,
            callbacks=[first, *make_watchers(), last],
        )  # fmt: skip

    return run


def compare(name, plain, ours, rounds):
    """Lets two ways take turns, and prints what ours costs more."""
    sides = [], []
    for turn in range(rounds):
        turns, swapped = Turns(), turn % 2
        turns.run((ours, plain) if swapped else (plain, ours))
        for side, steps in enumerate(turns.seconds):
            warm = len(steps) * WARM_EPOCHS // EPOCHS
            sides[side ^ swapped].append(steps[warm:])
    found = {"claim": name}
    for place, clock in enumerate(CLOCKS):
        steps = [np.concatenate(side)[:, place] for side in sides[::-1]]
        found[clock] = of_medians(*steps)
        ratio, low, high = found[clock]
        print(
            f"{name}, {clock}: ours / plain {ratio:.3f} ({low:.3f} to "
            f"{high:.3f}), medians of {len(steps[0])} steps each",
            flush=True,
        )
    return found


def of_medians(ours, plain, draws=2000):
    """Returns the ratio of two medians, and its 95 % bootstrap interval."""
    random = np.random.default_rng(0)
    ratios = [
        np.divide(*(np.median(random.choice(x, len(x))) for x in (ours, plain)))
        for _ in range(draws)
    ]
    ratio = np.median(ours) / np.median(plain)
    return [float(x) for x in (ratio, *np.quantile(ratios, [0.025, 0.975]))]


def idle(data, rounds):
    """Both callbacks on a model in which everything moves."""
    x, y = data
    bare, _ = build()
    steered, _ = build()

    def watchers():
        freezing = callbacks.ElasticFreezing(
            policies.ThawAll(), train_batch_normalization=True
        )
        return [freezing, callbacks.AdaptiveLearningRate()]

    plain, ours = fit(bare, x, y), fit(steered, x, y, watchers)
    return compare("idle callbacks", plain, ours, rounds)


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

    def watchers():
        policy = policies.ThawOnSchedule(
            every_epochs=99, first_epoch=0, group_count=thawed
        )
        return [callbacks.ElasticFreezing(policy, cache_dtype="float32")]

    plain, ours = fit(bare, features, y), fit(model, x, y, watchers)
    return compare(f"replay, {thawed} groups moving", plain, ours, rounds)


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
