"""Which item does a user meet next, where nobody rated anything?

The recipe that `aet-keras fit FILE.csv --user --item` runs on rows without
ratings, against what is hard to beat when it is tuned (Dacrema et al. 2019,
Rendle et al. 2020): popularity, item cosine neighbours (shrinkage and number
of neighbours tuned), and EASE (Steck 2019; strength tuned), both in NumPy, on
the same splits, tuned on validation by NDCG. Hit rate and NDCG at 10 are over
all items that the user has not met: no item is sampled away.

    python tests/benchmarks/implicit.py [--seeds 0 1 2] [--movielens FILE]

- InstEval: a student rated a lecturer, whatever the rating. The file has no
  time: chance says which of a student's are validated and tested.
- MovieLens small: a user rated a film, whatever the rating; films of at least
  ten users. The last two of each user, by time, are validated and tested:
  the split is the same for each seed.

`--negatives N` draws negatives instead of taking all that were not met. Each
run is a process of its own; seconds are of the processor, tracing included.
Files: insteval_ratings.csv.gz in the folder that AET_DATA names, and the
ratings.csv of GroupLens's MovieLens small, which is run where it is given.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import _machine
import numpy as np

COLUMNS = {"userId": "user", "movieId": "item", "timestamp": "time"}
LEAST_USERS = 10


def read(file, seed, folder, negatives=None):
    """Returns recipe and data set of interactions."""
    import pandas

    from aet_keras import recipes
    from aet_keras.training.rating_job import JOB

    frame = pandas.read_csv(file).rename(columns=COLUMNS)
    settings = {"split": "leave_last_out", "seed": seed, "negatives": negatives}
    if "time" in frame:
        often = frame.groupby("item").user.transform("size")
        frame = frame[often >= LEAST_USERS]
        settings["time"] = "time"
    path = pathlib.Path(folder) / "met.csv"
    frame[[c for c in frame if c in ("user", "item", "time")]].to_csv(
        path, index=False
    )
    recipe = recipes.RatingRecipe(str(path), **settings)
    return recipe, JOB.read(recipe)


def ours(recipe, dataset):
    """The recipe, before and after neighbours are added."""
    import keras

    from aet_keras.training import rating_job

    job = rating_job.JOB
    parts = []
    adding = rating_job.item_neighbours.add_neighbours

    def add(run, *rest):
        parts.append(run)
        return adding(run, *rest)

    rating_job.item_neighbours.add_neighbours = add
    keras.utils.set_random_seed(recipe.seed)
    begun = time.process_time()
    run = job.fit(job.build(recipe, dataset), recipe, dataset)
    seconds = time.process_time() - begun
    test = job.measure(run, "met", dataset).test
    alone = job.measure(parts[0], "met", dataset).test
    return {
        "ours": {**figures(test), "seconds": seconds},
        "ours, no neighbours": figures(alone),
        "popularity": figures(test.baselines["popularity"]),
        "item cosine, untuned": figures(test.baselines["item neighbours"]),
    }


def figures(score):
    """Returns hit rate and NDCG."""
    return {name: getattr(score, name) for name in ("hit_rate", "ndcg")}


def closed_form(dataset):
    """Cosine neighbours and EASE, tuned on validation."""
    met = {
        name: met_by(dataset, names)
        for name, names in {
            "train": ["train"],
            "test": ["train", "validation"],
        }.items()
    }
    x = met["train"]
    together = x.T @ x
    size = np.sqrt(np.outer(np.diag(together), np.diag(together)))

    def cosines():
        for shrinkage in (0.0, 10.0, 50.0, 200.0):
            for count in (20, 100, 400, len(size)):
                near = together / (size + shrinkage + 1e-6)
                np.fill_diagonal(near, 0)
                if count < len(near):
                    least = np.partition(near, -count, axis=0)[-count]
                    near = np.where(near >= least, near, 0)
                yield (shrinkage, count), near

    def eases():
        for strength in (10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0):
            inverse = np.linalg.inv(together + strength * np.eye(len(size)))
            weights = -inverse / np.diag(inverse)
            np.fill_diagonal(weights, 0)
            yield strength, weights

    found = {}
    for name, candidates in (("item cosine", cosines), ("EASE", eases)):
        begun, best = time.process_time(), None
        for settings, weights in candidates():
            told = score(dataset.validation, x, weights, x)
            if best is None or told["ndcg"] > best[0]:
                best = told["ndcg"], settings, weights
        seconds = time.process_time() - begun
        told = score(dataset.test, x, best[2], met["test"])
        found[f"{name}, tuned"] = {
            **told,
            "seconds": seconds,
            "settings": best[1],
        }
    return found


def met_by(dataset, names):
    """Returns 1 for each user and item that met in splits."""
    counts = (
        1 + len(dataset.specification.users),
        1 + len(dataset.specification.items),
    )
    met = np.zeros(counts, "float32")
    for name in names:
        inputs = getattr(dataset, name).inputs
        met[inputs["user"][:, 0], inputs["item"][:, 0]] = 1
    met[0] = 0
    met[:, 0] = 0
    return met


def score(split, x, weights, hidden):
    """Returns hit rate and NDCG at 10 of x @ weights, met items hidden."""
    users, items = (split.inputs[name][:, 0] for name in ("user", "item"))
    scores = np.where(hidden[users] > 0, -np.inf, x[users] @ weights)
    scores[:, 0] = -np.inf
    own = scores[np.arange(len(users)), items][:, None]
    others = (scores == own).sum(axis=1) - 1
    ranks = (scores > own).sum(axis=1) + others // 2
    ranks = np.where(items == 0, len(weights), ranks)
    gains = np.where(ranks < 10, 1 / np.log2(ranks + 2.0), 0)
    return {"hit_rate": float((ranks < 10).mean()), "ndcg": float(gains.mean())}


def main():
    """Runs each data set with each seed, one process each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--movielens", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--negatives", type=int)
    parser.add_argument("--here", help="a file to run in this process")
    args = parser.parse_args()
    if args.here:
        with tempfile.TemporaryDirectory() as folder:
            recipe, dataset = read(
                args.here, args.seeds[0], folder, args.negatives
            )
            found = {**ours(recipe, dataset), **closed_form(dataset)}
        print(json.dumps(found))
        return
    print(_machine.describe(), flush=True)
    more = (
        [] if args.negatives is None else ["--negatives", str(args.negatives)]
    )
    files = {"insteval": _machine.DATA / "insteval_ratings.csv.gz"}
    if args.movielens is not None:
        files["movielens"] = args.movielens
    for name, file in files.items():
        found = []
        for seed in args.seeds:
            command = [sys.executable, __file__, "--here", str(file)]
            done = subprocess.run(
                [*command, "--seeds", str(seed), *more],
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            )
            found.append(json.loads(done.stdout.splitlines()[-1]))
            print(name, seed, json.dumps(found[-1]), flush=True)
        for row in found[0]:
            for figure in ("hit_rate", "ndcg", "seconds"):
                values = [each[row].get(figure) for each in found]
                if None not in values:
                    text = _machine.spread(values)
                    print(f"{name:9} {row:22} {figure:8} {text}", flush=True)


if __name__ == "__main__":
    main()
