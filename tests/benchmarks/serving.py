"""How long does a client wait, and does a publication lose a request?

Claims, for the embedded server, one image of 64 pixels a request:

- a version is loaded within 2 seconds;
- a version published under the load of 8 clients loses no request, and is
  served within 2 seconds of its rename. On a machine that others use, what the
  server itself took of a processor until then says more than the seconds.

Aims: the median at one client is at most 1.3 times that of the bare function
with constant weights; the 99th percentile at 8 clients is at most 5 times the
median at one. Both ask for a machine of its own: where the server shares a core
with others, it waits for them in steps of milliseconds. What a request takes of
the processor does not change with that, so it is printed too.

    python tests/benchmarks/serving.py [--seconds 10] [--rounds 3] [--load 30]
    python tests/benchmarks/serving.py --record [--seconds 2] [--rounds 20]

With `--record` another question: what does `serve --record` cost a request?
Servers without it, with it while every row is kept, and with it once the day's
share is full take turns, one client each.

The embedded backbone, ten classes, over loopback. The clients are threads of
this process, so that they and the server share the machine's cores; figures
say more about ratios than about a machine of its own. The bare calls take
turns with the server, round by round. Those with constant weights are what
`convert_variables_to_constants_v2` makes of a signature; they get the array or
the bytes that the server has to find in the body.
"""

import argparse
import base64
import contextlib
import functools
import json
import os
import pathlib
import statistics
import sys
import sysconfig
import tempfile
import time

import _machine
import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework import convert_to_constants

import aet_keras

sys.path.append(str(_machine.ROOT / "tests"))

import served_models
import server_clients

CONSOLE = pathlib.Path(sysconfig.get_path("scripts"), "aet-keras")
NAMES = [f"class {k}" for k in range(10)]
OTHERS = [f"other {k}" for k in range(10)]


def write_versions(home):
    """Writes a classifier twice, with other names; returns where."""
    keras.utils.set_random_seed(0)
    model = aet_keras.tasks.build_image_classifier(
        class_count=10, image_size=(64, 64)
    )
    versions = []
    for names in (NAMES, OTHERS):
        path = home / names[0]
        aet_keras.export.write_image_model(model, path, class_names=names)
        versions.append(path)
    return versions


def image():
    """Returns one seeded image, smooth enough to be a small JPEG."""
    coarse = np.random.default_rng(0).integers(0, 256, (8, 8, 3))
    return np.kron(coarse, np.ones((8, 8, 1), "int64")).astype("uint8")


def requests():
    """Returns the ways to ask: a signature, its input, and a body."""
    pixels = image()
    jpeg = served_models.encoded_image(pixels, "JPEG")
    files = np.array([base64.b64decode(jpeg["b64"])], object)
    return {
        "uint8 JSON": ("serving_default", pixels[None], [pixels.tolist()]),
        "JPEG": ("bytes", files, [jpeg]),
    }


def body(signature, instances):
    """Returns the bytes of a predict request."""
    content = {"signature_name": signature, "instances": instances}
    return json.dumps(content).encode()


def frozen_call(saved, signature, array):
    """Returns a call of a signature with constant weights, by hand."""
    function = saved.signatures[signature]
    frozen = convert_to_constants.convert_variables_to_constants_v2(function)
    # Tables are no weights: they are given with each call.
    tables = {
        inside.name: given
        for inside, given in zip(
            function.graph.internal_captures,
            function.captured_inputs,
            strict=True,
        )
    }

    def call():
        given = tf.constant(array)
        inputs = [tables.get(each.name, given) for each in frozen.inputs]
        return [each.numpy() for each in frozen(*inputs)]

    return call


def quantiles(seconds):
    """Returns median and 99th percentile, in milliseconds."""
    ordered = sorted(seconds)
    return {
        "median_ms": 1000 * statistics.median(ordered),
        "p99_ms": 1000 * ordered[int(0.99 * (len(ordered) - 1))],
        "count": len(ordered),
    }


def bare(call, seconds):
    """Returns the quantiles of a call in this process, again and again."""
    call()
    taken, until = [], time.perf_counter() + seconds
    spent = time.process_time()
    while time.perf_counter() < until:
        begun = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begun)
    spent = time.process_time() - spent
    return {**quantiles(taken), "processor_ms": 1000 * spent / len(taken)}


def bare_calls(path):
    """Returns the calls of this process that the server is held to."""
    version, saved = aet_keras.serving.load_version(path), load_saved(path)
    found = {}
    for name, (signature, array, _) in requests().items():
        loaded = version.signatures[signature]
        (given,) = loaded.inputs
        found[f"{name}, bare"] = functools.partial(loaded, {given: array})
        found[f"{name}, frozen"] = frozen_call(saved, signature, array)
    return found


def load_saved(path):
    """Loads a version as TensorFlow does; only its object keeps its tables."""
    return tf.saved_model.load(os.fspath(path))


def measure(path, process, url, args):
    """Yields a row for each way to ask, round by round."""
    ways = bare_calls(path)
    for signature, _, instances in requests().values():
        # The server has its time to make what is asked faster.
        server_clients.under_load(
            f"{url}:predict", body(signature, instances), count=1, seconds=12
        )
    for turn in range(args.rounds):
        for name, (signature, _, instances) in requests().items():
            for kind in ("bare", "frozen"):
                row = bare(ways[f"{name}, {kind}"], args.seconds / 4)
                yield {"row": name, "kind": kind, "round": turn, **row}
            for count in (1, 8):
                spent = processor_seconds(process)
                answers, lost = server_clients.under_load(
                    f"{url}:predict",
                    body(signature, instances),
                    count=count,
                    seconds=args.seconds,
                )
                spent = processor_seconds(process) - spent
                row = quantiles([seconds for _, seconds, _ in answers])
                row["processor_ms"] = 1000 * spent / len(answers)
                kind = f"{count} clients"
                row["lost"] = len(lost)
                yield {"row": name, "kind": kind, "round": turn, **row}


def processor_seconds(process):
    """Returns what a process has had of the processors, on Linux."""
    stat = pathlib.Path(f"/proc/{process.pid}/stat").read_text()
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def publish_under_load(process, url, folder, other, body, seconds):
    """Returns what a publication in the middle of a load costs."""
    renamed, spent = [], []

    def publish():
        served_models.copy_version(other, folder, 2)
        renamed.append(time.perf_counter())
        before = processor_seconds(process)
        while time.perf_counter() < renamed[0] + 60:
            answer = server_clients.ask(f"{url}/versions/2")[1]
            (status,) = answer.get("model_version_status", [{}])
            if status.get("state") == "AVAILABLE":
                break
            time.sleep(0.05)
        spent.append(processor_seconds(process) - before)

    answers, lost = server_clients.under_load(
        f"{url}:predict", body, count=8, seconds=seconds, meanwhile=publish
    )
    new = [moment for moment, _, text in answers if b"other 0" in text]
    return {
        "row": "publication under load",
        "requests": len(answers) + len(lost),
        "lost": len(lost),
        "seconds_until_served": min(new) - renamed[0] if new else None,
        "processor_seconds_until_served": spent[0],
        **quantiles([seconds for _, seconds, _ in answers]),
    }


def summarize(rows):
    """Prints a line for each way to ask, and the ratios of the claims."""
    kinds = ("bare", "frozen", "1 clients", "8 clients")
    for name in dict.fromkeys(row["row"] for row in rows):
        mine = {
            kind: [r for r in rows if (r["row"], r["kind"]) == (name, kind)]
            for kind in kinds
        }
        for kind, some in mine.items():
            said = ", ".join(
                f"{key} {statistics.median(row[key] for row in some):.2f}"
                for key in ("median_ms", "p99_ms", "processor_ms")
            )
            print(f"{name:>10}, {kind:>9}: {said}")
        for what, above, below in (
            ("median at 1 / frozen", "1 clients median_ms", "frozen median_ms"),
            (
                "processor at 1 / frozen",
                "1 clients processor_ms",
                "frozen processor_ms",
            ),
            (
                "p99 at 8 / median at 1",
                "8 clients p99_ms",
                "1 clients median_ms",
            ),
        ):
            ratios = [
                each / other
                for each, other in zip(
                    values(mine, above), values(mine, below), strict=True
                )
            ]
            print(f"{name:>10}, {what}: {_machine.spread(ratios)}")


def values(rows, what):
    """Returns a figure of each round; `what` is a kind of row and its key."""
    kind, _, key = what.rpartition(" ")
    return [row[key] for row in rows[kind]]


def record_cost(path, home, args):
    """Yields a row for each way to ask and to record, round by round.

    "kept" keeps each row that is asked, "full" one in some hundreds, as in the
    rest of a busy day.
    """
    folder = home / "benchmark"
    folder.mkdir()
    served_models.copy_version(path, folder, 1)
    for name, (signature, _, instances) in requests().items():
        asked = body(signature, instances)
        with recording_servers(folder, home / name) as servers:
            for _, url in servers.values():  # made faster; a day is filled
                server_clients.under_load(
                    f"{url}:predict", asked, count=2, seconds=12
                )
            for turn in range(args.rounds):
                for way, (process, url) in servers.items():
                    spent = processor_seconds(process)
                    answers, lost = server_clients.under_load(
                        f"{url}:predict", asked, count=1, seconds=args.seconds
                    )
                    spent = processor_seconds(process) - spent
                    row = quantiles([seconds for _, seconds, _ in answers])
                    row["processor_ms"] = 1000 * spent / len(answers)
                    row["lost"] = len(lost)
                    yield {"row": name, "kind": way, "round": turn, **row}


@contextlib.contextmanager
def recording_servers(folder, home):
    """Lends a server for each way to record, by its name."""
    ways = {
        "off": [],
        "inputs kept": [home / "kept", "--record-megabytes", 1000],
        "inputs full": [home / "full", "--record-megabytes", 1],
        "outputs kept": [home / "outputs", "--record-what", "outputs"],
    }
    with contextlib.ExitStack() as stack:
        yield {
            way: stack.enter_context(
                server_clients.running_server(
                    CONSOLE,
                    folder,
                    "--embedded",
                    *(options and ["--record", *options]),
                    seconds=3600,
                )
            )
            for way, options in ways.items()
        }


def summarize_record(rows):
    """Prints a line for each way to record, and its cost beside none."""
    for name in dict.fromkeys(row["row"] for row in rows):
        mine = [row for row in rows if row["row"] == name]
        for way in dict.fromkeys(row["kind"] for row in mine):
            for key in ("median_ms", "p99_ms", "processor_ms"):
                found, off = (
                    [row[key] for row in mine if row["kind"] == kind]
                    for kind in (way, "off")
                )
                more = [a - b for a, b in zip(found, off, strict=True)]
                print(
                    f"{name:>10}, {way:>12}, {key}: "
                    f"{statistics.median(found):.2f}, more than off: "
                    f"{_machine.spread(more)}"
                )


def loads(path):
    """Returns the seconds until a version is loaded and answers, 3 times."""
    found = []
    for _ in range(3):
        begun = time.perf_counter()
        version = aet_keras.serving.load_version(path)
        version.warm_up(["serving_default"])
        found.append(time.perf_counter() - begun)
    return found


def main():
    """Prints a line a measurement, a summary, then JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--load", type=float, default=30)
    parser.add_argument("--record", action="store_true")
    args = parser.parse_args()
    print(_machine.describe())
    with tempfile.TemporaryDirectory() as home:
        home = pathlib.Path(home)
        one, other = write_versions(home)
        if args.record:
            rows = []
            for row in record_cost(one, home, args):
                rows.append(row)
                print(json.dumps(row), flush=True)
            summarize_record(rows)
            print(f"load at the end {os.getloadavg()[0]:.1f}")
            return
        folder = home / "benchmark"
        folder.mkdir()
        served_models.copy_version(one, folder, 1)
        with server_clients.running_server(CONSOLE, folder, seconds=3600) as (
            process,
            url,
        ):
            rows = []
            for row in measure(one, process, url, args):
                rows.append(row)
                print(json.dumps(row), flush=True)
            signature, _, instances = requests()["uint8 JSON"]
            asked = body(signature, instances)
            event = publish_under_load(
                process, url, folder, other, asked, args.load
            )
            server_clients.stop_server(process)
        seconds = loads(one)
    summarize(rows)
    print(f"seconds to load: {_machine.spread(seconds)}")
    print(f"load at the end {os.getloadavg()[0]:.1f}")
    print(json.dumps(event))
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
