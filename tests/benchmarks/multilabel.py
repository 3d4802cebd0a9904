"""Are our tags better than those of what a user would pick instead?

    python tests/benchmarks/multilabel.py [--data credit collages] \
        [--seeds 0 1 2] [--epochs 6]

Macro F1 and mean average precision on test rows, by seed of the split, beside
one logistic regression a tag (scikit-learn's `OneVsRestClassifier` on scaled
features, its C by 5 folds) and one layer of sigmoids trained by Adam (rate
1e-3, the epoch of the lowest validation loss of 100), on the same features.
Each has two F1: with the usual threshold of 0.5, and with those that we choose
on validation rows.

- `credit`: german_credit (1000 real rows). The tags are five of its own
  columns: bad, phone, home, credits (more than one), dependants.
- `collages`: made of real photos. Each is 2 x 2 places of 48 pixels with one
  to four photos of clothing10, each photo in one collage only; the tags are
  the classes that are seen. MobileNetV2 at 96 pixels; the features of the
  others are its pooled outputs.
"""

import argparse
import csv
import json
import pathlib
import tempfile

import _machine
import keras
import numpy as np
import pandas
from _table_baselines import encoded_cells
from PIL import Image
from sklearn.linear_model import LogisticRegressionCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import aet_keras
from aet_keras import recipes, training
from aet_keras.evaluation.tag_thresholds import choose_thresholds
from aet_keras.evaluation.tagging import measure_tags

WEIGHTS = _machine.DATA / "mobilenetv2_imagenet_notop.weights.h5"
SIDE, PLACES = 48, ((0, 0), (0, 48), (48, 0), (48, 48))
CREDIT = {
    "bad": ("creditability", "bad"),
    "phone": ("telephone", "yes, registered under the customers name"),
    "home": ("housing", "own"),
    "dependants": (
        "number_of_people_being_liable_to_provide_maintenance_for",
        2,
    ),
    "credits": ("number_of_existing_credits_at_this_bank", (2, 3, 4)),
}


def write_credit(folder):
    """Writes the table with a column for each tag; returns its recipe."""
    frame = pandas.read_csv(_machine.DATA / "german_credit.csv")
    for tag, (column, values) in CREDIT.items():
        values = values if isinstance(values, tuple) else (values,)
        frame[tag] = frame[column].isin(values).astype(int)
    used = {column for column, _ in CREDIT.values()}
    frame.drop(columns=[*used]).to_csv(folder / "credit.csv", index=False)
    return lambda seed, epochs: recipes.TableRecipe(
        str(folder / "credit.csv"), label_columns=[*CREDIT], seed=seed
    )


def write_collages(folder):
    """Writes collages and a table of them; returns their recipe."""
    photos = aet_keras.data.read_images(
        str(_machine.DATA / "clothing10_128px_jpeg.npz"), image_size=(SIDE,) * 2
    )
    splits = (photos.train, photos.validation, photos.test)
    images = np.concatenate([each.inputs for each in splits])
    labels = np.concatenate([each.labels for each in splits])
    names = photos.specification.class_names
    random = np.random.default_rng(0)
    left = list(random.permutation(len(images)))
    rows = []
    while len(left) >= len(PLACES):
        chosen = [left.pop() for _ in range(random.integers(1, 5))]
        collage = np.full((96, 96, 3), 255, "uint8")
        for (top, start), photo in zip(
            random.permutation(PLACES), chosen, strict=False
        ):
            collage[top : top + SIDE, start : start + SIDE] = images[photo]
        file = f"{len(rows)}.png"
        Image.fromarray(collage).save(folder / file)
        tags = sorted({names[labels[photo]] for photo in chosen})
        rows.append([file, ";".join(tags)])
    with open(folder / "collages.csv", "w", newline="") as file:
        csv.writer(file).writerows([["file", "tags"], *rows])
    return lambda seed, epochs: recipes.Recipe(
        str(folder / "collages.csv"),
        backbone="MobileNetV2",
        weights=str(WEIGHTS),
        image_size=96,
        image_column="file",
        target="tags",
        target_kind="tags",
        test_ratio=0.25,
        seed=seed,
        epochs=epochs,
    )


DATA = {"credit": write_credit, "collages": write_collages}


def features_of(recipe, dataset):
    """Returns the rows of each split as the baselines are given them."""
    splits = {
        name: getattr(dataset, name) for name in ("train", "validation", "test")
    }
    if isinstance(recipe, recipes.TableRecipe):
        frames = {k: pandas.DataFrame(s.inputs) for k, s in splits.items()}
        cells = encoded_cells().fit(frames["train"])
        return {k: _dense(cells.transform(f)) for k, f in frames.items()}
    backbone = keras.applications.MobileNetV2(
        weights=None, include_top=False, input_shape=(96, 96, 3), pooling="avg"
    )
    backbone.load_weights(WEIGHTS)
    return {
        k: backbone.predict(s.inputs / 127.5 - 1.0, batch_size=128, verbose=0)
        for k, s in splits.items()
    }


def _dense(rows):
    return np.asarray(rows.todense() if hasattr(rows, "todense") else rows)


def regressions(rows, labels, seed):
    """Returns probabilities of one tuned logistic regression a tag."""
    del seed  # nothing is drawn
    tuned = LogisticRegressionCV(
        Cs=[0.001, 0.01, 0.1, 1, 10],
        cv=5,
        scoring="neg_log_loss",
        solver="newton-cholesky" if rows["train"].shape[1] < 300 else "lbfgs",
        max_iter=300,
        l1_ratios=(0,),
        use_legacy_attributes=False,
    )
    model = make_pipeline(StandardScaler(), OneVsRestClassifier(tuned))
    model.fit(rows["train"], labels["train"].astype(int))
    return {k: model.predict_proba(rows[k]) for k in ("validation", "test")}


def sigmoids(rows, labels, seed):
    """Returns probabilities of a layer of sigmoids, trained by Adam."""
    keras.utils.set_random_seed(seed)
    scaler = StandardScaler().fit(rows["train"])
    rows = {k: scaler.transform(each) for k, each in rows.items()}
    count = labels["train"].shape[1]
    model = keras.Sequential([keras.layers.Dense(count, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy")
    best = keras.callbacks.EarlyStopping(
        patience=10, restore_best_weights=True, start_from_epoch=1
    )
    model.fit(
        rows["train"],
        labels["train"],
        validation_data=(rows["validation"], labels["validation"]),
        epochs=100,
        callbacks=[best],
        verbose=0,
    )
    return {
        k: model.predict(rows[k], verbose=0) for k in ("validation", "test")
    }


def lines_of(name, seed, epochs, recipe):
    """Yields a line for each way to predict the tags of one split."""
    with tempfile.TemporaryDirectory() as out:
        run = training.run_recipe(recipe, pathlib.Path(out) / "tags")
    test = run.report.test
    job = training.run.job_of(recipe)
    dataset = job.read(recipe)
    labels = {
        k: getattr(dataset, k).labels for k in ("train", "validation", "test")
    }
    ours = {
        k: job.predict(run.model, getattr(dataset, k))
        for k in ("validation", "test")
    }
    rows = features_of(recipe, dataset)
    found = {
        "aet-keras": ours,
        "logistic regressions": regressions(rows, labels, seed),
        "sigmoids by Adam": sigmoids(rows, labels, seed),
    }
    for who, said in found.items():
        line = {"data": name, "seed": seed, "who": who}
        tuned = choose_thresholds(labels["validation"], said["validation"])
        for key, thresholds in (("f1_at_half", 0.5), ("f1", tuned)):
            scores = measure_tags(
                labels["test"],
                said["test"],
                names=dataset.specification.class_names,
                thresholds=thresholds,
            )
            line[key] = round(scores.macro_f1, 4)
        line["mean_ap"] = round(scores.mean_average_precision, 4)
        if who == "aet-keras":
            assert abs(scores.macro_f1 - test.macro_f1) < 1e-6
            line["training_seconds"] = round(run.report.seconds["training"], 1)
            line["solved_head"] = run.report.solved_head is not None
        yield line


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", nargs="+", default=list(DATA), choices=DATA)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=6, help="of images")
    args = parser.parse_args()
    print(_machine.describe())
    for name in args.data:
        lines = []
        with tempfile.TemporaryDirectory() as folder:
            make = DATA[name](pathlib.Path(folder))
            for seed in args.seeds:
                recipe = make(seed, args.epochs)
                for line in lines_of(name, seed, args.epochs, recipe):
                    lines.append(line)
                    print(json.dumps(line), flush=True)
        for who in dict.fromkeys(line["who"] for line in lines):
            of = [line for line in lines if line["who"] == who]
            means = {
                key: round(float(np.mean([line[key] for line in of])), 4)
                for key in ("f1_at_half", "f1", "mean_ap")
            }
            print(f"{name:10}{who:24}{means}", flush=True)


if __name__ == "__main__":
    main()
