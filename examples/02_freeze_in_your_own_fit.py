"""What do the callbacks do in a `model.fit` that you have already?

The model is plain Keras, a MobileNetV2 of `keras.applications` under a head,
compiled and fitted as you would. The callbacks find the groups by themselves,
train the head first, and thaw the groups below it. Averages of the weights
are validated and kept.

    python examples/02_freeze_in_your_own_fit.py

Takes about 1 minute on 2 cores, prints which groups moved in which epoch and
why, and ends at about 0.96 accuracy on 269 test images of digits. The weights
are the small ones that ship with aet_keras, so that nothing is downloaded. For
photographs take `weights="imagenet"`.
"""

import argparse

import keras

import aet_keras

parser = argparse.ArgumentParser()
parser.add_argument("--smoke", action="store_true", help="seconds, untrained")
args = parser.parse_args()

# Settings.
size = 32
train_count = 64 if args.smoke else None  # None: all
epochs = 2 if args.smoke else 20
learning_rate = 1e-3  # the head's; thawed groups get a share of it
policy = aet_keras.policies.ThawTopThenAll()  # the default
batch_size = 32
seed = 0

keras.utils.set_random_seed(seed)
digits = aet_keras.data.read_digits(image_size=(size, size), seed=seed)
train_x = digits.train.inputs[:train_count]
train_y = digits.train.labels[:train_count]

# Your own model: nothing here is ours but the weights.
backbone = keras.applications.MobileNetV2(
    weights=None, include_top=False, input_shape=(size, size, 3), alpha=0.25
)
backbone.set_weights(aet_keras.backbones.load_backbone().get_weights())
pixels = keras.Input((size, size, 3))
x = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(pixels)
x = keras.layers.GlobalAveragePooling2D()(backbone(x))
outputs = keras.layers.Dense(10, activation="softmax")(x)
model = keras.Model(pixels, outputs)
model.compile(
    keras.optimizers.Adam(learning_rate),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)

average = aet_keras.callbacks.AverageWeights()
freezing = aet_keras.callbacks.ElasticFreezing(policy)
rate = aet_keras.callbacks.AdaptiveLearningRate()
history = model.fit(
    train_x,
    train_y,
    validation_data=(digits.validation.inputs, digits.validation.labels),
    batch_size=batch_size,
    epochs=epochs,
    verbose=2,
    callbacks=[average, freezing, rate],
)

print("\ngroups, stem to head:", ", ".join(freezing.group_names))
for epoch, change in freezing.events:
    print(f"after epoch {epoch}: {change}")
print("\nepoch     rate  moved (#) and stood (.), stem to head")
rates = history.history["adaptive_learning_rate/rate"]
for epoch, moved in enumerate(freezing.history, start=1):
    marks = "".join("#" if is_moving else "." for is_moving in moved)
    print(f"{epoch:>5} {rates[epoch - 1]:8.1e}  {marks}")

_, accuracy = model.evaluate(digits.test.inputs, digits.test.labels, verbose=0)
print(f"\ntest accuracy: {accuracy:.4f}")
