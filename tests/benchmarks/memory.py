"""How much memory does a run on streamed images take as there are more?

Claim: it grows by the names of the images, not by their pixels.

    python tests/benchmarks/memory.py [--rows 5000 20000] [--image-size 96]
        [--limit-megabytes 64] [--array]
    python tests/benchmarks/memory.py --tables 100000 300000 [--texts 3]
        [--limit-megabytes 0] [--data-megabytes 500]
    python tests/benchmarks/memory.py --heads 14000 56000

JPEGs of noise and stripes are generated, 96 x 96, in a folder a class. Each
count is a process of its own: `run_recipe`, the embedded backbone, its top
group thawing after the second of 4 epochs, with the report, the SavedModel and
the reference. `--limit-megabytes` is what recorded features may take in
memory, beyond which they are on the disk. Printed are the most resident
memory over that before the run (`resident`; `own` without the pages of mapped
files, which the system may take back), and seconds of the clock and of the
processor. `--array` runs the first count with all images decoded, too.

`--tables` reads tables of so many rows, of ten columns (five of noise with four
decimals, an age, three of five words, the target), as .csv and .parquet, and
prints the most resident memory over that before the first of them, and what the
arrays and names that are returned take of it. Of two counts the difference is
what a row takes. `--limit-megabytes` is what cells may take in memory, beyond
which they are on the disk. `--texts` adds columns of 200 letters, a few texts
each, which make the file large. `--data-megabytes` is all that a process may
take while it reads, beyond what it has before (`RLIMIT_DATA`, to which mapped
files do not count): more, and it ends with an error.

`--heads` solves heads of ten classes on so many recorded rows of 1,280 features
in float16, which are on the disk: 14,000 and 56,000 are those that 20,000 and
80,000 images train on.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
from unittest import mock

import _machine
import numpy as np
from PIL import Image

CLASSES = 10


def write_images(folder, begin, end):
    """Writes JPEGs that differ, of ten classes that stripes tell apart."""
    folder = pathlib.Path(folder)
    for number in range(CLASSES):
        (folder / f"class{number}").mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ProcessPoolExecutor() as pool:
        numbers = range(begin, end, 500)
        ends = [min(each + 500, end) for each in numbers]
        list(pool.map(_write_some, [folder] * len(ends), numbers, ends))


def _write_some(folder, begin, end):
    place = np.arange(96)
    for number in range(begin, end):
        random = np.random.default_rng(number)
        label = number % CLASSES
        stripes = np.sin(place * (label + 1) / 8)[None, :, None]
        colour = random.uniform(20, 90, 3)
        noise = random.normal(0, 25, (24, 24, 3)).repeat(4, 0).repeat(4, 1)
        pixels = np.clip(128 + stripes * colour + noise, 0, 255)
        path = folder / f"class{label}" / f"{number:06}.jpg"
        Image.fromarray(pixels.astype("uint8")).save(path, quality=90)


class Peak(threading.Thread):
    """Looks at the memory of this process until it is stopped.

    Attributes:
        resident: int. The most kilobytes, over those at the start.
        own: int. The same, pages of mapped files left out.
    """

    def __init__(self):
        super().__init__(daemon=True)
        self._first = _kilobytes()
        self.resident = self.own = 0
        self._is_over = threading.Event()

    def run(self):
        while not self._is_over.wait(0.02):
            resident, own = _kilobytes()
            self.resident = max(self.resident, resident - self._first[0])
            self.own = max(self.own, own - self._first[1])

    def stop(self):
        self._is_over.set()
        self.join()


def _kilobytes():
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    sizes = dict(line.split(":", 1) for line in lines)
    return tuple(int(sizes[key].split()[0]) for key in ("VmRSS", "RssAnon"))


def measure(folder, image_size, stream, limit):
    """Runs one count in this process."""
    from aet_keras import training
    from aet_keras.recipes import Recipe
    from aet_keras.replay import feature_cache

    recipe = Recipe(
        str(folder), epochs=4, image_size=image_size, stream=stream,
        augment="none", train_batch_normalization=False,
        thaw={"policy": "ThawOnSchedule", "every_epochs": 2},
    )  # fmt: skip
    peak, begun, said = Peak(), _machine.now(), []
    peak.start()
    with (
        mock.patch.object(feature_cache, "memory_to_take", lambda: limit),
        tempfile.TemporaryDirectory() as out,
    ):
        done = training.run_recipe(recipe, out, say=said.append)
    peak.stop()
    seconds, processor = _machine.now() - begun
    return {
        "images": sum(len(files) for _, _, files in os.walk(folder)),
        "streamed": stream,
        "resident_megabytes": round(peak.resident / 1024),
        "own_megabytes": round(peak.own / 1024),
        "seconds": round(seconds, 1),
        "processor_seconds": round(processor, 1),
        "parts": {k: round(v, 1) for k, v in done.report.seconds.items()},
        "accuracy": done.report.test.accuracy,
        "loss": done.report.history["loss"],
    }


def measure_head(count, width=1280):
    """Solves a head on so many recorded rows in this process."""
    from aet_keras.replay import lbfgs
    from aet_keras.replay.growing_array import GrowingArray
    from aet_keras.replay.storage_budget import StorageBudget

    random = np.random.default_rng(0)
    budget = StorageBudget(0, pathlib.Path(tempfile.gettempdir()))
    kernel = random.normal(size=(width, CLASSES))
    record = GrowingArray(budget, "float16", (width,), expected=count)
    labels = []
    for _ in range(count // 100):
        features = random.random((100, width), "float32")
        noise = 9 * random.gumbel(size=(100, CLASSES))
        labels.append((features @ kernel + noise).argmax(axis=1))
        record.append(features)
    targets = np.eye(CLASSES, dtype="float32")[np.concatenate(labels)]
    ones = np.ones(len(targets), "float32")
    rows = lbfgs.Rows(record.all(), targets, ones, record.let_go)
    held = lbfgs.Rows(rows.features[:2000], targets[:2000], ones[:2000])
    lbfgs.mean_loss(kernel, 0.0, held, kind="softmax")  # loads what is late
    peak, begun = Peak(), _machine.now()
    peak.start()
    lbfgs.solve(rows, held, kind="softmax")
    peak.stop()
    return {
        "rows": len(targets),
        "kind": "head",
        "float32_megabytes": round(len(targets) * width * 4 / 1e6),
        "resident_megabytes": round(peak.resident / 1024),
        "own_megabytes": round(peak.own / 1024),
        "processor_seconds": round((_machine.now() - begun)[1], 1),
    }


def measure_table(count, kind, args):
    """Reads a table of so many rows in this process."""
    import resource

    import pandas

    from aet_keras import data
    from aet_keras.data import table_store

    random = np.random.default_rng(0)
    words = np.array(["north", "south", "east", "west", "somewhere else"])
    noise = {f"n{i}": random.normal(size=count).round(4) for i in range(5)}
    texts = {f"c{i}": words[random.integers(0, 5, count)] for i in range(3)}
    columns = {**noise, "age": random.integers(18, 90, count), **texts}
    few = ["".join(random.choice([*"abcdefgh "], 200)) for _ in range(50)]
    for each in range(args.texts):
        columns[f"t{each}"] = np.array(few, object)[
            random.integers(0, 50, count)
        ]
    columns["y"] = np.array(["no", "yes"])[random.integers(0, 2, count)]
    with tempfile.TemporaryDirectory() as folder:
        small, path = (pathlib.Path(folder, f"{n}.{kind}") for n in "ab")
        frame = pandas.DataFrame(columns)
        for part, to in ((frame[:1000], small), (frame, path)):
            part.to_csv(to, index=False) if kind == "csv" else (
                part.to_parquet(to)
            )
        del frame, columns, noise, texts
        data.read_table(small, target="y")  # loads what is loaded late
        peak, begun = Peak(), _machine.now()
        if args.data_megabytes:
            lines = pathlib.Path("/proc/self/status").read_text().splitlines()
            now = dict(line.split(":", 1) for line in lines)["VmData"]
            most = 1024 * int(now.split()[0]) + args.data_megabytes * 10**6
            resource.setrlimit(resource.RLIMIT_DATA, (most, most))
        peak.start()
        limit = args.limit_megabytes * 1_000_000
        with mock.patch.object(table_store, "memory_to_take", lambda: limit):
            dataset = data.read_table(path, target="y")
        peak.stop()
        splits = dataset.train, dataset.validation, dataset.test
        cells = [c for split in splits for c in split.inputs.values()]
        names = sum(sys.getsizeof(n) + 8 for s in splits for n in s.names)
        returned = names + sum(c.nbytes for c in cells)
        return {
            "rows": count,
            "kind": kind,
            "file_megabytes": round(path.stat().st_size / 1e6, 1),
            "resident_megabytes": round(peak.resident / 1024),
            "own_megabytes": round(peak.own / 1024),
            "returned_megabytes": round(returned / 1e6),
            "processor_seconds": round((_machine.now() - begun)[1], 1),
        }


def main():
    """Prints a line a count."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="+", default=[5000, 20000])
    parser.add_argument("--image-size", type=int, default=96)
    parser.add_argument("--limit-megabytes", type=int, default=64)
    parser.add_argument("--array", action="store_true")
    parser.add_argument("--images", help="a folder to write them in, and keep")
    parser.add_argument("--tables", type=int, nargs="+", metavar="ROWS")
    parser.add_argument("--texts", type=int, default=0)
    parser.add_argument("--data-megabytes", type=int, default=0)
    parser.add_argument("--heads", type=int, nargs="+", metavar="ROWS")
    parser.add_argument("--here", nargs=2, help="one folder, stream or array")
    args = parser.parse_args()
    if args.here:
        folder, how = args.here
        if how == "head":
            print(json.dumps(measure_head(int(folder))))
            return
        if how in ("csv", "parquet"):
            print(json.dumps(measure_table(int(folder), how, args)))
            return
        limit = args.limit_megabytes * 1_000_000
        found = measure(folder, args.image_size, how == "stream", limit)
        print(json.dumps(found))
        return
    print(_machine.describe(), "limit", args.limit_megabytes, "MB", flush=True)
    if args.heads:
        for count in args.heads:
            _run(count, "head", args)
        return
    if args.tables:
        for kind in ("csv", "parquet"):
            for count in args.tables:
                _run(count, kind, args)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder, written = args.images or temporary, 0
        if os.path.isdir(folder):
            written = sum(len(files) for _, _, files in os.walk(folder))
        for place, count in enumerate(sorted(args.rows)):
            begun = time.perf_counter()
            write_images(folder, written, count)
            written = max(written, count)
            made = time.perf_counter() - begun
            print(f"{count} images written in {made:.0f} s", flush=True)
            ways = ["array"] if args.array and not place else []
            for how in [*ways, "stream"]:
                _run(folder, how, args)


def _run(folder, how, args):
    command = [sys.executable, __file__, "--here", str(folder), how]
    command += ["--image-size", str(args.image_size)]
    command += ["--limit-megabytes", str(args.limit_megabytes)]
    command += ["--texts", str(args.texts)]
    command += ["--data-megabytes", str(args.data_megabytes)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    print(done.stdout.splitlines()[-1], flush=True)


if __name__ == "__main__":
    main()
