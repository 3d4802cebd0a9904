"""Does a small student learn more from a teacher than from labels alone?

The student is the embedded backbone (MobileNetV2 0.25 at 64 pixels, without
augmentation), the teacher a MobileNetV2 at 96 pixels with 8 times as many
weights. It is tuned once for each data set, on the training rows, its epoch
chosen on validation rows; nobody saw the test rows.

Wanted; what was reached stands in CHANGES:

- `--part head`: with the student frozen and its head solved at once, as `fit`
  does after the first epoch, test accuracy with the teacher is at least 0.01
  above that of 500 labels alone, in the mean over 5 draws of them; with the
  rows that have no label, taught by the teacher alone, more;
- `--part tuned`: the same with the upper part of the student tuned
  (`ThawAll(frozen_ratio=0.6)`, the rest replayed) on all labels, over 5 seeds;
- on clothing10, and on sign digits, on which nothing was chosen.

    python tests/benchmarks/distil.py [--part head] [--data clothing10 signs] \\
        [--seeds 0 1 2 3 4] [--rows labels smoothed taught] [--models FOLDER]
    python tests/benchmarks/distil.py --part views [--data clothing10 signs]
    python tests/benchmarks/distil.py --part tables|tags|items [--seeds 0 1 2]

`--part views` has the 500 labels of `head`, and what else a teacher of the same
rows may say (`_taught_views.py`).

`--part tables`, `tags` and `items` have a teacher that `aet-keras fit`
published, of rows that the student has no labels of (`_taught_rows.py`). They
show ROC AUC, R2, mean average precision or, of items, accuracy with labels
alone, with the teacher, and, of tables and items, of a model that goes on with
the teacher (`--from`), and of all labels. Items are the icons of `fusion.py`.

`smoothed` is what a user would try first instead: hard labels with a label
smoothing of 0.1. `all_labels` has the labels of all rows. Seconds are those of
the processor, those of asking the teacher left out.
"""

import argparse
import json
import pathlib
import statistics

import _cells
import _machine
import _taught_rows
import _taught_views
import keras
import numpy as np

import aet_keras
from aet_keras import callbacks, policies
from aet_keras.losses.distillation import Distillation
from aet_keras.replay import lbfgs
from aet_keras.replay.head_loss import KnownLoss

SIDES = {"teacher": 96, "student": 64}
EPOCHS = {"teacher": 6, "student": 16}
RATIO, FROZEN_RATIO = 0.3, 0.6
SMOOTHING = 0.1
LABELS = 500
ROWS = {
    "head": ["labels", "smoothed", "taught", "taught_unlabelled", "all_labels"],
    "tuned": ["labels", "smoothed", "taught"],
}


def build(part, classes):
    """Returns the compiled teacher or student."""
    backbone = {"teacher": "mobilenet", "student": "embedded"}[part]
    return _cells.build(backbone, SIDES[part], classes, 1e-3)[0]


def fit(part, model, train, validation):
    """Fine-tunes the upper part of a model; returns the run."""
    policy = policies.ThawAll(RATIO, frozen_ratio=FROZEN_RATIO)
    return aet_keras.fine_tune(
        model,
        train,
        validation_data=validation,
        epochs=EPOCHS[part],
        freezing=callbacks.ElasticFreezing(policy),
        verbose=0,
    )


def read_teacher(data, splits, folder):
    """Returns the teacher of a data set, tuned unless it is kept already."""
    path = pathlib.Path(folder) / f"{data}.keras"
    if path.exists():
        return keras.models.load_model(path, compile=False)
    keras.utils.set_random_seed(100)
    model = build("teacher", int(splits[0][1].max()) + 1)
    train, validation, _ = splits
    fit("teacher", model, train, validation)
    path.parent.mkdir(parents=True, exist_ok=True)
    keras.Model(model.input, model.output).save(path)
    return model


def prepare(row, student, answers, splits):
    """Compiles a student; returns what it learns and is validated on."""
    (x, y), (held, labels), _ = splits["student"]
    classes = student.output_shape[-1]
    if row == "smoothed":
        student.compile(
            student.optimizer,
            keras.losses.CategoricalCrossentropy(label_smoothing=SMOOTHING),
            metrics=[keras.metrics.CategoricalAccuracy("accuracy")],
        )
        hot = np.eye(classes, dtype="float32")
        return (x, hot[y]), (held, hot[labels])
    if row == "taught":
        return aet_keras.training.teach(student, answers, (x, y)), (
            held,
            labels,
        )
    return (x, y), (held, labels)


def tune(row, seed, answers, splits):
    """Returns the figures of a student whose upper part is tuned."""
    begun = _machine.now()[1]
    keras.utils.set_random_seed(seed)
    student = build("student", answers.shape[1])
    train, validation = prepare(row, student, answers, splits)
    run = fit("student", student, train, validation)
    seconds = _machine.now()[1] - begun
    right = accuracy(student, splits["student"][2])
    return {
        "row": row,
        "seed": seed,
        "test_accuracy": round(right, 4),
        "val_accuracy": round(accuracy(student, splits["student"][1]), 4),
        "epochs": len(run.history["val_loss"]),
        "seconds": round(seconds, 1),
    }


def solve(row, seed, answers, features):
    """Returns the figures of a head that is solved on fixed features."""
    begun = _machine.now()[1]
    (x, y), (held, labels), (test, wanted) = features
    classes = answers.shape[1]
    drawn = np.random.default_rng(seed).permutation(len(y))
    few, rest = np.split(drawn, [LABELS])
    hot = np.eye(classes, dtype="float32")
    known = KnownLoss.of(Distillation())
    kind = known.solved_as if row.startswith("taught") else "softmax"
    validation = hot[labels]
    if row == "all_labels":
        few, targets = drawn, hot[y[drawn]]
    elif row == "labels":
        targets = hot[y[few]]
    elif row == "smoothed":
        targets = hot[y[few]] * (1 - SMOOTHING) + SMOOTHING / classes
    else:
        both = np.hstack([hot[y], answers])
        both[rest, :classes] = 0  # no label
        few = drawn if row == "taught_unlabelled" else few
        targets = known.targets(both[few], classes)
        validation = known.targets(labels, classes)
    found = lbfgs.solve(
        lbfgs.Rows(x[few], targets, np.ones(len(few), "float32")),
        lbfgs.Rows(held, validation, np.ones(len(labels), "float32")),
        kind=kind,
    )
    scores = test @ found.kernel + found.bias
    return {
        "row": row,
        "seed": seed,
        "test_accuracy": round(float((scores.argmax(1) == wanted).mean()), 4),
        "strength": found.strength,
        "seconds": round(_machine.now()[1] - begun, 1),
    }


def frozen():
    """Returns the model of what a frozen student hands its head."""
    _, base = _cells.build("embedded", SIDES["student"], 2, 1e-3)
    pixels = keras.Input((SIDES["student"],) * 2 + (3,))
    x = base(_cells.BACKBONES["embedded"][1](pixels))
    return keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(x))


def pooled(splits):
    """Returns what the frozen student hands its head, with the labels."""
    model = frozen()
    return [(model.predict(x, batch_size=128, verbose=0), y) for x, y in splits]


def accuracy(model, split):
    """Returns the share of rows that a model is right about."""
    found = model.predict(split[0], batch_size=128, verbose=0)
    return float(np.mean(found.argmax(axis=1) == split[1]))


def print_table(data, runs):
    """Prints each row beside labels alone, seed by seed."""
    labels = {
        r["seed"]: r["test_accuracy"] for r in runs if r["row"] == "labels"
    }
    for row in dict.fromkeys(each["row"] for each in runs):
        own = [each for each in runs if each["row"] == row]
        gains = [
            each["test_accuracy"] - labels[each["seed"]]
            for each in own
            if each["seed"] in labels
        ]
        found = _machine.spread([each["test_accuracy"] for each in own])
        seconds = statistics.median(each["seconds"] for each in own)
        print(f"{data:12} {row:10} {found}  seconds {seconds:.0f}")
        if gains and row != "labels":
            print(f"{'':12} {'over labels':10} {_machine.spread(gains)}")


def show(line):
    print(json.dumps(line), flush=True)


def print_scores(lines):
    """Prints each row of each data set, and its gain over labels alone."""
    for data in dict.fromkeys(each["data"] for each in lines):
        own = [each for each in lines if each["data"] == data]
        labels = [each["score"] for each in own if each["row"] == "labels"]
        for row in dict.fromkeys(each["row"] for each in own):
            found = [each["score"] for each in own if each["row"] == row]
            gains = np.subtract(found, labels)
            print(
                f"{data:14} {row:18} {_machine.spread(found)}\n"
                f"{'':14} {'over labels':18} {_machine.spread(gains)}"
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parts = [*ROWS, "views", *_taught_rows.PARTS]
    parser.add_argument("--part", choices=parts, default="head")
    parser.add_argument("--data", nargs="+", default=["clothing10", "signs"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--rows", nargs="+")
    parser.add_argument("--models", default="/tmp/aet-teachers")
    args = parser.parse_args()
    print(_machine.describe())
    if args.part in _taught_rows.PARTS:
        print_scores(_taught_rows.run(args.part, args.seeds, show))
        return
    for data in args.data:
        splits = {
            part: _cells.load(data, side, 0) for part, side in SIDES.items()
        }
        teacher = read_teacher(data, splits["teacher"], args.models)
        size = teacher.count_params() / build("student", 10).count_params()
        right = accuracy(teacher, splits["teacher"][2])
        if args.part == "views":
            side = SIDES["student"]
            given = _taught_views.Given(data, splits, teacher, frozen(), side)
            runs = []
            for each in _taught_views.run(given, LABELS, args.seeds):
                runs.append(each)
                show(each)
            print(f"test accuracy of the teacher {right:.4f}")
            print_table(data, runs)
            continue
        answers = teacher.predict(
            splits["teacher"][0][0], batch_size=128, verbose=0
        )
        print(f"{data}: test accuracy of the teacher {right:.4f}", flush=True)
        print(f"the student is {size:.1f} times smaller")
        run, given = tune, splits
        if args.part == "head":
            run, given = solve, pooled(splits["student"])
        runs = []
        for seed in args.seeds:
            for row in args.rows or ROWS[args.part]:
                runs.append(run(row, seed, answers, given))
                show(runs[-1])
                keras.backend.clear_session()
        print_table(data, runs)


if __name__ == "__main__":
    main()
