"""What does it cost that each save stands alone, and has sums?

Claims: a save in the middle of an epoch takes the room of one at its end and
that of the arrays that the epoch changed, no more; kept features are read, and
their sums checked, at 300 MB a second and more.

    python tests/benchmarks/saves.py [--turns 5]

The weights and Adam's slots of MobileNetV2 (2.2 million weights), the backbone
frozen or not, and 3,000 rows of its features.
"""

import argparse
import tempfile
import time
from pathlib import Path

import _machine
import numpy as np

from aet_keras.callbacks._saves import Saves
from aet_keras.replay.feature_store import FeatureStore

BACKBONE, HEAD = 2_223_872, 12_810


def state(random, backbone):
    """Returns what a save holds: weights, and two slots of those that move."""
    head = [random.normal(size=HEAD).astype("float32") for _ in range(3)]
    return {"backbone": backbone, "head": head}


def moved(random, backbone):
    """Returns the same after an epoch in which all weights moved."""
    every = [random.normal(size=BACKBONE).astype("float32") for _ in range(3)]
    return {**state(random, backbone), "backbone": every}


def save(start, late, turns):
    """Returns megabytes and seconds of a save in the middle of an epoch."""
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        saves = Saves(folder, keep=2)
        for _ in range(turns):
            begun = time.perf_counter()
            name = saves.write(late, start=start)
            saves.prune()
            seconds.append(time.perf_counter() - begun)
        size = sum(each.stat().st_size for each in Path(folder, name).iterdir())
    return size / 1e6, _machine.spread(seconds)


def features(turns):
    """Returns the seconds of reading kept rows, and of their bytes alone."""
    rows = np.random.default_rng(0).normal(size=(3_000, 3, 3, 1280))
    rows = rows.astype("float16")
    digests = [number.to_bytes(16, "big") for number in range(len(rows))]
    read, plain = [], []
    with tempfile.TemporaryDirectory() as folder:
        FeatureStore(folder).keep("prefix", digests, rows, "float32")
        (path,) = Path(folder).rglob("rows.bin")
        for _ in range(turns):
            begun = time.perf_counter()
            store = FeatureStore(folder)
            for start in range(0, len(rows), 32):
                store.find("prefix", digests[start : start + 32])
            read.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            path.read_bytes()
            plain.append(time.perf_counter() - begun)
    return rows.nbytes / 1e6, _machine.spread(read), _machine.spread(plain)


def main():
    """Prints a line a row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    turns = parser.parse_args().turns
    print(_machine.describe())
    random = np.random.default_rng(0)
    frozen = random.normal(size=BACKBONE).astype("float32")
    start = state(random, frozen)
    rows = {
        "end of an epoch": (None, start),
        "in an epoch, backbone frozen": (start, state(random, frozen.copy())),
        "in an epoch, all moves": (
            moved(random, frozen),
            moved(random, frozen),
        ),
    }
    for name, (before, late) in rows.items():
        size, seconds = save(before, late, turns)
        print(f"save, {name}: {size:.1f} MB, {seconds} s")
    size, read, plain = features(turns)
    print(f"features, {size:.0f} MB: {read} s; the bytes alone {plain} s")


if __name__ == "__main__":
    main()
