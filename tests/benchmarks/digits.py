"""Does the embedded backbone help, and is the quick start quick?

Claim: `aet-keras fit digits` reaches 0.97 test accuracy or more (mean of 3
seeds) within 3 minutes on 2 cores, and more than the same network from random
weights with the same epochs, all groups thawed, BatchNormalization training.

    python tests/benchmarks/digits.py [--seeds 0 1 2]

Runs the command itself, as a user does, and reads its report.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import _machine

ROWS = {"embedded": [], "none": ["--weights", "none"]}


def measure(row, seed):
    """Runs the command once, and returns what its report says."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder, "digits")
        script = pathlib.Path(sys.executable).with_name("aet-keras")
        command = [str(script), "fit", "digits", "--quiet"]
        command += ["--seed", str(seed), "--out", str(out), *ROWS[row]]
        begun = time.perf_counter()
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        seconds = time.perf_counter() - begun
        report = json.loads((out / "report.json").read_text())
    return {
        "row": row,
        "seed": seed,
        "test_accuracy": report["test"]["accuracy"],
        "best_epoch": report["best_epoch"],
        "seconds": seconds,
    }


def main():
    """Prints a line a run, then a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    args = parser.parse_args()
    print(_machine.describe())
    runs = []
    for seed in args.seeds:
        for row in ROWS:
            runs.append(measure(row, seed))
            print(json.dumps(runs[-1]), flush=True)
    for row in ROWS:
        for key in ("test_accuracy", "seconds"):
            values = [run[key] for run in runs if run["row"] == row]
            print(f"{row:>8} {key:>14}  {_machine.spread(values)}")


if __name__ == "__main__":
    main()
