"""Can a model learn to withstand images that are changed to deceive it?

A classifier of digits is fine-tuned as usual. Then its head and upper groups
learn on: each batch has its images twice, as they are, and changed by 2 of 255
a pixel at most, in the direction that the model likes least at the moment
(FGSM from a random start). The lower groups stay as they are. Before and after,
test images are attacked with FGSM and PGD. What it costs on images as they are
is printed beside.

    python examples/25_withstand_attacks.py

Takes a few minutes on 2 cores, and needs `pip install "aet-keras[robustness]"`
for the figures.
"""

import argparse

import keras
import numpy as np
import tensorflow as tf

from aet_keras import callbacks, data, policies, recipes, training

parser = argparse.ArgumentParser()
parser.add_argument("--smoke", action="store_true", help="seconds, untrained")
args = parser.parse_args()

# Settings.
size = 8 if args.smoke else 32
first_epochs = 1 if args.smoke else 12
epochs = 1 if args.smoke else 12  # under attack
train_count = 64 if args.smoke else None  # None: all
test_count = 16 if args.smoke else 150
reach = 2.0  # of 255: how far a pixel may be moved
frozen_ratio = 0.4  # the share of groups, from the stem on, that stay
learning_rate = 1e-3
seed = 0

keras.utils.set_random_seed(seed)
recipe = recipes.Recipe(
    "digits", image_size=size, epochs=first_epochs, augment="none", seed=seed
)
dataset = data.read_digits(image_size=(size, size), seed=seed)
model = training.image_job.build_classifier(recipe, 10)
training.image_job.fit_recipe(model, recipe, dataset)


@tf.function(reduce_retracing=True)
def attacked(images, labels):
    """Returns images as the model likes them least, within reach."""
    start = images + tf.random.uniform(tf.shape(images), -reach, reach)
    with tf.GradientTape() as tape:
        tape.watch(start)
        said = model(start, training=False)
        loss = keras.losses.sparse_categorical_crossentropy(labels, said)
    changed = start + 1.25 * reach * tf.sign(tape.gradient(loss, start))
    changed = tf.clip_by_value(changed, images - reach, images + reach)
    return tf.clip_by_value(changed, 0.0, 255.0)


class WithAttacked(keras.utils.PyDataset):
    """Batches of images, and of the same as the model is attacked just now."""

    def __init__(self, images, labels, batch_size=32):
        super().__init__()
        self.images, self.labels = images.astype("float32"), labels
        self.batch_size = batch_size
        self.random = np.random.default_rng(seed)
        self.on_epoch_end()

    def on_epoch_end(self):
        self.order = self.random.permutation(len(self.labels))

    def __len__(self):
        return len(self.labels) // self.batch_size

    def __getitem__(self, index):
        first = index * self.batch_size
        rows = self.order[first : first + self.batch_size]
        images, labels = self.images[rows], self.labels[rows]
        both = np.concatenate([images, attacked(images, labels)])
        return both, np.tile(labels, 2)


def show(title):
    """Prints what is called rightly as it is, and after attacks."""
    few = slice(test_count)
    test = dataset.test
    try:
        found = training.attacks.measure_attacks(
            model, test.inputs[few], test.labels[few]
        )
    except ImportError as error:
        print(f"{title}: not attacked. {error}")
        return
    print(f"\n{title}\n{found.to_text()}", flush=True)


show("fine-tuned")
model.compile(
    keras.optimizers.Adam(learning_rate),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
few = slice(train_count)
model.fit(
    WithAttacked(dataset.train.inputs[few], dataset.train.labels[few]),
    epochs=epochs,
    verbose=0,
    callbacks=[
        # Images are new in each step: there is nothing to replay.
        callbacks.ElasticFreezing(
            policies.ThawAll(frozen_ratio=frozen_ratio), cache=None
        ),
    ],
)
show("upper groups fine-tuned under attack")
