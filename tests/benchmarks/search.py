"""Does a search get further where its trials share frozen features?

Claim: trials an hour with and without sharing, and the validation accuracy
found in the same seconds, random search without sharing being `apart`.

    python tests/benchmarks/search.py [--seconds 1800] [--seeds 0 1 2]
        [--rows apart shared bayesian hyperband] [--data digits] [--space FILE]
        [--epochs 8] [--clock processor]

    python tests/benchmarks/search.py --clock processor --seconds 180 \
        --epochs 4 --seeds 0

is the short one: a quarter of an hour on one core that is idle.

clothing10, MobileNetV2 (ImageNet + 19 dog breeds), 96 pixels; digits, the
embedded backbone, 32 pixels. On a machine that others use, seconds of the
processor say more than those on the wall. All rows search one space:
the default one with groups that thaw one after another and images that are
not augmented, because only such trials have frozen features. `shared` tries
what `apart` tries, in the same order, for as long as there is time.
"""

import argparse
import itertools
import json
import tempfile
import time

import _cells
import _machine
import _recipes

from aet_keras import recipes, tuning

ROWS = {
    "apart": {"tuner": "random", "features": "apart"},
    "shared": {"tuner": "random", "features": "share"},
    "bayesian": {"tuner": "bayesian", "features": "share"},
    "hyperband": {"tuner": "hyperband", "features": "share"},
}
SPACE = {"augment": "none", "thaw": ["ThawOnStall", "ThawOnSchedule"]}
CLOCKS = {"wall": time.time, "processor": time.process_time}
MOST_TRIALS = 1000  # the time ends it before


class Enough(Exception):
    """Ends a search when its time is over."""


def base(data, epochs):
    """Returns the recipe that all rows start from."""
    if data == "digits":
        return recipes.Recipe("digits", image_size=32, epochs=epochs)
    return recipes.Recipe(
        str(_recipes.PHOTOS),
        backbone="MobileNetV2",
        weights=str(_cells.WEIGHTS),
        image_size=96,
        epochs=epochs,
    )


def measure(row, seed, recipe, space, seconds, clock):
    """Searches for some seconds, and returns what was found."""
    trials, ends = [], [clock()]

    def watch(trial):
        if clock() - ends[0] > seconds:
            raise Enough
        trials.append(trial)
        ends.append(clock())

    with tempfile.TemporaryDirectory() as out:
        try:
            tuning.search_recipes(
                recipe,
                out,
                space=space,
                max_trials=MOST_TRIALS,
                seed=seed,
                watch=watch,
                **ROWS[row],
            )
        except Enough:
            pass
    return {"row": row, "seed": seed, **figures(trials, ends)}


def figures(trials, ends):
    """Returns the figures of the trials that ended in time."""
    found = tuning.trials.Search(tuple(trials))
    ended = [trial for trial in trials if trial.error is None]
    spent = ends[-1] - ends[0]
    return {
        "trials": len(trials),
        "failed": len(trials) - len(ended),
        "trials_an_hour": 3600 * len(trials) / spent if spent else 0.0,
        "epochs": sum(trial.figures["epochs"] for trial in ended),
        "validation_accuracy": max(
            (score for score in found.scores if score is not None), default=0.0
        ),
        "seconds_a_trial": [
            round(end - begin, 1) for begin, end in itertools.pairwise(ends)
        ],
        "epochs_a_trial": [int(t.figures.get("epochs", 0)) for t in trials],
    }


def main():
    """Prints a line a search, then a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=ROWS)
    parser.add_argument("--data", default="clothing10")
    parser.add_argument("--seconds", type=float, default=1800.0)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--clock", default="wall", choices=CLOCKS)
    parser.add_argument("--space", help="JSON file instead of the space above")
    args = parser.parse_args()
    space = tuning.ElasticSpace(SPACE)
    if args.space:
        space = tuning.ElasticSpace.load(args.space)
    print(_machine.describe(), flush=True)
    runs = []
    for seed in args.seeds:
        for row in args.rows:
            recipe = base(args.data, args.epochs)
            clock = CLOCKS[args.clock]
            runs.append(measure(row, seed, recipe, space, args.seconds, clock))
            print(json.dumps(runs[-1]), flush=True)
    for row in args.rows:
        for key in ("validation_accuracy", "trials_an_hour"):
            values = [run[key] for run in runs if run["row"] == row]
            print(f"{row:>10} {key:>19}  {_machine.spread(values)}")


if __name__ == "__main__":
    main()
