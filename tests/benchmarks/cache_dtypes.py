"""What does it cost to keep features in two bytes a number?

Claim: features in float16 or bfloat16 take half the room of float32, and the
accuracy does not fall.

    python tests/benchmarks/cache_dtypes.py [--seeds 0 1 2] [--epochs 8]

clothing10, MobileNetV2, 96 pixels, batch 32, both callbacks at their defaults
but for the dtype. Judged at the best validation epoch.
"""

import argparse
import json
import time

import _machine
import _recipes
import keras

from aet_keras import callbacks
from aet_keras.engine import Engine

DTYPES = ("float16", "bfloat16", "float32")


class Room(keras.callbacks.Callback):
    """Notes how many bytes the records take at most."""

    bytes = 0

    def on_epoch_end(self, epoch, logs=None):
        held = Engine.of(self.model).cached_bytes
        self.bytes = max(self.bytes, held)


def measure(dtype, seed, epochs):
    """Runs one dtype with one seed."""
    train, validation, (test, labels) = _recipes.photos(seed)
    model, _ = _recipes.build(1e-3)
    best, room = callbacks.KeepBest(), Room()
    freezing = callbacks.ElasticFreezing(cache_dtype=dtype)
    rate = callbacks.AdaptiveLearningRate()
    begun = time.perf_counter()
    watchers = freezing, rate, best, room
    _recipes.fit(model, (train, validation), epochs, *watchers)
    seconds = time.perf_counter() - begun
    outputs = model.predict(test, verbose=0)
    right = outputs.argmax(axis=1) == labels
    return {
        "row": dtype,
        "seed": seed,
        "test_accuracy": float(right.mean()),
        "validation_accuracy": best.best,
        "megabytes": room.bytes / 1e6,
        "seconds": seconds,
    }


def main():
    """Prints a line a run, then a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=8)
    args = parser.parse_args()
    print(_machine.describe())
    runs = []
    for seed in args.seeds:
        for dtype in DTYPES:
            runs.append(measure(dtype, seed, args.epochs))
            print(json.dumps(runs[-1]), flush=True)
    keys = ("test_accuracy", "validation_accuracy", "megabytes", "seconds")
    for dtype in DTYPES:
        for key in keys:
            values = [run[key] for run in runs if run["row"] == dtype]
            print(f"{dtype:>9} {key:>19}  {_machine.spread(values)}")


if __name__ == "__main__":
    main()
