"""Which learning rate suits your model, before you train it?

`find_learning_rate` trains for some steps at ever higher rates, watches the
loss, suggests a rate, and gives the model back as it was, bit by bit.

    python examples/03_find_a_learning_rate.py

Takes under 1 minute on 2 cores, writes learning_rate.png, and then trains three
epochs at the suggestion, at a thirtieth of it and at thirty times it, from the
same weights, to show where it lies.
"""

import argparse

import keras

import aet_keras

parser = argparse.ArgumentParser()
parser.add_argument("--out", default="learning_rate.png")
parser.add_argument("--smoke", action="store_true", help="seconds, untrained")
args = parser.parse_args()

# Settings.
size = 32
train_count = 64 if args.smoke else None  # None: all
steps = 40 if args.smoke else 100
epochs = 1 if args.smoke else 3
factors = (1.0,) if args.smoke else (1 / 30, 1.0, 30.0)
batch_size = 32
seed = 0

keras.utils.set_random_seed(seed)
digits = aet_keras.data.read_digits(image_size=(size, size), seed=seed)
train_x = digits.train.inputs[:train_count]
train_y = digits.train.labels[:train_count]

model = aet_keras.tasks.build_image_classifier(
    class_count=10, image_size=(size, size)
)
for layer in model.layers[:-1]:  # the head learns alone at first
    layer.trainable = False
model.compile(
    "adam",
    loss="sparse_categorical_crossentropy",
    metrics=[keras.metrics.SparseCategoricalAccuracy("accuracy")],
)

found = aet_keras.training.find_learning_rate(
    model, (train_x, train_y), steps=steps, batch_size=batch_size
)
print(f"suggestion: {found.suggestion:.2e}, {found.why}")
print(f"chart: {found.draw(args.out)}")

start = model.get_weights()  # the same as before the test
print("\n     rate  validation accuracy")
for factor in factors:
    model.set_weights(start)
    model.compile(
        keras.optimizers.Adam(factor * found.suggestion),
        loss="sparse_categorical_crossentropy",
        metrics=[keras.metrics.SparseCategoricalAccuracy("accuracy")],
    )
    model.fit(train_x, train_y, batch_size=batch_size, epochs=epochs, verbose=0)
    _, accuracy = model.evaluate(
        digits.validation.inputs, digits.validation.labels, verbose=0
    )
    print(f"{factor * found.suggestion:9.1e}  {accuracy:.3f}")
