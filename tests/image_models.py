"""Small image models and data, which the tests of training share."""

import functools

import keras
import numpy as np
import tensorflow as tf

import aet_keras


def noise_images(count=32, classes=3):
    """Returns seeded noise `(count, 8, 8, 3)` and labels."""
    random = np.random.default_rng(0)
    images = random.normal(size=(count, 8, 8, 3)).astype("float32")
    return images, np.arange(count) % classes


def decode_shortly(encoded, shape):
    """Stands for `decode_images`, whose trace and optimizing take seconds.

    It reads plain PNGs to the same pixels.
    """

    def decode(image):
        pixels = tf.io.decode_png(image, shape[-1])
        pixels = tf.image.resize(pixels, shape[:2])
        return tf.ensure_shape(tf.cast(tf.round(pixels), tf.uint8), shape)

    spec = tf.TensorSpec(shape, tf.uint8)
    return tf.map_fn(decode, encoded, fn_output_signature=spec)


def make_tiny(monkeypatch):
    """Has commands train three convolutions of 8 pixels, and export fast.

    They take the place of every backbone, and `decode_shortly` that of what
    reads encoded images inside a SavedModel.
    """

    def load(name, *, weights=None, image_size=None):
        return backbone()

    monkeypatch.setattr("aet_keras.backbones.load_backbone", load)
    export_shortly(monkeypatch)


def export_shortly(monkeypatch):
    """Has SavedModels read encoded images with `decode_shortly`."""
    for kind in ("image", "item"):
        name = f"aet_keras.export.{kind}_model.decode_images"
        monkeypatch.setattr(name, decode_shortly)


def backbone(name="old", size=8):
    """Returns three convolutions with BatchNormalization, each halving."""
    x = inputs = keras.Input((size, size, 3))
    for block, filters in (("a", 4), ("b", 5), ("c", 6)):
        x = keras.layers.Conv2D(
            filters, 3, strides=2, padding="same", name=f"{block}_conv"
        )(x)
        x = keras.layers.BatchNormalization(name=f"{block}_bn")(x)
        x = keras.layers.ReLU(name=f"{block}_relu")(x)
    return keras.Model(inputs, x, name=name)


def classifier(base=None):
    """Returns a nested model: pixels, backbone, pooling, three classes."""
    base = base or backbone()
    pixels = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(base(pixels))
    x = keras.layers.Dense(
        3, activation="softmax", dtype="float32", name="scores"
    )(x)
    return keras.Model(pixels, x)


def momentum():
    """Returns an optimizer with slots; Adam's are a third of a trace."""
    return keras.optimizers.SGD(1e-3, momentum=0.9)


def compiled_classifier(optimizer=None, **settings):
    """Returns a compiled `classifier`."""
    model = classifier()
    optimizer = optimizer or momentum()
    model.compile(optimizer, "sparse_categorical_crossentropy", **settings)
    return model


def linear_classifier(optimizer=None, **settings):
    """Returns a compiled model of one layer: where groups play no part."""
    pixels = keras.Input((8, 8, 3))
    x = keras.layers.Flatten()(pixels)
    x = keras.layers.Dense(3, activation="softmax", name="scores")(x)
    model = keras.Model(pixels, x)
    optimizer = optimizer or momentum()
    model.compile(optimizer, "sparse_categorical_crossentropy", **settings)
    return model


class WeightSnapshots(keras.callbacks.Callback):
    """Keeps each weight of a model by path, at the start and every epoch."""

    def on_train_begin(self, logs=None):
        self.taken = [self._take()]

    def on_epoch_end(self, epoch, logs=None):
        self.taken.append(self._take())

    def _take(self):
        return {w.path: w.numpy().copy() for w in self.model.weights}


def changed_weights(before, after):
    """Returns the paths of the weights that differ."""
    return {p for p in before if not np.array_equal(before[p], after[p])}


def fit(model, *callbacks, epochs=4, data=None, **settings):
    """Fits quietly on `noise_images()` in batches of 8."""
    x, y = data or noise_images()
    return model.fit(
        x,
        y,
        batch_size=8,
        epochs=epochs,
        verbose=0,
        callbacks=list(callbacks),
        **settings,
    )


def gradual_freezing(**settings):
    """Returns an ElasticFreezing that thaws one group after each epoch."""
    return aet_keras.callbacks.ElasticFreezing(
        aet_keras.policies.ThawOnSchedule(every_epochs=1), **settings
    )


@functools.cache  # strategies of one process share the keys of their groups
def two_replicas():
    """Returns the MirroredStrategy over two virtual CPUs."""
    devices = tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([each.name for each in devices])
