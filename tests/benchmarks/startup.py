"""What does a command that asks a version cost before it can answer?

Claim: `predict` and `serve`, and `explain` where the SavedModel is all it
needs, take at most 1.2 times the seconds of the processor that `import
tensorflow` and `tf.saved_model.load` of the version take. (`import tensorflow`
itself loads Keras, and with it scikit-learn, pandas and Matplotlib where they
are installed.) `explain` of an image needs the Keras model besides: its row
is printed, and no claim is made.

    python tests/benchmarks/startup.py [--rounds 3]

A folder of digits, a table and texts are trained for an epoch first. Rounds
take turns. A row is one command in a process of its own: seconds of all its
threads, and of the system for it.
"""

import argparse
import csv
import json
import os
import pathlib
import resource
import signal
import statistics
import subprocess
import sys
import sysconfig
import tempfile

import _machine
import numpy as np
import tensorflow as tf
from PIL import Image

sys.path.append(str(_machine.ROOT / "tests"))

import table_data

CONSOLE = pathlib.Path(sysconfig.get_path("scripts"), "aet-keras")
BARE = "import sys, tensorflow as tf; tf.saved_model.load(sys.argv[1])"


def fit(data, out, *options):
    """Publishes a model of some data, after one epoch."""
    command = [CONSOLE, "fit", data, "--out", out, "--quiet", "--epochs", "1"]
    subprocess.run([*map(str, command), *options], check=True)


def write_texts(folder):
    """Writes a version that finds a word in texts, as `fit` publishes one."""

    def serve(texts):
        is_good = tf.strings.regex_full_match(texts, ".*good.*")
        good = tf.cast(is_good, tf.float32) * 0.5 + 0.25
        names = tf.constant([["bad", "good"]])
        return {
            "probabilities": tf.stack([1 - good, good], axis=1),
            "classes": tf.tile(names, [tf.shape(texts)[0], 1]),
        }

    module = tf.Module()
    spec = tf.TensorSpec([None], tf.string, name="texts")
    module.serve = tf.function(serve, input_signature=[spec])
    tf.saved_model.save(module, str(folder / "1"), signatures=module.serve)
    recipe = {"data": "a.csv", "text_column": "text"}
    (folder / "recipe.json").write_text(json.dumps(recipe))


def prepare(home):
    """Returns what each kind is asked, by the kind."""
    table, row = home / "credit.csv", home / "row.csv"
    table_data.write_table(table)
    with table.open(newline="") as file:
        lines = list(csv.reader(file))[:2]
    with row.open("w", newline="") as file:
        csv.writer(file).writerows(lines)
    image = home / "image.png"
    noise = np.random.default_rng(0).integers(0, 256, (90, 120, 3), "uint8")
    Image.fromarray(noise).save(image)
    fit("digits", home / "image")
    fit(table, home / "row", "--target", table_data.TARGET)
    write_texts(home / "text")
    return {"image": image, "row": row, "text": "a good film"}


def spent(command, *, until=None):
    """Returns the seconds of the processor that a process takes.

    Args:
        command: list of words.
        until: optional str. A line that starts so ends it, by SIGTERM.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with subprocess.Popen(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        for line in process.stdout:
            if until is not None and line.startswith(until):
                process.send_signal(signal.SIGTERM)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert process.returncode == 0, command
    return sum(
        getattr(after, key) - getattr(before, key)
        for key in ("ru_utime", "ru_stime")
    )


def measure(home, asked):
    """Yields a row a command: its name, the kind, and its seconds."""
    for kind, what in asked.items():
        folder = home / kind
        bare = [sys.executable, "-c", BARE, folder / "1"]
        yield "import tensorflow, load", kind, spent(bare)
        yield "predict", kind, spent([CONSOLE, "predict", folder, what])
        drawn = home / "drawn"
        explain = [CONSOLE, "explain", folder, what, "--out", drawn]
        yield "explain", kind, spent(explain)
        serve = [CONSOLE, "serve", folder, "--port", "0", "--embedded"]
        yield "serve", kind, spent(serve, until="Ready")


def main():
    """Prints a line a row: the median, and the ratio to the bare load."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    print(_machine.describe())
    rows = {}
    with tempfile.TemporaryDirectory() as home:
        home = pathlib.Path(home)
        asked = prepare(home)
        for _ in range(rounds):
            for command, kind, seconds in measure(home, asked):
                rows.setdefault((kind, command), []).append(seconds)
                # A round takes minutes, and one that is cut off tells too.
                print(f"{kind:>8} {command:<24} {seconds:6.2f} s", flush=True)
    print("medians")
    bare = {}
    for (kind, command), seconds in rows.items():
        median = statistics.median(seconds)
        bare.setdefault(kind, median)
        print(
            f"{kind:>8} {command:<24} {median:6.2f} s  "
            f"ratio {median / bare[kind]:.2f}  "
            f"range {min(seconds):.2f} to {max(seconds):.2f}",
            flush=True,
        )
    print(f"load at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
