"""Does a gate after every group leave every network's outputs as they were?

Claim: `graft` with `SqueezeExcite` behind each group changes no model of
`keras.applications` by more than 1e-6 of its largest output.

    python tests/benchmarks/grafted_families.py [--names MobileNetV2 VGG16]

Random weights, BatchNormalization fitted to the images, the smallest
images a family takes. A line is: name, places, difference, ok.
"""

import argparse
import gc
import sys

import _machine
import keras

sys.path.append(str(_machine.ROOT / "tests"))
import graft_comparison  # noqa: E402


def main():
    """Prints a line a network; the exit code says whether all are ok."""
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--names", nargs="+", default=graft_comparison.application_names()
    )
    args = parser.parse_args()
    print(_machine.describe())
    failed = []
    for name in args.names:
        found = graft_comparison.compare(name)
        word = "ok" if found.is_ok else f"NOT OK, spread {found.spread:.3f}"
        line = f"{name:<20} {found.places:>2} {found.difference:.1e} {word}"
        print(line, flush=True)
        failed += [] if found.is_ok else [name]
        keras.utils.clear_session()
        gc.collect()
    print(f"{len(args.names) - len(failed)} of {len(args.names)} ok")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
