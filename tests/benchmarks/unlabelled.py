"""Do rows without labels make a classifier of few labels better?

A class has 5, 10, 20 or 50 labelled images; the other training images have
none. 30 validation images decide: which L2 strength, which epoch, whether rows
without labels are used. Test images are all of the data set.

Wanted; what was reached stands in CHANGES:

- `self_trained` is at least 0.02 above the best row of labels alone at 10 and
  at 20 labels a class, in the mean of the seeds;
- where rows without labels do not help, they are not used: `chosen` is never
  more than a standard error below `head`.

    python tests/benchmarks/unlabelled.py [--part tuned] [--data cifar10] \\
        [--labels 5 10 20 50] [--seeds 0 1 2 3 4] [--rows ...] \\
        [--backbone mobilenet] [--validation 30] [--features FOLDER]

`--part head`: the backbone is frozen, its features are computed once. `head`
is solved on labels; `self_trained` also on what it says of the other rows;
`chosen` is the better one by the rule of `fine_tune(unlabelled=)`.
`--part tuned`: the backbone is tuned. `lp_ft` (2 epochs of the head, then all,
at the rates of `_recipes.py`) and `fine_tune` learn of labels alone,
`unlabelled` is `fine_tune(unlabelled=)`.
`--part views`: what strong views of the rows without labels add to that, of
images of 64 pixels (`_few_labels.py`): `mean_teacher`, `fixmatch`, `aligned`
(FixMatch with frequencies and a threshold that follow the answers) and
`pseudo_labels` (`aligned`, its teacher does not learn). `views` has views of
labelled rows alone. `validation_gain` is by how much the loss of the 30 rows
falls below that of the row it goes on from, with its standard error. Rate and
method were chosen on the 1,000 validation rows of CIFAR-10, seed 0, 10 labels a
class.

`--part labelled`: no other rows. What solving the head again after tuning adds
(`fine_tune` beside `tuned`), and more steps on the rows, or on views of them,
of images of 64 pixels, of which 1,000 at most are tested
(`_labelled_views.py`).

`--part start`: the backbone first learns from all images without labels, of 64
pixels, then `fine_tune` from the few labels (`_self_supervised.py`); `none` has
no such start. With `--heads` it is not tuned, and judged by the validation rows
that are left, by which the kind of start was chosen.

The rule was chosen on CIFAR-10 and sign digits with MobileNetV2, with the first
three seeds and 10 labels a class; clothing10 and Fashion-MNIST show it.
"""

import argparse
import collections
import functools
import itertools
import json
import pathlib

import _cells
import _few_labels
import _labelled_views
import _machine
import _recipes
import _self_supervised
import keras
import numpy as np

import aet_keras
from aet_keras.replay import lbfgs
from aet_keras.training import soft_labels

ROWS = {
    "head": ["head", "self_trained", "chosen"],
    "tuned": ["lp_ft", "fine_tune", "unlabelled"],
    "views": ["fine_tune", "views", "unlabelled", *_few_labels.LOSSES],
    "labelled": _labelled_views.ROWS,
    "start": ["none", *_self_supervised.KINDS],
}
EPOCHS = 14
NAMES = ("train", "validation", "test")


def drawn(splits, labels, held, seed):
    """Returns labelled rows, those without a label, and validation rows."""
    (x, y), (v, w), test = splits
    random = np.random.default_rng(seed)
    few = [
        random.permutation(np.flatnonzero(y == each))[:labels]
        for each in np.unique(y)
    ]
    few = np.concatenate(few)
    rest = np.setdiff1d(np.arange(len(y)), few)
    kept = np.random.default_rng(1000 + seed).permutation(len(w))[:held]
    return (x[few], y[few]), x[rest], (v[kept], w[kept]), test


def on_validation(given, splits, held, seed):
    """Returns drawn rows that are judged by validation rows that are left."""
    v, w = splits[1]
    left = np.random.default_rng(1000 + seed).permutation(len(w))[held:]
    return *given[:3], (v[left], w[left])


def solve(rows, given):
    """Yields the figures of heads on fixed features."""
    (x, y), more, (held, labels), (test, wanted) = given
    hot = np.eye(int(wanted.max()) + 1, dtype="float32")
    train = lbfgs.Rows(x, hot[y], np.ones(len(y), "float32"))
    validation = lbfgs.Rows(held, hot[labels], np.ones(len(labels), "float32"))
    found = soft_labels.label_softly(train, validation, more)
    head = found.first
    plain = lbfgs.solve(train, validation, kind="softmax")  # as `fit` does
    better = found.last if found.is_better else plain
    solved = {"head": plain, "self_trained": found.last, "chosen": better}
    solved["strong_l2"] = head
    for row in rows:
        scores = test @ solved[row].kernel + solved[row].bias
        yield row, float((scores.argmax(axis=1) == wanted).mean()), found


def tune(rows, given, backbone, seed):
    """Yields the figures of tuned models."""
    train, more, validation, (test, wanted) = given
    classes = int(wanted.max()) + 1
    side = _cells.SIDES[backbone]
    for row in rows:
        keras.utils.set_random_seed(seed)
        best = aet_keras.callbacks.KeepBest()
        said = None
        if row == "lp_ft":
            model = _lp_ft(backbone, side, classes, (train, validation), best)
        else:
            model, _ = _cells.build(backbone, side, classes, 1e-3)
            run = aet_keras.fine_tune(
                model,
                train,
                validation_data=validation,
                epochs=EPOCHS,
                verbose=0,
                unlabelled=more if row == "unlabelled" else None,
            )
            said = run.unlabelled
        found = model.predict(test, batch_size=128, verbose=0)
        yield row, float((found.argmax(axis=1) == wanted).mean()), said
        keras.backend.clear_session()


def _lp_ft(backbone, side, classes, data, best):
    """Trains the head, then all; the best epoch's weights are kept."""

    def build(rate, training):
        return _cells.build(backbone, side, classes, rate, training)

    def fit(model, data, epochs, *watchers):
        train, validation = data
        model.fit(
            *train,
            validation_data=validation,
            epochs=epochs,
            verbose=0,
            callbacks=list(watchers),
        )

    model, _ = _recipes.in_two_fits(
        data,
        EPOCHS,
        best,
        head_epochs=2,
        rates=(1e-3, 1e-4),
        fixes_bn=True,
        backbone_training=None,
        build=build,
        fit=fit,
    )
    return model


def features(data, backbone, folder):
    """Returns what a frozen backbone makes of a data set, kept in a folder."""
    path = pathlib.Path(folder) / f"{data}_{backbone}.npz"
    if not path.exists():
        side = _cells.SIDES[backbone]
        base = _cells.BACKBONES[backbone][0](side)
        pixels = keras.Input((side, side, 3))
        x = base(_cells.BACKBONES[backbone][1](pixels), training=False)
        x = keras.layers.GlobalAveragePooling2D()(x)
        model = keras.Model(pixels, x)
        found = {}
        splits = _cells.load(data, side, 0)
        for name, (images, labels) in zip(NAMES, splits, strict=True):
            found[f"x_{name}"] = model.predict(
                images, batch_size=128, verbose=0
            )
            found[f"y_{name}"] = labels
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **found)
    kept = np.load(path)
    return [(kept[f"x_{name}"], kept[f"y_{name}"]) for name in NAMES]


def print_table(title, runs):
    """Prints each row of some runs, beside the first one, seed by seed."""
    name = runs[0]["row"]
    first = {r["seed"]: r["accuracy"] for r in runs if r["row"] == name}
    for row in dict.fromkeys(each["row"] for each in runs):
        own = [each for each in runs if each["row"] == row]
        gains = [each["accuracy"] - first[each["seed"]] for each in own]
        accuracies = [each["accuracy"] for each in own]
        found = _machine.spread(accuracies)
        error = np.std(accuracies, ddof=1) / len(own) ** 0.5 if gains[1:] else 0
        print(f"{title:26} {row:12} {found}  standard error {error:.4f}")
        if row != name:
            print(f"{'':26} {'gain':12} {_machine.spread(gains)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=list(ROWS), default="head")
    parser.add_argument("--data", nargs="+", default=["clothing10", "cifar10"])
    parser.add_argument("--backbone", default="mobilenet")
    parser.add_argument(
        "--labels", nargs="+", type=int, default=[5, 10, 20, 50]
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--rows", nargs="+")
    parser.add_argument("--validation", type=int, default=30)
    parser.add_argument("--heads", action="store_true")
    parser.add_argument("--features", default="/tmp/aet-features")
    args = parser.parse_args()
    rows = args.rows or ROWS[args.part]
    side = _few_labels.SIDE
    if args.part == "tuned":
        side = _cells.SIDES[args.backbone]
    print(_machine.describe())

    @functools.cache
    def splits_of(data):
        if args.part == "head":
            return features(data, args.backbone, args.features)
        return _cells.load(data, side, 0)

    runs, uppers = collections.defaultdict(list), {}
    cells = itertools.product(args.labels, args.seeds, args.data)
    for labels, seed, data in cells:  # all data sets, then the next seed
        given = drawn(splits_of(data), labels, args.validation, seed)
        if args.heads:
            split = splits_of(data), args.validation, seed
            given = on_validation(given, *split)
        case = rows, given, args.backbone, data, seed
        if args.part == "head":
            found = solve(rows, given)
        elif args.part == "tuned":
            found = tune(rows, given, args.backbone, seed)
        elif args.part == "views":
            found = _few_labels.tune(*case, EPOCHS)
        elif args.part == "start":
            epochs = 0 if args.heads else EPOCHS
            found = _self_supervised.tune(*case, epochs)
        else:
            folder = pathlib.Path(args.features)
            found = _labelled_views.tune(*case, folder, uppers)
        for row, accuracy, said in found:
            run = {"row": row, "seed": seed, "accuracy": accuracy}
            runs[data, labels].append(run)
            if args.part == "head":
                said = f"{(said.before - said.after) / said.error:.2f}"
            line = {**run, "data": data, "labels": labels, "said": said}
            print(json.dumps(line), flush=True)
    for (data, labels), each in runs.items():
        print_table(f"{data} {args.backbone} {labels}", each)


if __name__ == "__main__":
    main()
