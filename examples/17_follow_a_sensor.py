"""What happens to a model when a sensor drifts, and nobody says so?

Nine sensors of a space shuttle tell whether its radiators work as they should
(Statlog Shuttle, UCI; 49,097 real rows that river ships). From row 800 on the
seventh sensor reads too low: this drift is made. A stream answers 20 rows at a
time, notices it, names it, and adapts the model without labels. A technician
writes some 100 rows later, for every third row: they are tried too, and change
the model only if they prove that it is better and forgets nothing.

    python examples/17_follow_a_sensor.py

Takes 15 seconds of processor time and needs the extra `[drift]`. Prints what
the stream did, and the accuracy for each 200 rows: 0.98 before the drift, then
0.79 of the unchanged model, and 0.98 of the stream from row 1000 on. One seed.
"""

import argparse

import keras
import numpy as np
from river import datasets

import aet_keras

parser = argparse.ArgumentParser()
parser.add_argument("--smoke", action="store_true", help="seconds, few rows")
args = parser.parse_args()

# Settings.
stream_count = 600 if args.smoke else 2400
drift_from = stream_count // 3
drift_by = -45.0  # of the seventh sensor, whose values lie around 23
batch_count = 20
late_by, labelled_every = 100, 3
epochs = 2 if args.smoke else 20
seed = 0

keras.utils.set_random_seed(seed)

# As many rows of each class, in a random order.
read = [(list(x.values()), int(y)) for x, y in datasets.Shuttle()]
x = np.array([row for row, _ in read], "float32")
y = np.array([label for _, label in read])
random = np.random.default_rng(seed)
rows = np.concatenate(
    [
        random.permutation(np.nonzero(y == label)[0])[
            : 1000 + stream_count // 2
        ]
        for label in (0, 1)
    ]
)
rows = random.permutation(rows)
x, y = x[rows], y[rows]
train, held, later = np.split(np.arange(len(x)), [1500, 2000])
new_x, new_y = x[later].copy(), y[later]
new_x[drift_from:, 6] += drift_by

# A small model; BatchNormalization is what can follow a sensor unaided.
scale = keras.layers.Normalization()
scale.adapt(x[train])
model = keras.Sequential(
    [
        keras.Input((x.shape[1],)),
        scale,
        keras.layers.Dense(32, activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(2, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(x[train], y[train], epochs=epochs, verbose=0)
fixed = model.predict(new_x, verbose=0).argmax(axis=1) == new_y

reference = aet_keras.drift.Reference.measure(
    model, x[train], (x[held], y[held]), class_names=["normal", "fault"]
)
stream = aet_keras.drift.Stream(
    model,
    reference,
    adapt=aet_keras.adapt,
    old=(x[held], y[held]),
    wait_rows=150,
    least_labels=60,
)

answers = []
for start in range(0, stream_count, batch_count):
    batch = new_x[start : start + batch_count]
    answers.append(stream.predict(batch).argmax(axis=1))
    known = range(start - late_by, start - late_by + batch_count)
    stream.add_labels(
        {
            str(row): int(new_y[row])
            for row in known
            if row >= 0 and row % labelled_every == 0
        }
    )

print(f"the sensor drifts from row {drift_from} on")
for event in stream.log:
    print(f"row {event.row_count}: {event.what}: {event.why}")
right = np.concatenate(answers) == new_y
print("\nrows           stream  unchanged")
for start in range(0, stream_count, 200):
    part = slice(start, start + 200)
    print(
        f"{start:>5} to {start + 199:<5} {right[part].mean():6.3f}"
        f"  {fixed[part].mean():9.3f}"
    )
