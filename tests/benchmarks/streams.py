"""How soon does a stream raise an alarm, and how often is it a false one?

Claim: of quiet streams of 60 days with 40 rows each at most 5 % raise an
alarm; after an abrupt shift of images that costs about 10 points of accuracy
the median alarm comes within 1 to 3.5 days, of mild JPEG on Fashion-MNIST (7
points) within 6. ADWIN on the confidence alone takes 4 to 30, or never.

    python tests/benchmarks/streams.py [--data cifar10] [--backbone lite]
        [--seeds 0 1] [--quiet 200] [--shifted 30] [--adapt [--shifts noise5]]

A stream is drawn from rows that the model has not learned (`_stream_rows.py`):
1,000 are its reference, 2,400 others come one after the other, none twice.
From the 31st day on they are shifted; for gradual shifts a share of them that
grows for 20 days. Beside the alarm of `aet_keras.drift.Stream` stand ADWIN on
the confidence alone, from the stream's first row on, with the delta that
river has as its default, and a test of Kolmogorov and Smirnov each day, of the
confidences of the last seven days.

With `--adapt`, one stream of each strong shift of `_shifts.py` is run with the
images themselves: 400 as they were, then 1,000 shifted ones, 40 at a time,
without labels or with those of every fourth image, 200 images late. Printed
is the accuracy on the last 400, beside that of the unchanged model.
"""

import argparse

import _machine
import _shifts
import _stream_rows
import numpy as np
from river.drift import ADWIN
from scipy import stats

import aet_keras
from aet_keras.drift.alarm import Alarm
from aet_keras.drift.model_outputs import ModelOutputs
from aet_keras.drift.reference import Reference

DAYS, A_DAY, SHIFT_DAY, GROWS = 60, 40, 30, 20
REFERENCE = 1000
NEVER = DAYS * A_DAY


class Streams:
    """Draws streams from a pool."""

    def __init__(self, train, pools, seed):
        self.pools = pools
        self.base = Reference.of_outputs(train, pools["clean"])
        self.random = np.random.default_rng(seed)

    def draw(self, shift, *, gradual=False):
        """Returns a reference and the rows of 60 days."""
        clean = self.pools["clean"]
        reference, rest = _shifts.split_reference(
            self.base, clean, self.random, REFERENCE
        )
        rest = rest[: DAYS * A_DAY]
        days = np.arange(len(rest)) // A_DAY - SHIFT_DAY
        shares = (days + 1) / GROWS if gradual else (days >= 0) * 1.0
        is_shifted = self.random.random(len(rest)) < shares
        old, new = clean.take(rest), self.pools[shift].take(rest)
        return reference, ModelOutputs(
            np.where(is_shifted[:, None], new.features, old.features),
            np.where(is_shifted[:, None], new.probabilities, old.probabilities),
        )


def ours(reference, rows):
    change = Alarm(reference).update(rows)
    return NEVER if change is None else change.place


def adwin(reference, rows):
    detector = ADWIN()
    for place, value in enumerate(rows.probabilities.max(axis=1).tolist()):
        detector.update(value)
        if detector.drift_detected:
            return place
    return NEVER


def weekly(reference, rows):
    known, new = (each.probabilities.max(axis=1) for each in (reference, rows))
    for end in range(7 * A_DAY, len(new) + 1, A_DAY):
        week = new[end - 7 * A_DAY : end]
        if stats.ks_2samp(known, week).pvalue <= 0.05:
            return end - 1
    return NEVER


ALARMS = {"stream": ours, "ADWIN, confidence": adwin, "KS, each day": weekly}


def delays(streams, shift, count, alarm, **settings):
    """Returns days from the shift to the alarm; false ones are left out."""
    places = np.array(
        [alarm(*streams.draw(shift, **settings)) for _ in range(count)]
    )
    after = places[places >= SHIFT_DAY * A_DAY]
    return (after - SHIFT_DAY * A_DAY + 1) / A_DAY


def shown(days):
    never = (DAYS - SHIFT_DAY) + 1 / A_DAY
    median = np.median(days)
    told = "none" if median >= never else f"{median:4.1f}"
    return f"{told:>5} {np.mean(days <= 2):5.2f}"


def run(data, backbone, seed, quiet, shifted, folder):
    train, pools = _stream_rows.read(data, backbone, seed, folder)
    clean = pools["clean"]

    def accuracy(outputs):
        return np.mean(outputs.probabilities.argmax(axis=1) == clean.labels)

    print(f"{data}, {backbone}, seed {seed}: {accuracy(clean):.3f}", flush=True)
    for name, alarm in ALARMS.items():
        streams = Streams(train, pools, 100 + seed)
        places = [alarm(*streams.draw("clean")) for _ in range(quiet)]
        false = np.mean(np.array(places) < NEVER)
        print(f"  {name:18} {false:.3f} of quiet streams", flush=True)
    print("  days to the alarm, median, and share within 2 days:")
    print(f"  {'':20}" + "".join(f"{name:>20}" for name in ALARMS))
    for shift in pools:
        if shift == "clean":
            continue
        for gradual in (False, True):
            found = []
            for alarm in ALARMS.values():
                streams = Streams(train, pools, 200 + seed)
                days = delays(streams, shift, shifted, alarm, gradual=gradual)
                found.append(f"{shown(days):>20}")
            cost = accuracy(clean) - accuracy(pools[shift])
            how = "gradual" if gradual else f"-{cost:.3f}"
            print(f"  {shift:10} {how:9}" + "".join(found), flush=True)


def adapted(model, reference, images, labels, old, late):
    """Returns the answers of a stream, and what it did."""
    stream = aet_keras.drift.Stream(
        model, reference, adapt=aet_keras.adapt, old=old
    )
    answers = []
    for start in range(0, len(images), A_DAY):
        part = images[start : start + A_DAY]
        answers.append(stream.predict(part).argmax(axis=1))
        rows = range(start - 200, start - 200 + A_DAY)
        if late:
            known = [row for row in rows if row >= 0 and row % 4 == 0]
            stream.add_labels({str(row): int(labels[row]) for row in known})
    what = [e.what for e in stream.log]
    return np.concatenate(answers), ", ".join(what)


def run_adapted(data, backbone, seed, folder, names):
    model, splits = _shifts.source(data, backbone, seed, folder)
    start = model.get_weights()
    pool = _stream_rows.unlearned(data, splits, seed, 2400)
    (held, held_y), (images, labels) = (
        [each[part] for each in pool]
        for part in (slice(1000), slice(1000, 2400))
    )
    rows = np.random.default_rng(seed).permutation(len(splits[0][1]))[:500]
    old = tuple(each[rows] for each in splits[0])
    reference = Reference.measure(model, splits[0][0], (held, held_y))
    print(f"{data}, {backbone}, seed {seed}; the last 400 images")
    changes = {**_shifts.SHIFTS, "sketch": _shifts.SKETCH}
    for name in names or changes:
        change = changes[name]
        later = change(images[400:], np.random.default_rng(seed))
        rows = np.concatenate([images[:400], later])
        before = model.predict(rows[-400:], verbose=0).argmax(axis=1)
        told = f"  {name:10} unchanged {np.mean(before == labels[-400:]):.3f}"
        for late in (False, True):
            model.set_weights(start)
            answers, what = adapted(model, reference, rows, labels, old, late)
            how = "labels" if late else "without"
            right = np.mean(answers[-400:] == labels[-400:])
            told += f"  {how} {right:.3f} ({what})"
        model.set_weights(start)
        print(told, flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="cifar10")
    parser.add_argument("--backbone", default="lite")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--quiet", type=int, default=200)
    parser.add_argument("--shifted", type=int, default=30)
    parser.add_argument("--folder", default="/tmp/aet-shifts")
    parser.add_argument("--adapt", action="store_true")
    parser.add_argument("--shifts", nargs="*")
    args = parser.parse_args()
    print(_machine.describe())
    for seed in args.seeds:
        if args.adapt:
            run_adapted(
                args.data, args.backbone, seed, args.folder, args.shifts
            )
            continue
        run(
            args.data,
            args.backbone,
            seed,
            args.quiet,
            args.shifted,
            args.folder,
        )


if __name__ == "__main__":
    main()
