"""How fast, and how well, is a pretrained backbone adapted to photos?

Claims, on clothing10 with the same epochs for every row:

- `fit` with the two callbacks at their defaults reaches LP-FT's best
  validation accuracy less 0.01 at least 3 times faster (median of seeds);
- its mean test accuracy is not below LP-FT's;
- `fine_tune`, which stops early, takes at most half of LP-FT's seconds.

    python tests/benchmarks/transfer_images.py [--seeds 0 1 2] [--rows ...]

Data: clothing10 and the MobileNetV2 weights (ImageNet + 19 dog breeds) in the
folder that AET_DATA names. 96 pixels, batch 32, the same splits and epochs.
Each run is a process of its own, so that its peak memory is its own. Every row
is judged at its best validation epoch; seconds leave validation out, and have
tracing, rebuilding, recording and solving in them. Seconds of the processor
stand beside those of the clock: what else the machine does moves them less.
The rates of the rows that are not ours are those of their authors, or of
METHODS.md for LP-FT; nobody's were tuned on the test images.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time

import _machine
import _recipes
import keras
import numpy as np


class Watch(keras.callbacks.Callback):
    """Takes the time of training, and keeps the best epoch's weights."""

    def __init__(self):
        super().__init__()
        self.value, self.weights = -1.0, None
        self.history, self.seconds, self.rebuild = [], [], 0.0
        self.cpu_seconds = []
        self._begun, self._away, self._batches = _machine.now(), 0.0, []

    def on_train_batch_begin(self, batch, logs=None):
        self._batch_begun = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self._batches.append(time.perf_counter() - self._batch_begun)

    def on_test_begin(self, logs=None):
        self._test_begun = _machine.now()

    def on_test_end(self, logs=None):
        self._away = self._away + _machine.now() - self._test_begun

    def on_epoch_end(self, epoch, logs=None):
        seconds, cpu_seconds = _machine.now() - self._begun - self._away
        self.seconds.append(seconds)
        self.cpu_seconds.append(cpu_seconds)
        first, *rest = self._batches
        self.rebuild += max(0.0, first - statistics.median(rest))
        self._batches = []
        self.history.append(logs["val_accuracy"])
        if logs["val_accuracy"] > self.value:
            self.value = logs["val_accuracy"]
            self.weights = self.model.get_weights()


def measure(row, seed, epochs):
    """Runs one row with one seed in this process, and returns its figures."""
    train, validation, (test, labels) = _recipes.photos(seed)
    watch = Watch()
    model, events = _recipes.ROWS[row]((train, validation), epochs, watch)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    model.set_weights(watch.weights)
    outputs = model.predict(test, verbose=0)
    right = outputs.argmax(axis=1) == labels
    return {
        "row": row,
        "seed": seed,
        "test_accuracy": float(right.mean()),
        "validation_accuracy": watch.value,
        "seconds": watch.seconds[-1],
        "cpu_seconds": watch.cpu_seconds[-1],
        "epoch_seconds": [round(each, 1) for each in watch.seconds],
        "epoch_cpu_seconds": [round(each, 1) for each in watch.cpu_seconds],
        "history": [round(each, 4) for each in watch.history],
        "rebuild_seconds": watch.rebuild,
        "record_seconds": watch.seconds[0] if events else 0.0,
        "peak_megabytes": peak,
        "forward_seconds": _forward_seconds(model, train),
        "events": events,
        "right": "".join("01"[each] for each in right.astype(int)),
    }


def _forward_seconds(model, train):
    """Times one forward pass over the training set, traced before."""
    model.predict(train, verbose=0)
    begun = time.perf_counter()
    model.predict(train, verbose=0)
    return time.perf_counter() - begun


def add_times(runs):
    """Adds when each run came within 0.01 of its seed's LP-FT."""
    for run in runs:
        peers = [
            each["validation_accuracy"]
            for each in runs
            if each["row"] == "lp_ft" and each["seed"] == run["seed"]
        ]
        wanted = max(peers, default=1.0) - 0.01
        reached = [
            epoch
            for epoch, value in enumerate(run["history"])
            if value >= wanted
        ]
        for kind in ("seconds", "cpu_seconds"):
            times = run[f"epoch_{kind}"]
            run[f"{kind}_to_lp_ft"] = (
                times[reached[0]] if reached else float("inf")
            )


def bootstrap(ours, theirs, count=2000):
    """Returns the interval of the difference of test accuracies.

    Seeds and images are drawn with replacement, the same for both.
    """
    random = np.random.default_rng(0)
    a, b = (
        np.array([[int(x) for x in run["right"]] for run in runs])
        for runs in (ours, theirs)
    )
    found = []
    for _ in range(count):
        rows = random.integers(len(a), size=len(a))
        columns = random.integers(a.shape[1], size=a.shape[1])
        gain = a[rows][:, columns].mean() - b[rows][:, columns].mean()
        found.append(gain)
    return np.percentile(found, [2.5, 97.5])


def summarise(runs, rows):
    """Prints the table, the comparison with LP-FT, and the limit."""
    add_times(runs)
    keys = (
        "test_accuracy",
        "seconds_to_lp_ft",
        "cpu_seconds_to_lp_ft",
        "seconds",
        "cpu_seconds",
        "rebuild_seconds",
        "record_seconds",
        "peak_megabytes",
    )
    of = {row: [run for run in runs if run["row"] == row] for row in rows}
    for row in rows:
        for key in keys:
            figures = _machine.spread([run[key] for run in of[row]])
            print(f"{row:>12} {key:>20}  {figures}", flush=True)
    if of.get("lp_ft"):
        for row in (each for each in rows if each.startswith("ours")):
            _compare(row, of[row], of["lp_ft"])
    limit = statistics.median(run["forward_seconds"] for run in runs)
    print(f"the limit, one forward pass over the training set: {limit:.1f} s")
    for row in rows:
        total = statistics.median(run["seconds"] for run in of[row])
        print(f"{row:>10} takes {total / limit:.1f} times that in all")


def _compare(row, ours, theirs):
    pairs = list(zip(ours, theirs, strict=True))
    for key in (
        "seconds_to_lp_ft",
        "cpu_seconds_to_lp_ft",
        "seconds",
        "cpu_seconds",
    ):
        ratios = [b[key] / a[key] for a, b in pairs]
        print(f"{row}: LP-FT's {key} over ours  {_machine.spread(ratios)}")
    low, high = bootstrap(ours, theirs)
    gain = np.mean([a["test_accuracy"] - b["test_accuracy"] for a, b in pairs])
    print(f"{row}: test accuracy {gain:+.4f} (95 %: {low:+.4f} to {high:+.4f})")


def main():
    """Prints a line a run, a table after each seed, then JSON."""
    rows = list(_recipes.ROWS)
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rows", nargs="+", default=rows, choices=rows)
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--here", action="store_true", help="one run, no table")
    args = parser.parse_args()
    if args.here:
        run = measure(args.rows[0], args.seeds[0], args.epochs)
        print(json.dumps(run))
        return
    print(_machine.describe())
    runs = []
    for seed in args.seeds:
        for row in args.rows:
            command = [sys.executable, __file__, "--here", "--rows", row]
            command += ["--seeds", str(seed), "--epochs", str(args.epochs)]
            done = subprocess.run(
                command,
                check=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            runs.append(json.loads(done.stdout.splitlines()[-1]))
            print(json.dumps({**runs[-1], "right": "..."}), flush=True)
        # After each seed: what is stopped has its table of what was complete.
        print(f"seeds {args.seeds[: args.seeds.index(seed) + 1]}")
        summarise(runs, args.rows)
    print(json.dumps(runs))


if __name__ == "__main__":
    main()
