"""How long does a client wait, and does a publication lose a request?

Claims, for the embedded server, one image of 64 pixels a request:

- the 99th percentile at 8 clients is at most 10 times the median at one;
- a version published under the load of 8 clients loses no request, and is
  served within 2 seconds of its rename. On a machine that others use, what the
  server itself took of a processor until then says more than the seconds.

    python tests/benchmarks/serving.py [--seconds 10] [--rounds 3] [--load 30]

The embedded backbone, ten classes, over loopback. The clients are threads of
this process, so that they and the server share the machine's cores; figures
say more about ratios than about a machine of its own. The bare calls take
turns with the server, round by round.
"""

import argparse
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

import aet_keras

sys.path.append(str(_machine.ROOT / "tests"))

import served_models
import server_clients

CONSOLE = pathlib.Path(sysconfig.get_path("scripts"), "aet-keras")
NAMES = [f"class {k}" for k in range(10)]
OTHERS = [f"other {k}" for k in range(10)]


def write_versions(home):
    """Writes a classifier twice, with other names; returns it and them."""
    keras.utils.set_random_seed(0)
    model = aet_keras.tasks.build_image_classifier(
        class_count=10, image_size=(64, 64)
    )
    versions = []
    for names in (NAMES, OTHERS):
        path = home / names[0]
        aet_keras.export.write_image_model(model, path, class_names=names)
        versions.append(path)
    return model, versions


def image():
    """Returns one seeded image, smooth enough to be a small JPEG."""
    coarse = np.random.default_rng(0).integers(0, 256, (8, 8, 3))
    return np.kron(coarse, np.ones((8, 8, 1), "int64")).astype("uint8")


def bodies(version):
    """Returns the ways to ask that the version knows."""
    pixels = image()
    found = {"uint8 JSON": {"instances": [pixels.tolist()]}}
    if "bytes" in version.signatures:
        jpeg = served_models.encoded_image(pixels, "JPEG")
        found["JPEG"] = {"signature_name": "bytes", "instances": [jpeg]}
    return {name: json.dumps(body).encode() for name, body in found.items()}


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
    while time.perf_counter() < until:
        begun = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begun)
    return quantiles(taken)


def measure(model, version, url, args):
    """Yields a row for each way to ask, round by round."""
    pixels = image()[None]
    serve = version.signatures["serving_default"]
    ways = {
        "Keras model, bare": lambda: model(pixels, training=False).numpy(),
        "SavedModel, bare": lambda: serve({"images": pixels}),
    }
    for turn in range(args.rounds):
        for name, call in ways.items():
            row = bare(call, args.seconds / 4)
            yield {"row": name, "clients": 0, "round": turn, **row}
        for name, body in bodies(version).items():
            for count in (1, 8):
                answers, lost = server_clients.under_load(
                    f"{url}:predict", body, count=count, seconds=args.seconds
                )
                row = quantiles([seconds for _, seconds, _ in answers])
                row["lost"] = len(lost)
                yield {"row": name, "clients": count, "round": turn, **row}


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
    """Prints a line for each way to ask, and the claim's ratio."""
    for name in dict.fromkeys(row["row"] for row in rows):
        mine = [row for row in rows if row["row"] == name]
        for count in sorted({row["clients"] for row in mine}):
            some = [row for row in mine if row["clients"] == count]
            said = ", ".join(
                f"{key} {statistics.median(row[key] for row in some):.2f}"
                for key in ("median_ms", "p99_ms")
            )
            print(f"{name:>20}, {count} clients: {said}")
        pairs = zip(
            (row["median_ms"] for row in mine if row["clients"] == 1),
            (row["p99_ms"] for row in mine if row["clients"] == 8),
            strict=True,
        )
        ratios = [p99 / median for median, p99 in pairs]
        if ratios:
            print(
                f"{name:>20}, p99 at 8 / median at 1: {_machine.spread(ratios)}"
            )


def main():
    """Prints a line a measurement, a summary, then JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--load", type=float, default=30)
    args = parser.parse_args()
    print(_machine.describe())
    with tempfile.TemporaryDirectory() as home:
        home = pathlib.Path(home)
        model, (one, other) = write_versions(home)
        version = aet_keras.serving.load_version(one)
        folder = home / "benchmark"
        folder.mkdir()
        served_models.copy_version(one, folder, 1)
        with server_clients.running_server(CONSOLE, folder, seconds=3600) as (
            process,
            url,
        ):
            rows = []
            for row in measure(model, version, url, args):
                rows.append(row)
                print(json.dumps(row), flush=True)
            body = bodies(version)["uint8 JSON"]
            event = publish_under_load(
                process, url, folder, other, body, args.load
            )
            server_clients.stop_server(process)
    summarize(rows)
    print(f"load at the end {os.getloadavg()[0]:.1f}")
    print(json.dumps(event))
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
