"""How are images learned with the parts that the command line is made of?

What `aet-keras fit digits` does, in your own words, so that any step can be
replaced: read images, put a head on a pretrained backbone, fit with two
callbacks, measure on the test split, publish a SavedModel, ask it.

    python examples/01_adapt_images.py

Takes about 2 minutes on 2 cores and ends at about 0.99 accuracy on 269 test
images of digits. The folder saved_models/digits_by_hand then holds a version.
"""

import argparse

import keras
import tensorflow as tf

from aet_keras import (
    callbacks,
    data,
    evaluation,
    export,
    publishing,
    tasks,
)

parser = argparse.ArgumentParser()
parser.add_argument("--out", default="saved_models/digits_by_hand")
parser.add_argument("--smoke", action="store_true", help="seconds, untrained")
args = parser.parse_args()

# Settings.
source = "digits"  # or a folder with one folder a class
image_size = (32, 32) if args.smoke else (64, 64)
epochs = 1 if args.smoke else 20
learning_rate = 3e-3  # the head's; thawed groups get a share of it
augment = "light"
batch_size = 32
seed = 0

dataset = data.read_images(source, image_size=image_size, seed=seed)
class_names = dataset.specification.class_names
train = data.make_batches(
    dataset.train,
    batch_size=batch_size,
    shuffle_seed=seed,
    augment=data.build_augmentation(augment, image_size=image_size, seed=seed),
)
if args.smoke:
    train = train.take(2)

keras.utils.set_random_seed(seed)
model = tasks.build_image_classifier(
    class_count=len(class_names), image_size=image_size, momentum=0.9
)
model.compile(
    keras.optimizers.Adam(learning_rate),
    loss="sparse_categorical_crossentropy",
    metrics=[keras.metrics.SparseCategoricalAccuracy("accuracy")],
)
freezing = callbacks.ElasticFreezing(
    train_batch_normalization=True,
    cache=None,  # each epoch's images are new: nothing to replay
    verbose=1,
)
best = callbacks.KeepBest()
model.fit(
    train,
    validation_data=data.make_batches(dataset.validation, batch_size=128),
    epochs=epochs,
    verbose=2,
    shuffle=False,  # the batches are shuffled already
    callbacks=[freezing, callbacks.AdaptiveLearningRate(), best],
)

probabilities = model.predict(dataset.test.inputs, verbose=0)
scores = evaluation.measure_classification(
    dataset.test.labels, probabilities, class_names=class_names
)
print(f"\nweights of epoch {best.best_epoch}, on the test split:")
print(scores.to_text())


def write(directory):
    """Fills one version, which appears under OUT when it is whole."""
    export.write_image_model(model, directory, class_names=class_names)
    images = dataset.test.inputs[:64]
    print(
        f"\n{export.compare_image_export(directory, model, images).to_text()}"
    )


version = publishing.publish(args.out, write)

served = tf.saved_model.load(version)
answer = served.signatures["serving_default"](
    images=tf.constant(dataset.test.inputs[:1])
)
column = int(tf.argmax(answer["probabilities"][0]))
print(f"{version} calls the first test image", end=" ")
print(answer["classes"][0, column].numpy().decode(), end=", it is ")
print(class_names[dataset.test.labels[0]])
print(f"test accuracy: {scores.accuracy:.4f}")
