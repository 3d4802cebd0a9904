"""Is what several workers learn what one process learns, and what of a kill?

Claims: workers end with equal weights, within 1e-5 of those of one process,
whether they share batches evenly or not; a killed worker is noticed by the
others within 15 s on a quiet machine, and `aet-keras fit --workers` goes on;
replayed, they are as near to one process, each worker decodes its share of the
rows and at most a batch more, and a step reduces the bytes of what moves and
nothing else. Asked, and not reached: a replayed epoch of two workers on one
machine takes at most 1.15 times the processor seconds of one process.

    python tests/benchmarks/workers.py [--workers 1 2 3]
        [--parts weights kills replay bytes] [--moves 3]

Each worker is a process of this machine with one thread. The model of
`weights` has BatchNormalization, Adam, two metrics, thaws one group after each
epoch and lets the rate follow; batches of 16 rows, 4 epochs. `replay` compares
three dense layers in all, `bytes` has MobileNetV2 at 96 pixels, random weights
and rows, batch 32; `--moves 1` measures its head alone, 2 also `block_13` up.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import _machine
import _worker_tables

sys.path.insert(0, str(_machine.ROOT / "tests"))
import distributed_runs as runs
import numpy as np
import worker_groups

ROWS = {"even": 64, "uneven": 75}


def most_apart(some, others):
    """Returns the largest difference of two lists of arrays."""
    pairs = zip(some, others, strict=True)
    return max(float(np.abs(a - b).max()) for a, b in pairs)


def compare(count, folder, alone):
    """Prints a row for each share of rows."""
    group = worker_groups.Group(count, folder)
    try:
        for name, rows in ROWS.items():
            begun = time.perf_counter()
            together = [e["weights"] for e in group.run(runs.elastic_run, rows)]
            seconds = time.perf_counter() - begun
            between = max(most_apart(together[0], each) for each in together)
            print(
                f"{count:>7}  {name:<7}{between:>17.1e}"
                f"{most_apart(together[0], alone[name]):>17.1e}"
                f"{seconds:>9.1f}",
                flush=True,
            )
    finally:
        group.close()


def seconds_to_notice(index, folder):
    """Kills one of two workers; returns when the other one has noticed."""
    group = worker_groups.Group(2, folder / f"group{index}")
    try:
        group.begin(runs.saved_run, str(folder / f"saves{index}"), index, 9)
        group.workers[index].process.wait()
        begun = time.perf_counter()
        try:
            group.wait_for(1 - index)
        except AssertionError:
            return time.perf_counter() - begun
        raise SystemExit("it was not noticed")
    finally:
        group.close()


def seconds_to_go_on(name, folder):
    """Kills a process of the command; returns when the next save is there."""
    out = folder / f"out_{name}"
    command = [sys.executable, "-m", "aet_keras_command", "fit", "digits"]
    options = ["--out", str(out), "--workers", "2", "--epochs", "30"]
    options += ["--image-size", "32", "--augment", "none"]
    command = subprocess.Popen(
        [*command, *options], stdout=subprocess.DEVNULL, stderr=sys.stderr
    )
    saves, pid_file = out / ".workers" / "saves", out / f".workers/{name}.pid"
    try:
        wait_for_save(saves, command, after=1)
        last = newest(saves)
        os.kill(int(pid_file.read_text()), signal.SIGKILL)
        begun = time.perf_counter()
        wait_for_save(saves, command, after=last + 1)
        return time.perf_counter() - begun
    finally:
        command.terminate()
        command.wait()


def newest(saves):
    """Returns the number of the newest save, 0 if there is none."""
    found = sorted(each.name for each in saves.glob("save-*"))
    return int(found[-1].removeprefix("save-")) if found else 0


def wait_for_save(saves, command, after):
    while newest(saves) <= after:
        if command.poll() is not None:
            raise SystemExit("the command ended")
        time.sleep(0.1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 3])
    parts = "weights", "kills", "replay", "bytes"
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts)
    parser.add_argument("--moves", type=int, choices=(1, 2, 3), default=3)
    given = parser.parse_args()
    print(_machine.describe(), flush=True)
    if "weights" in given.parts:
        print_weights(given.workers)
    if "kills" in given.parts:
        print_kills()
    with _worker_tables.Groups() as groups:
        if "replay" in given.parts:
            _worker_tables.replay(groups, given.workers)
        if "bytes" in given.parts:
            _worker_tables.send(groups, given.moves)


def print_weights(workers):
    """Prints how far workers end apart, and from one process."""
    print("workers  rows    between workers   to one process  seconds")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        alone = {name: runs.elastic_run(n) for name, n in ROWS.items()}
        alone = {name: run["weights"] for name, run in alone.items()}
        for count in workers:
            compare(count, folder / f"workers{count}", alone)


def print_kills():
    """Prints seconds until a kill is noticed, and until training goes on."""
    print("killed    noticed by the other  training goes on (--workers 2)")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for index, name in enumerate(("chief", "worker1")):
            noticed = seconds_to_notice(index, folder)
            goes_on = seconds_to_go_on(name, folder)
            print(f"{name:<10}{noticed:>18.1f} s{goes_on:>28.1f} s", flush=True)


if __name__ == "__main__":
    main()
