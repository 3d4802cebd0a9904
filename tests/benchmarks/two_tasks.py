"""What does one backbone with two heads save, beside two models?

Claim: on clothing10, a shared backbone that learns the class of a garment and
its tone, and what the two losses weigh, takes at most 0.7 times the seconds of
two models (median of seeds), and is within 0.02 of their test accuracy on each
task (mean of seeds).

    python tests/benchmarks/two_tasks.py [--seeds 0 1 2] [--epochs 14]

MobileNetV2 (ImageNet + 19 dog breeds), 96 pixels, batch 32, the same callbacks
at their defaults in every row. The tone is made of the pixels: the median of
the middle of the image, which shows the garment, is dark, grey or light
where its colours are less than a quarter apart, and warm or cold elsewhere. It
says little about the class; the largest of the five has 0.26 of the images.
`summed` adds the two losses up, `learned` learns what they weigh. Each row is
judged at the best epoch by `val_loss`; seconds have validation in them.
"""

import argparse
import json
import time

import _cells
import _machine
import _recipes
import keras
import numpy as np

import aet_keras
from aet_keras import callbacks, layers, losses

CLASS_COUNTS = {"garment": 10, "tone": 5}
ROWS = ("two models", "summed", "learned")


def tones(images):
    """Returns the tone of each image, `(count,)`."""
    middle = images[:, 32:64, 32:64].reshape(len(images), -1, 3) / 255.0
    colours = np.median(middle, axis=1)  # (count, 3)
    high, low = colours.max(axis=1), colours.min(axis=1)
    greys = (high >= 0.3).astype("int32") + (high >= 0.65)
    hues = np.where(colours[:, 0] >= colours[:, 2], 3, 4)
    return np.where(high - low < 0.25 * np.maximum(high, 1e-6), greys, hues)


def read():
    """Returns inputs and named targets of the three splits."""
    dataset = aet_keras.data.read_images(
        str(_recipes.PHOTOS), image_size=(96, 96)
    )
    splits = dataset.train, dataset.validation, dataset.test
    return [
        (each.inputs, {"garment": each.labels, "tone": tones(each.inputs)})
        for each in splits
    ]


def build(names, *, is_learned=False):
    """Returns a compiled model with a head for each task."""
    base = aet_keras.backbones.load_backbone(
        "MobileNetV2", weights=str(_cells.WEIGHTS), image_size=(96, 96)
    )
    pixels = keras.Input((96, 96, 3))
    x = base(aet_keras.backbones.preprocess("MobileNetV2", pixels))
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(0.2)(x)
    outputs = {}
    for name in names:
        scores = keras.layers.Dense(CLASS_COUNTS[name], "softmax")
        outputs[name] = scores(x)
        if is_learned:
            outputs[name] = layers.Uncertainty(name=name)(outputs[name])
    loss = "sparse_categorical_crossentropy"
    if is_learned:
        loss = losses.WeightedByUncertainty(loss)
    model = keras.Model(pixels, outputs)
    model.compile(
        keras.optimizers.Adam(1e-3),
        dict.fromkeys(names, loss),
        metrics={name: ["accuracy"] for name in names},
    )
    return model


def fit(names, splits, epochs, seed, **settings):
    """Trains one model; returns its test accuracies, and what it took."""
    keras.utils.set_random_seed(seed)
    train, validation, test = (
        (x, {name: y[name] for name in names}) for x, y in splits
    )
    model = build(names, **settings)
    best, freezing = callbacks.KeepBest(), callbacks.ElasticFreezing()
    clock, cpu = time.perf_counter(), time.process_time()
    history = model.fit(
        *train,
        validation_data=validation,
        batch_size=32,
        epochs=epochs,
        verbose=0,
        callbacks=[freezing, callbacks.AdaptiveLearningRate(), best],
    ).history
    taken = np.array([time.perf_counter() - clock, time.process_time() - cpu])
    right = {}
    for name, scores in model.predict(test[0], verbose=0).items():
        right[name] = float((scores.argmax(axis=1) == test[1][name]).mean())
    weights = [history.get(f"{name}_weight", [1.0])[-1] for name in names]
    print(
        f"  {'+'.join(names)}: best epoch {best.best_epoch}, weights {weights},"
        f" {[str(each) for _, each in freezing.cache_events]}",
        flush=True,
    )
    return right, taken


def measure(row, seed, epochs, splits):
    """Runs one row with one seed."""
    names = list(CLASS_COUNTS)
    parts = [[name] for name in names] if row == ROWS[0] else [names]
    right, taken = {}, np.zeros(2)
    for part in parts:
        found, seconds = fit(
            part, splits, epochs, seed, is_learned=row == "learned"
        )
        right |= found
        taken += seconds
    return {
        "row": row,
        "seed": seed,
        **{f"{name}_accuracy": right[name] for name in names},
        "seconds": taken[0],
        "cpu_seconds": taken[1],
    }


def main():
    """Prints a line a run, then a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rows", nargs="+", default=ROWS, choices=ROWS)
    parser.add_argument("--epochs", type=int, default=14)
    args = parser.parse_args()
    print(_machine.describe())
    splits, runs = read(), []
    for seed in args.seeds:
        for row in args.rows:
            runs.append(measure(row, seed, args.epochs, splits))
            print(json.dumps(runs[-1]), flush=True)
    for row in args.rows:
        for key in list(runs[0])[2:]:
            values = [run[key] for run in runs if run["row"] == row]
            print(f"{row:>11} {key:>16}  {_machine.spread(values)}")


if __name__ == "__main__":
    main()
