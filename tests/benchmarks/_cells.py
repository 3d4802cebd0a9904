"""Data sets and backbones that defaults are tried on, each with each.

A data set is a function that returns `(images, labels)` of the training, the
validation and the test rows, images as uint8 of shape `(rows, side, side, 3)`.
A backbone is a function of the side that returns a model without a head, and
of pixels from 0 to 255 that returns what it wants to be given.
"""

import functools
import gzip
import importlib.util
import io
import pathlib

import _machine
import keras
import numpy as np
import PIL.Image
import tensorflow as tf

import aet_keras

WEIGHTS = _machine.DATA / "mobilenetv2_imagenet_notop.weights.h5"
FASHION = pathlib.Path("/usr/share/datasets/fashion-mnist")


def load(data, side, seed):
    """Returns the three splits of a data set, at a size of images.

    A seed draws the training rows, where there are more than are wanted.
    """
    splits = DATA[data](seed)
    return [(resized(images, side), labels) for images, labels in splits]


def build(backbone, side, classes, learning_rate, backbone_training=None):
    """Returns the compiled model of Keras's guide, and its backbone."""
    make, preprocess = BACKBONES[backbone]
    base = make(side)
    pixels = keras.Input((side, side, 3))
    x = base(preprocess(pixels), training=backbone_training)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(0.2)(x)
    x = keras.layers.Dense(classes, activation="softmax")(x)
    model = keras.Model(pixels, x)
    compile_model(model, learning_rate)
    return model, base


def compile_model(model, learning_rate):
    """Compiles as the guide does."""
    model.compile(
        keras.optimizers.Adam(learning_rate),
        "sparse_categorical_crossentropy",
        metrics=[keras.metrics.SparseCategoricalAccuracy("accuracy")],
    )


def resized(images, side):
    """Returns images of another size, as uint8."""
    if images.shape[1] == side:
        return images
    found = [
        tf.image.resize(images[i : i + 256], (side, side), antialias=True)
        for i in range(0, len(images), 256)
    ]
    pixels = np.concatenate([np.asarray(each) for each in found])
    return np.clip(np.rint(pixels), 0, 255).astype("uint8")


def _drawn(images, labels, count, seed):
    rows = np.random.default_rng(seed).permutation(len(labels))[:count]
    return images[rows], labels[rows]


def from_archive(name, side, seed, *, count=None):
    """Returns the splits of a file of JPEGs, some training rows drawn."""
    archive = np.load(_machine.DATA / name)
    splits = []
    for split in ("train", "validation", "test"):
        raw = archive[f"jpeg_{split}"].tobytes()
        ends = archive[f"offsets_{split}"]
        labels = archive[f"y_{split}"].astype("int64")
        rows = np.arange(len(labels))
        if split == "train" and count:
            rows, labels = _drawn(rows, labels, count, seed)
        images = [_decoded(raw[ends[i] : ends[i + 1]], side) for i in rows]
        splits.append((np.stack(images), labels))
    return splits


def _decoded(jpeg, side):
    """Returns the pixels of an image, all but a few of which are squares."""
    image = PIL.Image.open(io.BytesIO(jpeg)).convert("RGB")
    return np.asarray(image.resize((side, side)))


def _fashion(seed):
    if not FASHION.is_dir():
        raise SystemExit(
            f"{FASHION} is missing: install Debian's dataset-fashion-mnist"
        )

    def read(name, offset):
        raw = gzip.decompress((FASHION / f"{name}.gz").read_bytes())
        return np.frombuffer(raw, "uint8", offset=offset)

    def split(name):
        images = read(f"{name}-images-idx3-ubyte", 16).reshape(-1, 28, 28, 1)
        labels = read(f"{name}-labels-idx1-ubyte", 8).astype("int64")
        return np.repeat(images, 3, axis=-1), labels

    images, labels = _drawn(*split("train"), 5000, seed)
    test = split("t10k")
    return [
        (images[:4000], labels[:4000]),
        (images[4000:], labels[4000:]),
        (test[0][:2000], test[1][:2000]),
    ]


def _digits(seed):
    from sklearn.datasets import load_digits

    found = load_digits()
    grey = (found.images[..., None] * 15.9375).astype("uint8")
    images, labels = _drawn(
        np.repeat(grey, 3, axis=-1), found.target.astype("int64"), None, seed
    )
    ends = [0, 1000, 1400, len(labels)]
    return [
        (images[a:b], labels[a:b]) for a, b in zip(ends, ends[1:], strict=False)
    ]


def _mobilenet(side):
    return aet_keras.backbones.load_backbone(
        "MobileNetV2",
        weights=str(WEIGHTS),
        image_size=(side, side),
    )


def _embedded(side):
    return aet_keras.backbones.load_backbone(
        "embedded", image_size=(side, side)
    )


def _lite(side):
    path = _machine.DATA / "efficientnet_lite0.py"
    spec = importlib.util.spec_from_file_location("efficientnet_lite0", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.lite0_backbone(side)


DATA = {
    "clothing10": functools.partial(
        from_archive, "clothing10_128px_jpeg.npz", 128
    ),
    "cifar10": functools.partial(
        from_archive, "cifar10_32px_jpeg.npz", 32, count=4000
    ),
    "signs": functools.partial(from_archive, "signdigits_100px_jpeg.npz", 100),
    "fashion": _fashion,
    "digits": _digits,
}
BACKBONES = {
    "mobilenet": (
        _mobilenet,
        functools.partial(aet_keras.backbones.preprocess, "MobileNetV2"),
    ),
    "lite": (
        _lite,
        lambda x: keras.layers.Rescaling(1 / 128, -127 / 128)(x),
    ),
    "embedded": (
        _embedded,
        functools.partial(aet_keras.backbones.preprocess, "embedded"),
    ),
}
SIDES = {"mobilenet": 96, "lite": 96, "embedded": 64}
