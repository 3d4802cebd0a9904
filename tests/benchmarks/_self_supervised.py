"""Does a backbone that first learns from rows without labels begin better?

The pretrained backbone learns a task of its own on all training rows, none of
which has a label there; then `fine_tune` learns from the few labels as ever.

- `rotation`: by how many quarter turns a view was turned (Gidaris, 2018);
- `simsiam`: two views of a row are alike, by the cosine of a prediction from
  one to the other, which is not trained by it (Chen and He, 2021);
- `simclr`: two views of a row are more alike than those of two rows, at a
  temperature of 0.2 (Chen et al., 2020);
- `vicreg`: two views are alike, while numbers vary from row to row and do not
  repeat each other (Bardes et al., 2022).

A view is a square of 0.3 to 1 of an image, mirrored but for digits, with other
brightness, contrast and colours. BatchNormalization of the backbone stays as
it is, as in `fine_tune`.
"""

import _cells
import _few_labels
import _machine
import keras
import numpy as np
import tensorflow as tf
from keras import layers

import aet_keras
from aet_keras.replay import lbfgs
from aet_keras.training.self_training import SelfTraining

SIDE = _few_labels.SIDE
SIZE = 64  # rows of a step, of which simsiam and the others see two views
STEPS = 100
RATE = 5e-4
WIDTH = 256  # of what views are compared by
TEMPERATURE = 0.2


def views(images, is_mirrored):
    """Returns a view of each image, float32 from 0 to 255."""
    count = tf.shape(images)[0]

    def random(least, most, width=1):
        return tf.random.uniform((count, width), least, most)

    x = tf.cast(images, "float32")
    share = tf.sqrt(random(0.3, 1.0))
    corner = random(0.0, 1.0, 2) * (1 - share)
    boxes = tf.concat([corner, corner + share], axis=1)
    if is_mirrored:
        top, left, bottom, right = tf.split(boxes, 4, axis=1)
        is_turned = random(0.0, 1.0) < 0.5
        boxes = tf.where(
            is_turned,
            tf.concat([top, right, bottom, left], axis=1),
            boxes,
        )
    side = images.shape[1]
    x = tf.image.crop_and_resize(x, boxes, tf.range(count), (side, side))
    grey = tf.reduce_mean(x, axis=3, keepdims=True)
    colour = random(0.2, 1.8)[:, :, None, None]
    x = grey + (x - grey) * colour
    mean = tf.reduce_mean(x, axis=(1, 2), keepdims=True)
    x = mean + (x - mean) * random(0.6, 1.4)[:, :, None, None]
    x += random(-40.0, 40.0)[:, :, None, None]
    return tf.clip_by_value(x, 0.0, 255.0)


def _turned(x):
    """Returns views turned, and by how many quarters."""
    parts = tf.split(x, 4)
    x = tf.concat([tf.image.rot90(p, k) for k, p in enumerate(parts)], axis=0)
    return x, tf.repeat(tf.range(4), len(parts[0]))


def _dense(*widths, has_last_norm=False):
    """Returns layers with BatchNormalization and ReLU between them."""
    found = []
    for width in widths[:-1]:
        found += [
            layers.Dense(width, use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
        ]
    found.append(layers.Dense(widths[-1]))
    if has_last_norm:
        found.append(layers.BatchNormalization(momentum=0.9))
    return keras.Sequential(found)


def _unit(x):
    return tf.math.l2_normalize(x, axis=1)


def _contrast(a, b):
    rows = _unit(tf.concat([a, b], axis=0))
    count = len(rows)
    alike = rows @ tf.transpose(rows) / TEMPERATURE - 1e9 * tf.eye(count)
    other = tf.roll(tf.range(count), count // 2, axis=0)
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(other, alike)
    )


def _variances(a, b):
    """The loss of VICReg, with its weights of 25, 25 and 1."""

    def regular(x):
        x -= tf.reduce_mean(x, axis=0)
        spread = tf.sqrt(tf.reduce_mean(x**2, axis=0) + 1e-4)
        shared = tf.transpose(x) @ x / len(x)
        shared -= tf.linalg.diag(tf.linalg.diag_part(shared))
        return 25 * tf.reduce_mean(tf.nn.relu(1 - spread)) + (
            tf.reduce_sum(shared**2) / x.shape[1]
        )

    return 25 * tf.reduce_mean((a - b) ** 2) + regular(a) + regular(b)


KINDS = ("rotation", "simsiam", "simclr", "vicreg")


def start(kind, base, preprocess, images, *, steps, seed, is_mirrored):
    """Trains a backbone in place on images that have no labels.

    Args:
        kind: str. Of `KINDS`.
        base: `keras.Model`. The backbone.
        preprocess: function of pixels from 0 to 255.
        images: uint8 array `(rows, side, side, 3)`.
        steps: int.
        seed: int.
        is_mirrored: bool. Whether a mirrored image is of the same class.

    Returns:
        list of floats: the loss of each step.
    """
    keras.utils.set_random_seed(seed)
    random = np.random.default_rng(seed)
    pool = layers.GlobalAveragePooling2D()
    if kind == "rotation":
        tops = [_dense(4)]
    else:
        tops = [_dense(WIDTH, WIDTH, has_last_norm=kind == "simsiam")]
        if kind == "simsiam":
            tops.append(_dense(WIDTH // 4, WIDTH))
    width = base.output.shape[-1]
    tops[0].build((None, width))
    for top in tops[1:]:
        top.build((None, WIDTH))
    moving = [
        weight
        for layer in base.layers
        if not isinstance(layer, layers.BatchNormalization)
        for weight in layer.trainable_weights
    ]
    moving += [weight for top in tops for weight in top.trainable_weights]
    optimizer = keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(RATE, steps), clipnorm=10.0
    )
    optimizer.build(moving)

    def features(x):
        return pool(base(preprocess(x), training=False))

    @tf.function
    def step(x):
        seen = views(x, is_mirrored)
        if kind == "rotation":
            seen, turns = _turned(seen)
        else:
            seen = tf.concat([seen, views(x, is_mirrored)], axis=0)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([weight.value for weight in moving])
            found = tops[0](features(seen), training=True)
            if kind == "rotation":
                loss = tf.reduce_mean(
                    tf.nn.sparse_softmax_cross_entropy_with_logits(turns, found)
                )
            elif kind == "simsiam":
                said = _unit(tops[1](found, training=True))
                fixed = _unit(tf.stop_gradient(found))
                other = tf.roll(fixed, SIZE, axis=0)
                loss = -tf.reduce_mean(tf.reduce_sum(said * other, axis=1))
            else:
                a, b = tf.split(found, 2)
                loss = _contrast(a, b) if kind == "simclr" else _variances(a, b)
        slopes = tape.gradient(loss, [weight.value for weight in moving])
        optimizer.apply(slopes, moving)
        return loss

    losses, order = [], np.empty(0, int)
    for _ in range(steps):
        if len(order) < SIZE:
            order = random.permutation(len(images))
        rows, order = np.split(order, [SIZE])
        losses.append(float(step(tf.constant(images[rows]))))
    return losses


def head_accuracy(base, preprocess, given):
    """Returns what a solved head reaches on the features of a backbone."""
    (x, y), _, (held, labels), (test, wanted) = given
    pixels = keras.Input(x.shape[1:])
    pooled = layers.GlobalAveragePooling2D()(
        base(preprocess(pixels), training=False)
    )
    model = keras.Model(pixels, pooled)
    hot = np.eye(int(wanted.max()) + 1, dtype="float32")

    def rows(images, labels):
        found = model.predict(images, batch_size=128, verbose=0)
        ones = np.ones(len(labels), "float32")
        return lbfgs.Rows(found, hot[labels], ones)

    head = lbfgs.solve(rows(x, y), rows(held, labels), kind="softmax")
    scores = rows(test, wanted).features @ head.kernel + head.bias
    return float((scores.argmax(axis=1) == wanted).mean())


def tune(rows, given, backbone, name, seed, epochs):
    """Yields the figures of networks that are tuned after such a start.

    `none` has no such start. Beside each row stands the same one with its
    head solved anew on the rows without labels (`row + unlabelled`), and the
    accuracy of a frozen backbone's solved head (`row head`).
    """
    train, more, validation, (test, wanted) = given
    images = np.concatenate([train[0], more])
    preprocess = _cells.BACKBONES[backbone][1]
    for row in rows:
        begun = _machine.now()
        keras.utils.set_random_seed(seed)
        model, base = _cells.build(backbone, SIDE, int(wanted.max()) + 1, 1e-3)
        said = {}
        if row != "none":
            losses = start(
                row,
                base,
                preprocess,
                images,
                steps=STEPS,
                seed=seed,
                is_mirrored=name in _few_labels.MIRRORED,
            )
            tenth = len(losses) // 10
            ends = losses[:tenth], losses[-tenth:]
            said["losses"] = [round(float(np.mean(e)), 3) for e in ends]
        said["start_seconds"] = round(float((_machine.now() - begun)[1]), 1)
        yield f"{row} head", head_accuracy(base, preprocess, given), said
        if not epochs:
            continue
        keras.utils.set_random_seed(seed)
        aet_keras.fine_tune(
            model, train, validation_data=validation, epochs=epochs, verbose=0
        )

        def accuracy(model=model):
            found = model.predict(test, batch_size=128, verbose=0)
            return float((found.argmax(axis=1) == wanted).mean())

        seconds = {"seconds": round(float((_machine.now() - begun)[1]), 1)}
        yield row, accuracy(), seconds
        learned = SelfTraining(model, train, validation, more)
        said = {"said": learned.solve_head()}
        yield f"{row} + unlabelled", accuracy(), said
        keras.backend.clear_session()
