"""Does attention pay, grafted into a pretrained backbone?

Claim: grafts that start as the identity do not lose accuracy, and the usual
random start does. Whether one gains is what the table says.

    python tests/benchmarks/grafts.py [--seeds 0 1 2] [--rows ...]

clothing10, MobileNetV2 (ImageNet + 19 dog breeds), 96 pixels, batch 32, the
two callbacks at their defaults, the weights of the best validation epoch.
Rows named `random` stand where their twins do and start as such layers
usually start: plain sigmoid gates or a gain of 1, with random weights.
"""

import argparse
import json
import time

import _cells
import _machine
import _recipes
import keras

from aet_keras import backbones, callbacks, layers
from aet_keras.backbones.attention import graft_attention


class RandomSE(layers.SqueezeExcite):
    """A plain sigmoid gate with random weights."""

    def build(self, input_shape):
        super().build(input_shape)
        _randomise(self.excite.kernel)

    def call(self, inputs, mask=None):
        return super().call(inputs, mask) / 2


class RandomCBAM(layers.ConvolutionalBlockAttention):
    """Two plain sigmoid gates with random weights."""

    def build(self, input_shape):
        super().build(input_shape)
        _randomise(self.excite.kernel)
        _randomise(self.spatial.conv.kernel)

    def call(self, inputs, mask=None):
        return super().call(inputs, mask) / 4


class RandomSoft(layers.SoftAttention):
    """Attention that is added from the start."""

    def build(self, input_shape):
        super().build(input_shape)
        self.gain.assign(1.0)


def _randomise(weight):
    weight.assign(keras.initializers.GlorotUniform()(weight.shape))


RANDOM = {
    "se_random": (RandomSE, 2),
    "cbam_random": (RandomCBAM, 2),
    "soft_random": (RandomSoft, 1),
}
KINDS = ("se", "eca", "cbam", "soft")
ROWS = ("none", *KINDS, "pooling", *RANDOM)


def build(row):
    """Returns the compiled classifier of a row."""
    base = backbones.load_backbone(
        "MobileNetV2", weights=str(_cells.WEIGHTS), image_size=(96, 96)
    )
    if row in KINDS:
        base = graft_attention(base, row)
    if row in RANDOM:
        layer, count = RANDOM[row]
        places = backbones.group_layers(base)[-count:]
        base = backbones.graft(base, layer, after=places)
    pool = keras.layers.GlobalAveragePooling2D
    pool = layers.SoftAttentionPooling if row == "pooling" else pool
    pixels = keras.Input((96, 96, 3))
    x = base(backbones.preprocess("MobileNetV2", pixels))
    x = keras.layers.Dropout(0.2)(pool()(x))
    outputs = keras.layers.Dense(10, activation="softmax")(x)
    model = keras.Model(pixels, outputs)
    _cells.compile_model(model, 1e-3)
    return model


def milliseconds(rows, rounds=25):
    """Returns the times of one image, a list a row, in batches of 32.

    Rows take turns, so that a slow moment of the machine meets them all.
    """
    models = {row: build(row) for row in rows}
    (batch, _), *_ = _recipes.photos(0)[0].take(1)
    for model in models.values():
        model.predict_on_batch(batch)
    times = {row: [] for row in rows}
    for _ in range(rounds):
        for row, model in models.items():
            begun = time.perf_counter()
            model.predict_on_batch(batch)
            seconds = time.perf_counter() - begun
            times[row].append(1e3 * seconds / len(batch))
    return times


def measure(row, seed, epochs):
    """Trains one row with one seed, and returns its figures."""
    train, validation, (test, labels) = _recipes.photos(seed)
    model = build(row)
    best = callbacks.KeepBest("val_accuracy")
    rate = callbacks.AdaptiveLearningRate()
    begun = time.perf_counter()
    freezing = callbacks.ElasticFreezing()
    _recipes.fit(model, (train, validation), epochs, freezing, rate, best)
    seconds = time.perf_counter() - begun
    outputs = model.predict(test, verbose=0)
    return {
        "row": row,
        "seed": seed,
        "test_accuracy": float((outputs.argmax(axis=1) == labels).mean()),
        "validation_accuracy": best.best,
        "seconds": round(seconds, 1),
        "parameters": model.count_params(),
    }


def main():
    """Prints a line a run, then a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--rows", nargs="+", default=ROWS, choices=ROWS)
    parser.add_argument("--epochs", type=int, default=8)
    args = parser.parse_args()
    print(_machine.describe(), flush=True)
    runs = []
    for seed in args.seeds:
        for row in args.rows:
            keras.utils.clear_session()
            runs.append(measure(row, seed, args.epochs))
            print(json.dumps(runs[-1]), flush=True)
    for row in args.rows if runs else ():
        for key in ("test_accuracy", "validation_accuracy", "seconds"):
            values = [run[key] for run in runs if run["row"] == row]
            print(f"{row:>11} {key:>19}  {_machine.spread(values)}")
    keras.utils.clear_session()
    times = milliseconds(args.rows)
    for row in args.rows:
        print(f"{row:>11}        milliseconds  {_machine.spread(times[row])}")


if __name__ == "__main__":
    main()
