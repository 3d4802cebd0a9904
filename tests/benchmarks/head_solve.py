"""Is a head solved at once as good as one that is trained for epochs?

Claim: on recorded features of photos, L-BFGS reaches a validation loss that
epochs of Adam on the same features do not reach in more seconds.

    python tests/benchmarks/head_solve.py [--seeds 0 1 2]

clothing10, MobileNetV2, 96 pixels, batch 32; the rate of Adam is the best of
those tried, by validation. Seconds start when the features are recorded.
"""

import argparse
import json
import time

import _machine
import _recipes
import keras

from aet_keras import callbacks, policies

RATES = (3e-4, 1e-3, 3e-3, 1e-2)


class Watch(keras.callbacks.Callback):
    """Notes what is reached, and when, from the first replayed epoch on."""

    def __init__(self, validation):
        super().__init__()
        self.validation, self.points = validation, []
        self._away = 0.0

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:  # before ours solves the head
            self._begun = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        if epoch:
            self.note(logs["val_loss"], logs["val_accuracy"])

    def on_test_begin(self, logs=None):
        self._test_begun = time.perf_counter()

    def on_test_end(self, logs=None):
        self._away += time.perf_counter() - self._test_begun

    def note(self, loss, accuracy):
        """Adds a point."""
        now = time.perf_counter() - self._begun
        self.points.append((now, loss, accuracy))


class Solved(keras.callbacks.Callback):
    """Stands behind ours: judges the head before it trains on."""

    def __init__(self, watch):
        super().__init__()
        self.watch = watch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            seconds = time.perf_counter() - self.watch._begun
            loss, accuracy = self.model.evaluate(
                self.watch.validation, verbose=0
            )
            self.watch.points.append((seconds, loss, accuracy))
            self.model.stop_training = True


def measure(seed, rate=None, epochs=21):
    """Trains the head alone; solves it if no rate is given."""
    train, validation, _ = _recipes.photos(seed)
    model, _ = _recipes.build(rate or 1e-3)
    watch = Watch(validation)
    never = policies.ThawOnSchedule(first_epoch=10 * epochs)
    freezing = callbacks.ElasticFreezing(never, solve_head=rate is None)
    watchers = [watch, freezing] + ([Solved(watch)] if rate is None else [])
    data = train, validation
    _recipes.fit(model, data, 2 if rate is None else epochs, *watchers)
    seconds, loss, accuracy = min(watch.points[:epochs], key=lambda p: p[1])
    return {
        "row": f"Adam {rate:g}" if rate else "solved",
        "seed": seed,
        "seconds": seconds,
        "validation_loss": loss,
        "validation_accuracy": accuracy,
    }


def main():
    """Prints a line a run, then a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    args = parser.parse_args()
    print(_machine.describe())
    runs = []
    for seed in args.seeds:
        for rate in (None, *RATES):
            runs.append(measure(seed, rate))
            print(json.dumps(runs[-1]), flush=True)
    for row in dict.fromkeys(run["row"] for run in runs):
        for key in ("validation_loss", "validation_accuracy", "seconds"):
            values = [run[key] for run in runs if run["row"] == row]
            print(f"{row:>10} {key:>19}  {_machine.spread(values)}")


if __name__ == "__main__":
    main()
