"""Does a small student learn more from a teacher than from labels alone?

Claims, for the embedded backbone (MobileNetV2 0.25 at 64 pixels, without
augmentation) as the student of a MobileNetV2 at 96 pixels with 8 times as many
weights, the lower half of both frozen and replayed:

- on clothing10, test accuracy with the teacher is at least 0.01 above that of
  labels alone, in the mean over 5 seeds;
- the same on sign digits, on which nothing was chosen.

    python tests/benchmarks/distil.py [--data clothing10 signs] \\
        [--seeds 0 1 2 3 4] [--rows labels smoothed taught] [--models FOLDER]

The teacher is tuned once for each data set, on the training rows, and kept in
`--models`; its epoch is chosen on validation rows. Nobody saw the test rows.
`smoothed` is what a user would try first instead: hard labels with a label
smoothing of 0.1. All rows are `fine_tune` with `ThawAll(frozen_ratio=0.6)`, on
the same rows in the same order; a seed draws the head, the order and dropout.
Seconds are those of the processor, those of asking the teacher among them.
"""

import argparse
import json
import pathlib
import statistics

import _cells
import _machine
import keras
import numpy as np

import aet_keras
from aet_keras import callbacks, policies

SIDES = {"teacher": 96, "student": 64}
EPOCHS = {"teacher": 6, "student": 16}
RATIO, FROZEN_RATIO = 0.3, 0.6
SMOOTHING = 0.1


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


def prepare(row, student, teacher, splits):
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
        large = splits["teacher"][0][0]
        answers = teacher.predict(large, batch_size=128, verbose=0)
        return aet_keras.training.teach(student, answers, (x, y)), (
            held,
            labels,
        )
    return (x, y), (held, labels)


def measure(row, seed, teacher, splits):
    """Returns the figures of a run."""
    begun = _machine.now()[1]
    keras.utils.set_random_seed(seed)
    student = build("student", teacher.output_shape[-1])
    train, validation = prepare(row, student, teacher, splits)
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
        "times_smaller": round(
            teacher.count_params() / student.count_params(), 1
        ),
    }


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


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", nargs="+", default=["clothing10", "signs"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument(
        "--rows", nargs="+", default=["labels", "smoothed", "taught"]
    )
    parser.add_argument("--models", default="/tmp/aet-teachers")
    args = parser.parse_args()
    print(_machine.describe())
    for data in args.data:
        splits = {
            part: _cells.load(data, side, 0) for part, side in SIDES.items()
        }
        teacher = read_teacher(data, splits["teacher"], args.models)
        right = accuracy(teacher, splits["teacher"][2])
        print(f"{data}: the teacher's test accuracy {right:.4f}", flush=True)
        runs = []
        for seed in args.seeds:
            for row in args.rows:
                runs.append(measure(row, seed, teacher, splits))
                print(json.dumps(runs[-1]), flush=True)
                keras.backend.clear_session()
        print_table(data, runs)


if __name__ == "__main__":
    main()
