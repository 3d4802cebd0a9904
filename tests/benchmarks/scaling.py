"""How do seconds and memory grow with the number of images?

Claim: features beyond the limit go to the disk, and memory stays under it.

    python tests/benchmarks/scaling.py [--counts 1000 4000 16000 60000]
        [--limit-megabytes 8]

Fashion-MNIST (Debian package `dataset-fashion-mnist`, or a folder given by
`--data`), the embedded backbone at 32 pixels, one group moving, 3 epochs.
`feature_megabytes` is what was recorded, in memory and on disk. Each count is
a process of its own.
"""

import argparse
import gzip
import json
import pathlib
import resource
import subprocess
import sys
import time

import _machine
import keras
import numpy as np

import aet_keras
from aet_keras import callbacks, policies
from aet_keras.engine import Engine

FOLDER = "/usr/share/datasets/fashion-mnist"


def read(folder, count):
    """Returns the first images, 32 x 32 in colour, and their labels."""
    images = _read_idx(folder, "train-images-idx3-ubyte", 16)
    labels = _read_idx(folder, "train-labels-idx1-ubyte", 8)[:count]
    images = images.reshape(-1, 28, 28)[:count]
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2)))
    return np.repeat(padded[..., None], 3, axis=-1), labels.astype("int32")


def _read_idx(folder, name, header):
    path = next(pathlib.Path(folder).glob(f"{name}*"))
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as file:
        return np.frombuffer(file.read(), "uint8", offset=header)


def measure(count, folder, limit_bytes):
    """Runs one count in this process."""
    x, y = read(folder, count)
    keras.utils.set_random_seed(0)
    base = aet_keras.backbones.load_backbone(image_size=(32, 32))
    pixels = keras.Input((32, 32, 3))
    z = base(aet_keras.backbones.preprocess("embedded", pixels))
    z = keras.layers.GlobalAveragePooling2D()(z)
    model = keras.Model(pixels, keras.layers.Dense(10, "softmax")(z))
    model.compile("adam", "sparse_categorical_crossentropy")
    before = _peak()
    freezing = callbacks.ElasticFreezing(
        policies.ThawOnSchedule(every_epochs=99), cache_limit_bytes=limit_bytes
    )
    laps, begun = _Laps(), time.perf_counter()
    model.fit(
        x, y, batch_size=128, epochs=3, verbose=0,
        callbacks=[freezing, laps],
    )  # fmt: skip
    return {
        "count": count,
        "seconds": time.perf_counter() - begun,
        "epoch_seconds": laps.seconds,
        "feature_megabytes": laps.recorded_bytes / 1e6,
        "input_megabytes": x.nbytes / 1e6,
        "peak_megabytes_over_start": _peak() - before,
        "events": [sentence for _, sentence in freezing.cache_events],
    }


class _Laps(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seconds, self.recorded_bytes = [], 0

    def on_epoch_begin(self, epoch, logs=None):
        self._begun = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(round(time.perf_counter() - self._begun, 2))
        recorded = Engine.of(self.model).cached_bytes
        self.recorded_bytes = max(self.recorded_bytes, recorded)


def _peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    """Prints a line a count."""
    parser = argparse.ArgumentParser()
    counts = [1000, 4000, 16000, 60000]
    parser.add_argument("--counts", type=int, nargs="+", default=counts)
    parser.add_argument("--data", default=FOLDER)
    parser.add_argument("--limit-megabytes", type=float, default=8.0)
    parser.add_argument("--here", action="store_true", help="one count")
    args = parser.parse_args()
    if args.here:
        limit = int(args.limit_megabytes * 1e6)
        print(json.dumps(measure(args.counts[0], args.data, limit)))
        return
    limit = ["--limit-megabytes", str(args.limit_megabytes)]
    print(_machine.describe(), *limit, flush=True)
    for count in args.counts:
        command = [sys.executable, __file__, "--here", "--data", args.data]
        done = subprocess.run(
            [*command, *limit, "--counts", str(count)],
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        print(done.stdout.splitlines()[-1], flush=True)


if __name__ == "__main__":
    main()
