"""How was the embedded backbone made?

It is a MobileNetV2 of alpha 0.25, trained on the 60,000 images of
Fashion-MNIST, enlarged to 64 x 64. Half of each epoch's batches are shrunk to
between 8 and 24 pixels first, and a quarter of the images are inverted, so
that the features also fit small, blurred images of either polarity: the
quick start's digits have 8 x 8 pixels. No label smoothing: it makes features
transfer worse (Kornblith et al., 2021).

    apt-get install dataset-fashion-mnist
    python examples/09_pretrain_backbone.py

Takes about 20 minutes on 2 cores and ends at about 0.90 accuracy on the 10,000
test images of Fashion-MNIST.
"""

import argparse
import gzip
import pathlib

import keras
import numpy as np
import tensorflow as tf

parser = argparse.ArgumentParser()
parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
parser.add_argument("--out", default="mobilenet_v2_025.weights.h5")
parser.add_argument("--smoke", action="store_true", help="a minute's check")
args = parser.parse_args()

# Settings.
size = 32 if args.smoke else 64
epochs = 1 if args.smoke else 15
train_count = 128 if args.smoke else 60_000
test_count = 128 if args.smoke else 10_000
batch_size = 128
learning_rate = 3e-3
weight_decay = 1e-2
seed = 0


def read_idx(name):
    """Reads one gzipped IDX file of unsigned bytes, whatever its rank."""
    path = pathlib.Path(args.data, name)
    if not path.exists():
        raise SystemExit(
            f"{path} is missing: `apt-get install dataset-fashion-mnist`, or "
            "name the folder of the four IDX files with --data."
        )
    raw = gzip.decompress(path.read_bytes())
    rank = raw[3]
    shape = np.frombuffer(raw, ">u4", count=rank, offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape)


def to_images(images):
    """Pads 28 x 28 grey to 32 x 32 RGB, still 0 to 255."""
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2)))
    return np.repeat(padded[..., None], 3, axis=-1)


def enlarge(images, labels):
    """Enlarges one batch and scales it as MobileNetV2 wants it."""
    return tf.image.resize(images, (size, size)) / 127.5 - 1.0, labels


def augment(images, labels):
    """Moves, blurs and inverts one batch."""
    images = tf.pad(images, ((0, 0), (3, 3), (3, 3), (0, 0)))
    images = tf.image.random_crop(images, (tf.shape(images)[0], 32, 32, 3))
    images = tf.cast(images, "float32")
    if tf.random.uniform(()) < 0.5:
        small = tf.random.uniform((), 8, 25, "int32")
        images = tf.image.resize(images, (small, small), antialias=True)
    invert = tf.random.uniform((tf.shape(images)[0], 1, 1, 1)) < 0.25
    return enlarge(tf.where(invert, 255.0 - images, images), labels)


keras.utils.set_random_seed(seed)
train_x = to_images(read_idx("train-images-idx3-ubyte.gz")[:train_count])
train_y = read_idx("train-labels-idx1-ubyte.gz")[:train_count]
test_x = to_images(read_idx("t10k-images-idx3-ubyte.gz")[:test_count])
test_y = read_idx("t10k-labels-idx1-ubyte.gz")[:test_count]
train = (
    tf.data.Dataset.from_tensor_slices((train_x, train_y))
    .shuffle(len(train_x), seed=seed)
    .batch(batch_size)
    .map(augment, num_parallel_calls=2)
    .prefetch(2)
)

test = tf.data.Dataset.from_tensor_slices((test_x, test_y))
test = test.batch(batch_size).map(enlarge)

backbone = keras.applications.MobileNetV2(
    weights=None, include_top=False, input_shape=(size, size, 3), alpha=0.25
)
for layer in backbone.layers:
    if isinstance(layer, keras.layers.BatchNormalization):
        layer.momentum = 0.99  # 0.999 averages over more than an epoch
model = keras.Sequential(
    [backbone, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(10)]
)
steps = len(train) * epochs
rate = keras.optimizers.schedules.CosineDecay(
    learning_rate / 10, steps, warmup_target=learning_rate, warmup_steps=300
)
model.compile(
    keras.optimizers.AdamW(rate, weight_decay=weight_decay),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=[keras.metrics.SparseCategoricalAccuracy("accuracy")],
    run_eagerly=args.smoke,  # two steps are not worth a trace
)
model.optimizer.build(model.trainable_variables)  # in fit: one trace more
model.fit(train, epochs=epochs, verbose=2, shuffle=False)
_, accuracy = model.evaluate(test, verbose=0)
backbone.save_weights(args.out)
print(f"Fashion-MNIST test accuracy: {accuracy:.4f}; wrote {args.out}")
