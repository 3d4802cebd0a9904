"""What does a model forget when it learns anew, and what keeps it?

A model knows handwritten digits. Then a camera is mounted the wrong way round
and sees them mirrored; there are 200 images of that. Four ways to learn
them, from the same start: freely, held by an anchor (L2-SP), held by an anchor
that weighs what the old digits need (EWC), and freely but taken back part of
the way afterwards (interpolation).

    python examples/04_hold_on_to_what_was_known.py

Takes 2 minutes of processor time (4 by the clock on 2 busy cores) and prints
accuracies on 269 test images: new ones about 0.73 freely, 0.73 with L2-SP,
0.65 with EWC, 0.65 taken back; old ones fall from 0.92 to 0.57, 0.81, 0.65 and
0.79. One seed, strengths not tuned: EWC loses to plain L2-SP here, at ten times
its strength too (0.61 and 0.68).
"""

import argparse

import keras
import numpy as np

import aet_keras

parser = argparse.ArgumentParser()
parser.add_argument("--smoke", action="store_true", help="seconds, untrained")
args = parser.parse_args()

# Settings.
size = 32
known_epochs = 1 if args.smoke else 8
new_epochs = 1 if args.smoke else 12
known_count = 64 if args.smoke else None  # None: all
new_count = 32 if args.smoke else 200
ways = ("freely",) if args.smoke else ("L2-SP", "EWC", "freely")
learning_rate = 1e-3
l2sp_strength = 1.0
ewc_strength = 100.0
batch_size = 32
seed = 0

keras.utils.set_random_seed(seed)
digits = aet_keras.data.read_digits(image_size=(size, size), seed=seed)


def images(split, count=None, *, is_mirrored=False):
    inputs = split.inputs[:count]
    return inputs[:, :, ::-1] if is_mirrored else inputs, split.labels[:count]


old_train = images(digits.train, known_count)
old_validation = images(digits.validation, known_count)
old_test = images(digits.test, known_count)
new_train = images(digits.train, new_count, is_mirrored=True)
new_validation = images(digits.validation, known_count, is_mirrored=True)
new_test = images(digits.test, known_count, is_mirrored=True)

model = aet_keras.tasks.build_image_classifier(
    "embedded", class_count=10, image_size=(size, size)
)


def fit(train, epochs, *callbacks):
    # All groups at once; BatchNormalization stays in inference mode.
    freezing = aet_keras.callbacks.ElasticFreezing(aet_keras.policies.ThawAll())
    keras.utils.set_random_seed(seed)
    model.compile(
        keras.optimizers.Adam(learning_rate),
        loss="sparse_categorical_crossentropy",
        # An object, not a word: with new variables `fit` would trace twice.
        metrics=[keras.metrics.SparseCategoricalAccuracy("accuracy")],
    )
    model.fit(
        *train,
        batch_size=batch_size,
        epochs=epochs,
        verbose=0,
        callbacks=[freezing, *callbacks],
    )


fit(old_train, known_epochs)
known = model.get_weights()
before = model.predict(old_test[0], verbose=0)


def show(way):
    forgetting = aet_keras.evaluation.measure_forgetting(
        old_test[1], before=before, after=model.predict(old_test[0], verbose=0)
    )
    _, new = model.evaluate(*new_test, verbose=0)
    print(f"{way:<14} new {new:.3f}   old: {forgetting.to_text()}", flush=True)


show("as it was")
anchors = {
    "freely": [],
    "L2-SP": [
        aet_keras.callbacks.ElasticAnchor(l2sp_strength, head_strength=None)
    ],
    "EWC": [
        aet_keras.callbacks.ElasticAnchor(
            ewc_strength, head_strength=None, fisher_data=old_train
        )
    ],
}
for way in ways:
    model.set_weights(known)
    fit(new_train, new_epochs, *anchors[way])
    show(way)

# The model is the one that learned freely; judge the way back by both tasks.
pairs = zip(old_validation, new_validation, strict=True)
both = [np.concatenate(pair) for pair in pairs]
record = aet_keras.training.interpolate(model, known, validation_data=both)
show(f"back to {record.best_ratio:.1f}")
