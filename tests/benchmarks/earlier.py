"""Is a model that goes on with an earlier one better than a new one?

The earlier model is one of `aet-keras fit` that has learned last year's rows.
Of the new ones few have labels. `from` is the same command with `--from`,
`new` is it without, `as it was` the earlier model, which learns nothing.

    python tests/benchmarks/earlier.py [--part images|texts] [--labels 10 20] \\
        [--shifts cast5 sketch] [--seeds 0 1 2] [--models FOLDER] \\
        [--backbone MobileNetV2|embedded]

- `images`: clothing10 at 64 pixels. The earlier model has
  learned one half of the training rows; of the other half, as another camera
  takes them (`_shifts.py`), `--labels` of each class have a label, a fifth of
  which validates. Tested on all test rows, taken by that camera.
- `texts`: film reviews, 2,000 of them, then those of another domain
  (`--shifts amazon tweet`), MiniLM, with `--labels` rows, a fifth of which
  validates. Tested on the test rows of the domain.

Shown is test accuracy; what was reached stands in CHANGES.
"""

import argparse
import json
import pathlib
import statistics
import sys
import tempfile

import _cells
import _machine
import _shifts
import keras
import numpy as np
import PIL.Image

import aet_keras
from aet_keras import recipes, training
from aet_keras.training import earlier

sys.path.insert(0, str(_machine.ROOT / "tests"))
import minilm_backbone  # noqa: E402

SIDE, OLD_TEXTS = 64, 2000
SPLITS = "train", "validation", "test"
DEFAULTS = {
    "images": (["sketch"], [10, 20, 50]),
    "texts": (["amazon", "tweet"], [100, 300]),
}


def write(folder, splits, save):
    """Writes rows as files, a folder for each split and class."""
    for split, (rows, labels) in splits.items():
        for number, (row, label) in enumerate(zip(rows, labels, strict=True)):
            home = folder / split / f"c{label}"
            home.mkdir(parents=True, exist_ok=True)
            save(row, home / f"{number}")
    return str(folder)


def images(folder, backbone):
    """Returns the earlier recipe, and a function that makes new ones."""
    is_own = backbone == "embedded"
    weights = None if is_own else str(_cells.WEIGHTS)
    (x, y), held, test = _cells.load("clothing10", SIDE, 0)
    half = np.random.default_rng(0).permutation(len(y))
    old, rest = np.split(half, [len(y) // 2])

    def save(row, path):
        PIL.Image.fromarray(row).save(path.with_suffix(".png"))

    def recipe(name, splits, **settings):
        return recipes.Recipe(
            write(folder / name, splits, save),
            weights=None if "from_" in settings else weights,
            backbone=backbone,
            image_size=SIDE,
            **settings,
        )

    def new(shift, count, seed, name, **settings):
        random = np.random.default_rng(seed)
        change = {**_shifts.SHIFTS, "sketch": _shifts.SKETCH}[shift]
        rows = random.permutation(rest)
        drawn = np.stack([rows[y[rows] == c][:count] for c in range(10)])
        parts = np.split(drawn, [count - count // 5], axis=1)
        splits = {
            split: (change(x[each.ravel()], random), y[each.ravel()])
            for split, each in zip(SPLITS, parts, strict=False)
        }
        splits["test"] = change(test[0], random), test[1]
        return recipe(name, splits, seed=seed, **settings)

    splits = dict(zip(SPLITS, ((x[old], y[old]), held, test), strict=True))
    return recipe("old", splits), new


def texts(folder, backbone):
    """Returns the same of texts."""
    del backbone
    frame = aet_keras.data.read_csv(
        "earlier", _machine.DATA / "vader_sentiment_4domains.csv.gz"
    )
    frame = frame[frame.label != "-1"]
    preset = folder / "minilm"
    if not preset.exists():
        minilm_backbone.save_preset(_machine.DATA, preset)

    def save(row, path):
        path.with_suffix(".txt").write_text(row, encoding="utf-8")

    def drawn(domain, count, seed):
        some = frame[frame.domain == domain]
        rows = some[some.split == "train"].sample(count, random_state=seed)
        parts = [rows[count // 5 :], rows[: count // 5]]
        parts.append(some[some.split == "test"])
        return {
            split: (each.text, each.label)
            for split, each in zip(SPLITS, parts, strict=True)
        }

    def recipe(name, splits, **settings):
        source = write(folder / name, splits, save)
        return recipes.TextRecipe(source, backbone=str(preset), **settings)

    def new(shift, count, seed, name, **settings):
        splits = drawn(shift, count, seed)
        return recipe(name, splits, seed=seed, **settings)

    return recipe("old", drawn("movie", OLD_TEXTS, 0)), new


def accuracy(recipe):
    """Runs a recipe without publishing; returns accuracies and seconds."""
    job = training.run.job_of(recipe)
    if recipe.from_ is not None:
        recipe = earlier.as_earlier(recipe)
    dataset = job.read(recipe)
    test, names = dataset.test, dataset.specification.class_names
    begun = _machine.now()
    keras.utils.set_random_seed(recipe.seed)
    model = job.build(recipe, dataset)
    best = job.best(recipe, dataset)
    run = job.fit(model, recipe, dataset, best=best)
    spent = _machine.now() - begun
    found = {"seconds": round(float(spent[1]), 1), "events": run.cache_events}
    found["accuracy"] = _right(job.predict(run.model, test), test)
    if recipe.from_ is not None:
        was = earlier.Earlier.of(recipe)
        assert was.names == names
        found["as it was"] = _right(job.predict(was.model, test), test)
    return found


def _right(outputs, test):
    return float((np.asarray(outputs).argmax(axis=1) == test.labels).mean())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=[*DEFAULTS], default="images")
    parser.add_argument("--labels", nargs="+", type=int)
    parser.add_argument("--shifts", nargs="+")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--backbone", default="embedded")
    parser.add_argument("--models", default="/tmp/aet-earlier")
    given = parser.parse_args()
    print(_machine.describe())
    folder = pathlib.Path(given.models, given.part, given.backbone)
    folder.mkdir(parents=True, exist_ok=True)
    make = {"images": images, "texts": texts}[given.part]
    old, new = make(folder, given.backbone)
    if not (folder / "saved" / "1").exists():
        training.run_recipe(old, folder / "saved")
    shifts, counts = DEFAULTS[given.part]
    for shift in given.shifts or shifts:
        for count in given.labels or counts:
            found = {"from": [], "new": [], "as it was": []}
            for seed in given.seeds:
                with tempfile.TemporaryDirectory() as aside:
                    name = pathlib.Path(aside) / "new"
                    for row, settings in (
                        ("from", {"from_": str(folder / "saved" / "1")}),
                        ("new", {}),
                    ):
                        run = accuracy(
                            new(shift, count, seed, name, **settings)
                        )
                        found[row].append(run["accuracy"])
                        if "as it was" in run:
                            found["as it was"].append(run["as it was"])
                        said = {"shift": shift, "labels": count, "seed": seed}
                        print(json.dumps({**said, "row": row, **run}))
            means = {row: statistics.mean(each) for row, each in found.items()}
            shown = ", ".join(f"{row} {x:.3f}" for row, x in means.items())
            print(f"{shift}, {count} labels: {shown}", flush=True)


if __name__ == "__main__":
    main()
