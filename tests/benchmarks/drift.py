"""Is a shift noticed and named rightly, and is a quiet day left alone?

Claim: of batches without a shift at most 5 % are called shifted (n = 50, 100,
300); at n = 300 the kind is right in at least 0.90 of shifts of labels and in
0.95 of those shifts of inputs that cost 7 points of accuracy.

    python tests/benchmarks/drift.py [--data clothing10] [--backbone mobilenet]
        [--seeds 0] [--draws 200] [--sizes 300]

The source model is that of `_shifts.py`, 64 pixels. Validation and test rows
are one pool, none of which it has learned: each draw takes other rows for the
reference, and the new rows from the rest, none twice. Shifts of inputs are
made (`_shifts.py`, and half as strong ones here); shifts of labels are draws
of Dirichlet(alpha); the change of the task is one permutation of the labels.
Outputs are read once for each shift, so that a draw costs milliseconds.
"""

import argparse
import collections
import functools
import time

import _machine
import _shifts
import numpy as np
import tensorflow as tf

from aet_keras.drift.comparison import compare_outputs
from aet_keras.drift.model_outputs import read_outputs
from aet_keras.drift.reference import Reference

SIZES = (50, 100, 300)
ALPHAS = (0.3, 1.0)
LEAST_COST = 0.07
LEAST_DRAWN = 0.6  # of the rows that are wanted, where a class has too few
_pixelate = _shifts.SHIFTS["pixelate5"].keywords["change"]
MILD = {
    "noise3": functools.partial(_shifts.SHIFTS["noise5"], scale=0.1),
    "dim3": functools.partial(_shifts.SHIFTS["dim5"], contrast=0.6),
    "pixelate3": functools.partial(
        _shifts.SHIFTS["pixelate5"],
        change=functools.partial(_pixelate, ratio=0.5),
    ),
}


def read_pool(model, splits, seed):
    """Returns the outputs of training rows, and those of the pool by shift."""
    train = read_outputs(model, splits[0][0], most_rows=1000)
    images, labels = (
        np.concatenate(parts) for parts in zip(*splits[1:], strict=True)
    )
    random = np.random.default_rng(seed)
    shifts = {**MILD, **_shifts.SHIFTS, "sketch": _shifts.SKETCH}
    pools = {"clean": read_outputs(model, (images, labels))}
    for name, change in shifts.items():
        pools[name] = read_outputs(model, (change(images, random), labels))
    return train, pools


class Draws:
    """Draws references and new rows from one pool, and compares them.

    Args:
        train: `ModelOutputs` of training rows.
        pools: dict from shifts to the `ModelOutputs` of the same rows.
        seed: int.
        reference_count: int. Rows of a reference.
    """

    def __init__(self, train, pools, seed, reference_count):
        self.train, self.pools = train, pools
        self.random = np.random.default_rng(seed)
        self.reference_count = reference_count
        self.base = Reference.of_outputs(train, pools["clean"])

    def compare(self, pool, size, alpha=None, relabel=None, labelled=False):
        """Returns a `Shift`, and the error of the accuracy it expects."""
        reference, rest = _shifts.split_reference(
            self.base, self.pools["clean"], self.random, self.reference_count
        )
        rows = rest[:size]
        if alpha is not None:
            rows = self.of_shares(rest, reference.class_count, size, alpha)
        outputs = self.pools[pool].take(rows)
        labels = outputs.labels if relabel is None else relabel[outputs.labels]
        right = float((outputs.probabilities.argmax(1) == labels).mean())
        changed = type(outputs)(
            outputs.features,
            outputs.probabilities,
            labels if labelled else None,
        )
        shift = compare_outputs(reference, changed)
        return shift, shift.expected_accuracy - right

    def of_shares(self, rest, class_count, size, alpha):
        """Draws rows with other shares of the classes, none of them twice."""
        labels = self.pools["clean"].labels[rest]
        while True:
            shares = self.random.dirichlet(np.full(class_count, alpha))
            wanted = self.random.multinomial(size, shares)
            there = np.bincount(labels, minlength=class_count)
            if np.minimum(wanted, there).sum() >= LEAST_DRAWN * size:
                parts = [
                    rest[labels == c][: wanted[c]] for c in range(class_count)
                ]
                return np.concatenate(parts)


def shown(shifts):
    """Returns how often each kind was named."""
    kinds = collections.Counter(shift.kind for shift, _ in shifts)
    total = sum(kinds.values())
    named = [f"{kind} {n / total:.2f}" for kind, n in kinds.most_common()]
    error = np.mean([abs(each) for _, each in shifts])
    rows = np.mean([shift.row_count for shift, _ in shifts])
    return (
        f"{', '.join(named):44} expected accuracy off {error:.2f}, "
        f"{rows:.0f} rows"
    )


def run(data, backbone, seed, count, sizes, folder):
    """Prints the figures of one model; kinds at some sizes alone."""
    model, splits = _shifts.source(data, backbone, seed, folder)
    begun = time.perf_counter()
    train, pools = read_pool(model, splits, seed)
    clean = pools["clean"]
    accuracy = {
        name: float((each.probabilities.argmax(1) == each.labels).mean())
        for name, each in pools.items()
    }
    reference_count = min(1000, clean.row_count // 2 - 1)
    draws = Draws(train, pools, seed, reference_count)
    print(
        f"{data}, {backbone}, seed {seed}: accuracy {accuracy['clean']:.3f}, "
        f"pool {clean.row_count}, reference {reference_count} rows; read in "
        f"{time.perf_counter() - begun:.0f} s",
        flush=True,
    )

    def repeated(*args, times=count, **settings):
        return [draws.compare(*args, **settings) for _ in range(times)]

    for size in SIZES:
        quiet = repeated("clean", size)
        known = repeated("clean", size, labelled=True)
        alarms = [
            np.mean([shift.is_shifted for shift, _ in each])
            for each in (quiet, known)
        ]
        print(
            f"n={size:3} no shift: false alarms {alarms[0]:.3f}, with labels "
            f"{alarms[1]:.3f}",
            flush=True,
        )
    order = np.roll(np.arange(clean.probabilities.shape[1]), 1)
    for size in sizes:
        print(f"n={size}")
        for alpha in ALPHAS:
            found = shown(repeated("clean", size, alpha=alpha))
            print(f"  labels, Dirichlet({alpha}):    {found}")
        found = shown(repeated("clean", size, relabel=order, labelled=True))
        print(f"  labels permuted, known:  {found}")
        for name in pools:
            if name == "clean":
                continue
            found = shown(repeated(name, size, times=count // 4))
            cost = accuracy["clean"] - accuracy[name]
            mark = " " if cost >= LEAST_COST else "-"
            print(f" {mark}{name:10} costs {cost:6.3f}:  {found}", flush=True)
    print(f"{time.perf_counter() - begun:.0f} s")


def seconds_of_compare(data, backbone, seed, folder):
    """Prints what comparing 300 images takes, in passes of the model."""
    model, splits = _shifts.source(data, backbone, seed, folder)
    images = splits[2][0][:300]
    train = read_outputs(model, splits[0][0], most_rows=300)
    held = read_outputs(model, splits[1])
    reference = Reference.of_outputs(train, held)
    forward = tf.function(functools.partial(model, training=False))
    batches = [images[i : i + 100].astype("float32") for i in (0, 100, 200)]
    forward(batches[0])
    clock = time.perf_counter()
    for batch in batches:
        forward(batch)
    once = time.perf_counter() - clock
    outputs = read_outputs(model, images)
    clock = time.perf_counter()
    compare_outputs(reference, outputs)
    tests = time.perf_counter() - clock
    print(f"one pass over 300 images {once:.2f} s, the tests {tests:.2f} s")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="clothing10")
    parser.add_argument("--backbone", default="mobilenet")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--sizes", type=int, nargs="+", default=[300])
    parser.add_argument("--folder", default="/tmp/aet-shifts")
    args = parser.parse_args()
    print(_machine.describe())
    for seed in args.seeds:
        run(args.data, args.backbone, seed, args.draws, args.sizes, args.folder)
    seconds_of_compare(args.data, args.backbone, args.seeds[0], args.folder)


if __name__ == "__main__":
    main()
