"""What happens to a model when the light changes, and comes back?

A camera sends handwritten digits: real images, but the light is made. By day
it is as in training, then it is dusk, dark and reddish, then day again. A
stream answers ten images at a time. It notices the dusk, names it, and moves
BatchNormalization by the difference of new and old images, without a label.
When the images look like those of the start again, so is the model.

    python examples/16_follow_a_camera.py

Takes half a minute of processor time and needs the extra `[drift]`. Prints
what the stream did, and the accuracy for each 100 images: 0.92 by day; in the
dusk 0.32, and 0.82 from the 100th image on, where the unchanged model stays
at 0.35; by day again 0.31 for 50 images, then 0.90. One seed.
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
train_count = 64 if args.smoke else None  # None: all
epochs = 1 if args.smoke else 10
dusk = slice(300, 600)
contrast, cast = 0.3, (1.0, 0.7, 0.5)  # of red, green and blue
batch_count = 10
wait_rows = 100
seed = 0

keras.utils.set_random_seed(seed)
digits = aet_keras.data.read_digits(
    image_size=(size, size), test_ratio=0.5, seed=seed
)
train, held = (
    (split.inputs[:train_count], split.labels[:train_count])
    for split in (digits.train, digits.validation)
)
images, labels = digits.test.inputs.copy(), digits.test.labels
images[dusk] = images[dusk] * contrast * np.array(cast)

backbone = aet_keras.backbones.load_backbone(image_size=(size, size))
pixels = keras.Input((size, size, 3))
x = aet_keras.backbones.preprocess("embedded", pixels)
x = keras.layers.GlobalAveragePooling2D()(backbone(x))
model = keras.Model(pixels, keras.layers.Dense(10, activation="softmax")(x))
model.compile(
    keras.optimizers.Adam(1e-3),
    "sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
aet_keras.fine_tune(
    model, train, validation_data=held, epochs=epochs, verbose=0
)
fixed = model.predict(images, verbose=0).argmax(axis=1) == labels

reference = aet_keras.drift.Reference.measure(
    model, train[0], held, class_names=digits.specification.class_names
)
stream = aet_keras.drift.Stream(
    model, reference, adapt=aet_keras.adapt, old=train, wait_rows=wait_rows
)
answers = [
    stream.predict(images[start : start + batch_count]).argmax(axis=1)
    for start in range(0, len(images), batch_count)
]

print(f"dusk: images {dusk.start} to {dusk.stop - 1}")
for event in stream.log:
    print(f"image {event.row_count}: {event.what}: {event.why}")
right = np.concatenate(answers) == labels
print("\nimages        stream  unchanged")
for start in range(0, len(images), 100):
    part = slice(start, start + 100)
    print(
        f"{start:>4} to {min(start + 100, len(images)) - 1:<4} "
        f"{right[part].mean():6.3f}  {fixed[part].mean():9.3f}"
    )
