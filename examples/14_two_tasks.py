"""What do two tasks cost that share one backbone, and who weighs them?

One model says which digit an image shows, and whether it is an even one: two
heads on one pretrained backbone. How much each loss weighs beside the other
is learned with everything else, from how uncertain each output is. The rest
is the plain `fit` of example 02, with the same callbacks.

    python examples/14_two_tasks.py

Takes a minute of processor time and prints what each loss weighed in each
epoch: the digit's ends at 0.70, that of the surer even ones at 1.37. On 269
test images about 0.95 of the digits are right, and 0.97 of the even ones
(0.96 of the digits where example 02 learns them alone). One seed.
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
learning_rate = 1e-3
batch_size = 32
seed = 0

keras.utils.set_random_seed(seed)
digits = aet_keras.data.read_digits(image_size=(size, size), seed=seed)


def images(split, count=None):
    digit = split.labels[:count]
    return split.inputs[:count], {"digit": digit, "even": digit % 2 == 0}


train_x, train_y = images(digits.train, train_count)
validation = images(digits.validation, train_count)
test_x, test_y = images(digits.test, train_count)

# One backbone, two heads; `Uncertainty` stands last in each of them.
backbone = aet_keras.backbones.load_backbone(image_size=(size, size))
pixels = keras.Input((size, size, 3))
x = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(pixels)
x = keras.layers.GlobalAveragePooling2D()(backbone(x))
heads = {
    "digit": keras.layers.Dense(10, "softmax", name="digit_head"),
    "even": keras.layers.Dense(1, "sigmoid", name="even_head"),
}
outputs = {
    name: aet_keras.layers.Uncertainty(name=name)(head(x))
    for name, head in heads.items()
}
model = keras.Model(pixels, outputs)
model.compile(
    keras.optimizers.Adam(learning_rate),
    loss={
        "digit": aet_keras.losses.WeightedByUncertainty(
            "sparse_categorical_crossentropy"
        ),
        "even": aet_keras.losses.WeightedByUncertainty("binary_crossentropy"),
    },
    metrics={"digit": ["accuracy"], "even": ["accuracy"]},
)

freezing = aet_keras.callbacks.ElasticFreezing()
history = model.fit(
    train_x,
    train_y,
    validation_data=validation,
    batch_size=batch_size,
    epochs=epochs,
    verbose=0,
    callbacks=[
        freezing,
        aet_keras.callbacks.AdaptiveLearningRate(),
        aet_keras.callbacks.KeepBest(),
    ],
).history

for epoch, what in [*freezing.events, *freezing.cache_events]:
    print(f"after epoch {epoch}: {what}")
print("\nepoch  weight of digit  of even    val accuracy of digit  of even")
for epoch in range(len(history["loss"])):
    weights = [history[f"{name}_weight"][epoch] for name in heads]
    right = [history[f"val_{name}_accuracy"][epoch] for name in heads]
    print(
        f"{epoch + 1:>5}  {weights[0]:15.2f}  {weights[1]:7.2f}"
        f"    {right[0]:21.3f}  {right[1]:7.3f}"
    )

figures = model.evaluate(test_x, test_y, verbose=0, return_dict=True)
for name in heads:
    print(f"test accuracy, {name}: {figures[f'{name}_accuracy']:.4f}")
