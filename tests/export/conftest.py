"""Which model, images and written export do these tests share?"""

import dataclasses
import pathlib
from typing import Any

import image_models
import keras
import numpy as np
import pytest
import tensorflow as tf

from aet_keras.export import write_image_model

NAMES = ["hat", "Schuh mit Öse", "帽子"]


def build_classifier():
    """Returns a tiny classifier whose outputs are anything but uniform."""
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    kernel, _ = model.layers[-1].get_weights()
    rows = compute_embeddings(model, draw_images())
    bias = -30 * rows.mean(axis=0) @ kernel  # so that no class always wins
    model.layers[-1].set_weights([30 * kernel, bias])
    return model


def compute_embeddings(model, images):
    """Returns what goes into the last layer, layer by layer."""
    x = images.astype("float32")
    for layer in model.layers[:-1]:
        x = layer(x)
    return x.numpy()


def draw_images():
    """Returns five images of unlike brightness and colour."""
    rng = np.random.default_rng(0)
    peaks = rng.integers(20, 256, (5, 1, 1, 3))
    return (rng.random((5, 8, 8, 3)) * peaks).astype("uint8")


@pytest.fixture
def short_decoder(monkeypatch):
    """Lets a test write fast where it is not about encoded images."""
    image_models.export_shortly(monkeypatch)


@dataclasses.dataclass(frozen=True)
class Exported:
    """A model, what was written of it, and that loaded again.

    It is shared: whoever changes a file changes a copy of `path`.
    """

    model: keras.Model
    path: pathlib.Path
    loaded: Any
    images: np.ndarray
    expected: np.ndarray
    embeddings: np.ndarray
    names: list

    def call(self, signature, **inputs):
        """Returns what a signature says, as arrays."""
        given = {key: tf.constant(value) for key, value in inputs.items()}
        outputs = self.loaded.signatures[signature](**given)
        return {key: value.numpy() for key, value in outputs.items()}


@pytest.fixture
def classifier():
    """Returns a model of the test's own."""
    return build_classifier()


@pytest.fixture
def images():
    """Returns the images."""
    return draw_images()


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """Returns an export that was written once."""
    keras.utils.set_random_seed(0)
    model, images = build_classifier(), draw_images()
    path = write_image_model(
        model,
        tmp_path_factory.mktemp("exported") / "1",
        class_names=NAMES,
        images=images,
    )
    expected = model(images.astype("float32"), training=False).numpy()
    embeddings = compute_embeddings(model, images)
    loaded = tf.saved_model.load(str(path))
    return Exported(model, path, loaded, images, expected, embeddings, NAMES)
