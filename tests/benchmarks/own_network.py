"""Does the default rate help a new network in a user's own `fit`?

Small networks that are trained from nothing, by Adam at two rates, for 10 and
30 epochs: convolutions on scikit-learn's digits, on 4,000 images of CIFAR-10
and on sign digits, averaged words on film reviews, dense layers on credit_data
and on tables of your own. The weights of the best epoch are kept, by the
validation loss, and judged on the test rows.

    python tests/benchmarks/own_network.py [--tasks digits cifar10 signs \\
        film credit_data] [--files FILE.csv:TARGET] [--seeds 0 1] \\
        [--rows constant plateau cosine default] [--file runs.jsonl]

`constant` leaves the rate as it is, `plateau` is Keras's `ReduceLROnPlateau`
(0.3 after 2 epochs), `cosine` is `WarmupCosine`, `default` is
`AdaptiveLearningRate()`. Printed is how many times the least test loss of all
rows each row has: the geometric mean over cells, and the worst. Wanted is that
the default is not above `constant` or `plateau` in the mean.
"""

import argparse
import collections
import json
import math
import pathlib
import statistics

import _cells
import _machine
import keras
import numpy as np
import pandas as pd
from keras import layers
from sklearn.datasets import load_digits

from aet_keras import callbacks, policies

RATES, EPOCHS, BATCH = (1e-3, 3e-3), (10, 30), 32
ROWS = {
    "constant": lambda: [],
    "plateau": lambda: [
        keras.callbacks.ReduceLROnPlateau(factor=0.3, patience=2)
    ],
    "cosine": lambda: [callbacks.AdaptiveLearningRate(policies.WarmupCosine())],
    "default": lambda: [callbacks.AdaptiveLearningRate()],
}


def cut(x, y, seed):
    """Returns half of the rows, a fifth to validate, the rest to test."""
    order = np.random.default_rng(seed).permutation(len(y))
    first, second = len(y) // 2, len(y) * 7 // 10
    parts = order[:first], order[first:second], order[second:]
    return [(x[part], y[part]) for part in parts]


def convolutions(splits, classes):
    """Returns a function that builds a small network of images."""

    def build():
        x = inputs = keras.Input(splits[0][0].shape[1:])
        for width in (16, 32, 64):
            x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
            x = layers.ReLU()(layers.BatchNormalization()(x))
            x = layers.MaxPooling2D()(x)
        x = layers.Dropout(0.3)(layers.GlobalAveragePooling2D()(x))
        return inputs, layers.Dense(classes, activation="softmax")(x)

    return splits, build, True


def digits(seed):
    """Returns the splits of scikit-learn's digits, and how to build."""
    found = load_digits()
    images = found.images[..., None].astype("float32") / 16
    return convolutions(cut(images, found.target, seed), 10)


def photos(data, side, seed):
    """Returns the splits of a data set of photos, and how to build."""
    splits = _cells.load(data, side, seed)
    scaled = [(x.astype("float32") / 255, y) for x, y in splits]
    return convolutions(scaled, 10)


def film(seed):
    """Returns the splits of film reviews, and how to build."""
    table = pd.read_csv(_machine.DATA / "vader_sentiment_4domains.csv.gz")
    table = table[(table["domain"] == "movie") & (table["label"] != 0)]
    table = table.sample(4000, random_state=seed)
    words = layers.TextVectorization(8000, output_sequence_length=40)
    words.adapt(table["text"].to_numpy())
    x = words(table["text"].to_numpy()).numpy()

    def build():
        inputs = keras.Input((40,))
        x = layers.Embedding(8000, 64, mask_zero=True)(inputs)
        x = layers.Dropout(0.3)(layers.GlobalAveragePooling1D()(x))
        x = layers.Dense(32, activation="relu")(x)
        return inputs, layers.Dense(2, activation="softmax")(x)

    return cut(x, (table["label"] > 0).to_numpy("int32"), seed), build, True


def table_of(path, target, seed):
    """Returns the splits of a table, and how to build."""
    table = pd.read_csv(path).dropna(subset=[target])
    y = table.pop(target)
    is_class = y.dtype == object or y.nunique() <= 20
    if is_class:
        y = y.astype("category").cat.codes.to_numpy("int32")
    else:
        y = ((y - y.mean()) / y.std()).to_numpy("float32")
    numbers = table.select_dtypes("number")
    spread = numbers.std().replace(0, 1)
    parts = [((numbers - numbers.mean()) / spread).fillna(0)]
    for name in table.select_dtypes(exclude="number"):
        if table[name].nunique() < 60:
            parts.append(pd.get_dummies(table[name]))
    x = pd.concat(parts, axis=1).to_numpy("float32")

    def build():
        inputs = keras.Input((x.shape[1],))
        hidden = layers.Dense(64, activation="relu")(inputs)
        hidden = layers.Dropout(0.1)(hidden)
        hidden = layers.Dense(32, activation="relu")(hidden)
        if not is_class:
            return inputs, layers.Dense(1)(hidden)
        classes = int(y.max()) + 1
        return inputs, layers.Dense(classes, activation="softmax")(hidden)

    return cut(x, y, seed), build, is_class


TASKS = {
    "digits": digits,
    "cifar10": lambda seed: photos("cifar10", 32, seed),
    "signs": lambda seed: photos("signs", 48, seed),
    "film": film,
    "credit_data": lambda seed: table_of(
        _machine.DATA / "credit_data.csv", "Status", seed
    ),
}


class Best(keras.callbacks.Callback):
    """Keeps the weights of the least validation loss."""

    least = math.inf

    def on_epoch_end(self, epoch, logs=None):
        if logs["val_loss"] < self.least:
            self.least, self.weights = (
                logs["val_loss"],
                self.model.get_weights(),
            )


def loss_of(found, row, rate, epochs, seed):
    """Trains one network; returns its loss on the test rows."""
    (train, validation, test), build, is_class = found
    keras.utils.set_random_seed(seed)
    model = keras.Model(*build())
    loss = "sparse_categorical_crossentropy" if is_class else "mse"
    model.compile(keras.optimizers.Adam(rate), loss)
    best = Best()
    model.fit(
        *train,
        validation_data=validation,
        epochs=epochs,
        batch_size=BATCH,
        verbose=0,
        callbacks=[*ROWS[row](), best],
    )
    model.set_weights(best.weights)
    return model.evaluate(*test, verbose=0)


def print_table(runs, rows):
    """Prints what each row loses to the best row of its cell."""
    cells = collections.defaultdict(dict)
    for run in runs:
        place = run["task"], run["rate"], run["epochs"], run["seed"]
        cells[place][run["row"]] = run["loss"]
    whole = [cell for cell in cells.values() if set(rows) <= set(cell)]
    for row in rows:
        over = [math.log(cell[row] / min(cell.values())) for cell in whole]
        mean, worst = math.exp(statistics.mean(over)), math.exp(max(over))
        print(
            f"{row:10} {mean:.3f} times the least loss, at worst {worst:.3f} "
            f"({len(whole)} cells)"
        )


def main():
    """Runs what the file lacks, and prints the table of all it has."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tasks", nargs="*", default=list(TASKS))
    parser.add_argument("--files", nargs="*", default=[])
    parser.add_argument("--rows", nargs="+", default=list(ROWS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument(
        "--file", type=pathlib.Path, default=pathlib.Path("own_network.jsonl")
    )
    args = parser.parse_args()
    print(_machine.describe())
    lines = args.file.read_text().splitlines() if args.file.exists() else []
    runs = [json.loads(line) for line in lines]
    keys = "task", "rate", "epochs", "seed", "row"
    done = {tuple(run[key] for key in keys) for run in runs}
    for seed in args.seeds:
        for task in [*args.tasks, *args.files]:
            if task in TASKS:
                found = TASKS[task](seed)
            else:
                found = table_of(*task.rsplit(":", 1), seed)
            for rate in RATES:
                for epochs in EPOCHS:
                    for row in args.rows:
                        place = task, rate, epochs, seed, row
                        if place in done:
                            continue
                        loss = loss_of(found, row, rate, epochs, seed)
                        run = dict(zip(keys, place, strict=True), loss=loss)
                        runs.append(run)
                        with args.file.open("a") as file:
                            print(json.dumps(run), file=file)
    print_table(runs, args.rows)


if __name__ == "__main__":
    main()
