"""Do sets and intervals hold the truth as often as they say, and how large?

Wanted at a coverage of 0.9: clothing10 with MobileNetV2 0.90 +- 0.02 with at
most 1.15 classes a set; films to products at least 0.89 after 100 labels.

    python tests/benchmarks/coverage.py [--parts images texts tables]
        [--seeds 0 1] [--draws 200] [--models FOLDER]

Each row: mean and standard deviation over draws of which test rows calibrate
(half of them, or 100) and which are measured (the others). Rows beside ours:
scores of other authors, calibrated likewise (`aps`, and `raps` with a penalty
of 0.1 from the third class on, both with a random share of the last class; the
most probable one is always in), and what needs no calibration: all classes of
at least 1 - 0.9 (`threshold`), the likeliest until they sum to 0.9 (`top-k`),
and of numbers +- 1.645 standard errors of the validation rows (`normal`).
`lac` is ours without the rule that the most probable class is always in: some
of its sets are empty.

Data: clothing10, signdigits, vader_sentiment_4domains, MiniLM and the tables
in the folder that AET_DATA names.
"""

import argparse
import pathlib

import _cells
import _machine
import adapt_rows
import keras
import numpy as np
import regression

import aet_keras
from aet_keras import recipes, training
from aet_keras.evaluation import conformal

COVERAGE = 0.9
PENALTY, FREE = 0.1, 2
EPOCHS = 12


def ours(calibration, test):
    """Returns which classes are in the sets of test rows."""
    return conformal.calibrate(*calibration, coverage=COVERAGE).sets(test)


def lac(calibration, test):
    """The same without the most probable class, where it is not likely."""
    return test >= conformal.calibrate(*calibration, coverage=COVERAGE).limit


def _ranked(said):
    """Returns the probability of all likelier classes, and of each itself."""
    order = (-said).argsort(axis=1, kind="stable")
    rank = order.argsort(axis=1, kind="stable")
    down = np.take_along_axis(said, order, axis=1).cumsum(axis=1)
    return np.take_along_axis(down, rank, axis=1), rank


def _cumulative(penalty):
    def sets(calibration, test):
        labels, said = calibration
        random = np.random.default_rng(len(test))

        def scores(said):
            total, rank = _ranked(said)
            part = random.uniform(size=(len(said), 1)) * said
            return total - part + penalty * np.maximum(0, rank + 1 - FREE)

        mine = np.sort(scores(said)[np.arange(len(labels)), labels])
        place = int(np.ceil((len(labels) + 1) * COVERAGE)) - 1
        found = scores(test) <= mine[min(place, len(mine) - 1)]
        return found | (test == test.max(axis=1, keepdims=True))

    return sets


def threshold(calibration, test):
    """All classes that are not unlikely."""
    return test >= 1 - COVERAGE


def top_k(calibration, test):
    """The likeliest classes, until they sum to the coverage."""
    total, _ = _ranked(test)
    return total - test < COVERAGE


SETS = {
    "ours": ours,
    "lac": lac,
    "aps": _cumulative(0),
    "raps": _cumulative(PENALTY),
    "threshold": threshold,
    "top-k": top_k,
}


def measured(sets, labels):
    """Returns coverage, size, the worst class, and the share of empty sets."""
    held = sets[np.arange(len(labels)), labels]
    worst = min(held[labels == each].mean() for each in np.unique(labels))
    sizes = sets.sum(axis=1)
    return held.mean(), sizes.mean(), worst, (sizes == 0).mean()


def draw(said, labels, draws, *, count=None):
    """Yields rows that calibrate, and the others, of both arrays."""
    for seed in range(draws):
        rows = np.random.default_rng(seed).permutation(len(labels))
        first, second = np.split(rows, [count or len(rows) // 2])
        yield (labels[first], said[first]), (labels[second], said[second])


def show(what, name, figures):
    """Prints a row of figures, each with its standard deviation."""
    mean, spread = np.mean(figures, axis=0), np.std(figures, axis=0)
    cells = "  ".join(
        f"{m:9.3f} +- {s:.3f}" for m, s in zip(mean, spread, strict=True)
    )
    print(f"{what:<26} {name:<10} {cells}", flush=True)


def classes(what, pools, draws, *, count=None, fixed=None):
    """Prints a row for each kind of sets.

    Args:
        what: str. The data.
        pools: list of `(probabilities, labels)`, one a model.
        draws: int.
        count: optional int. Rows that calibrate. Defaults to half.
        fixed: optional `(probabilities, labels)` that calibrate instead.
    """
    for name, sets in SETS.items():
        figures = []
        for said, labels in pools:
            for calibration, (truth, new) in draw(
                said, labels, draws, count=count
            ):
                if fixed is not None:
                    calibration = fixed[::-1]
                figures.append(measured(sets(calibration, new), truth))
        show(what, name, figures)


def images(options):
    """Photos of clothes, and of hands that show digits."""
    for data, backbone, side in (
        ("clothing10", "mobilenet", 96),
        ("signs", "embedded", 64),
    ):
        pools = []
        for seed in options.seeds:
            splits = _cells.load(data, side, 0)
            path = options.models / f"{data}-{backbone}-{side}-{seed}.keras"
            if path.exists():
                model = keras.models.load_model(path, compile=False)
            else:
                model = _trained(backbone, side, splits, seed)
                options.models.mkdir(parents=True, exist_ok=True)
                model.save(path)
            said = model.predict(splits[2][0], batch_size=128, verbose=0)
            pools.append((said, splits[2][1]))
            right = (said.argmax(axis=1) == splits[2][1]).mean()
            print(f"{data}, seed {seed}: {len(said)} test rows, {right:.3f}")
        classes(data, pools, options.draws)


def _trained(backbone, side, splits, seed):
    keras.utils.set_random_seed(seed)
    count = int(splits[0][1].max()) + 1
    model, _ = _cells.build(backbone, side, count, 1e-3)
    aet_keras.fine_tune(
        model, splits[0], validation_data=splits[1], epochs=EPOCHS, verbose=0
    )
    return model


def texts(options):
    """Film reviews, and what a model of them says of other domains."""
    sides = adapt_rows.embedded(2000)
    model = adapt_rows.film_model(sides["movie", "train"])

    def say(domain):
        x, labels = sides[domain, "test"]
        return model.predict(x, batch_size=512, verbose=0), labels

    film = say("movie")
    classes("film", [film], options.draws)
    for domain in adapt_rows.DOMAINS:
        pool = [say(domain)]
        classes(f"{domain}, limits of film", pool, options.draws, fixed=film)
        classes(f"{domain}, 100 labels", pool, options.draws, count=100)


def tables(options):
    """Numbers, with intervals."""
    folder = options.models / "tables"
    folder.mkdir(parents=True, exist_ok=True)
    for name, read in regression.TABLES.items():
        frame, target = read()
        path = folder / f"{name}.csv"
        frame.to_csv(path, index=False)
        found = {"ours": [], "normal": []}
        for seed in options.seeds:
            _numbers(str(path), target, seed, options.draws, found)
        for row, figures in found.items():
            show(name, row, figures)


def _numbers(path, target, seed, draws, found):
    recipe = recipes.TableRecipe(
        path, target, target_kind="number", seed=seed, test_ratio=0.3
    )
    job = training.table_job
    dataset = job.read_rows(recipe)
    keras.utils.set_random_seed(seed)
    run = job.fit_table_model(
        job.build_table_model(recipe, dataset), recipe, dataset
    )
    rest = dataset.validation.labels - run.validation_outputs[:, 0]
    error = np.sqrt(np.mean(rest**2))
    said = training.table_encoding.predict(run.model, dataset.test)
    for calibration, (truth, new) in draw(said, dataset.test.labels, draws):
        limits = {
            "ours": conformal.calibrate(
                *calibration, coverage=COVERAGE, target_kind="number"
            ).limit,
            "normal": 1.645 * error,
        }
        for name, limit in limits.items():
            held = (np.abs(truth - new[:, 0]) <= limit).mean()
            found[name].append((held, 2 * limit / np.std(truth)))


PARTS = {"images": images, "texts": texts, "tables": tables}


def main():
    """Prints a table a part."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--parts", nargs="+", default=list(PARTS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument(
        "--models", type=pathlib.Path, default="/tmp/aet-coverage"
    )
    options = parser.parse_args()
    print(_machine.describe())
    print(
        f"asked {COVERAGE}: coverage, classes a set, worst class, empty sets; "
        "of tables coverage, width in standard deviations of the target"
    )
    for part in options.parts:
        PARTS[part](options)


if __name__ == "__main__":
    main()
