"""Small models with weights set by hand, which look at a bright patch."""

import keras
import numpy as np
from keras import layers

PATCH = (slice(9, 13), slice(3, 7))  # rows, columns


def patch_images(count=2, patch=PATCH):
    """Returns dim noise `(count, 16, 16, 3)` with a bright patch in it."""
    images = np.random.default_rng(0).uniform(20, 80, (count, 16, 16, 3))
    images[:, *patch] = 255
    return images.astype("uint8")


def backbone(strides=1):
    """Returns a convolution: channel 0 sees brightness, 1 is always on."""
    pixels = keras.Input((16, 16, 3))
    x = layers.Conv2D(2, 3, strides, "same", activation="relu", name="look")(
        pixels
    )
    model = keras.Model(pixels, x, name="backbone")
    kernel = np.zeros((3, 3, 3, 2), "float32")
    kernel[..., 0] = 1 / 27
    model.get_layer("look").set_weights([kernel, np.float32([-0.4, 0.2])])
    return model


def classifier(pooling=None, *, activation="softmax", bias=0.0, strides=1):
    """Returns a nested model that says 1 where there is a bright patch."""
    pixels = keras.Input((16, 16, 3))
    x = backbone(strides)(layers.Rescaling(1 / 255)(pixels))
    x = (pooling or layers.GlobalAveragePooling2D())(x)
    head = layers.Dense(2, activation=activation, name="scores")
    model = keras.Model(pixels, head(x), name="bright")
    head.set_weights([np.float32([[-50, 50], [1, 0]]), np.float32([0, bias])])
    return model


def noise_images(count=8):
    """Returns images of noise, which nothing stands out in."""
    return np.random.default_rng(1).uniform(0, 255, (count, 16, 16, 3))


def random_classifier(seed, pooling=None):
    """Returns two convolutions of 16 filters, all weights noise."""
    pixels = keras.Input((16, 16, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(pixels)
    for _ in range(2):
        x = layers.Conv2D(16, 3, padding="same", activation="relu")(x)
    x = (pooling or layers.GlobalAveragePooling2D())(x)
    model = keras.Model(pixels, layers.Dense(2, activation="softmax")(x))
    random = np.random.default_rng(seed)
    model.set_weights(
        [random.normal(size=w.shape, scale=0.2) for w in model.get_weights()]
    )
    return model


def peak_position(image):
    """Returns row and column of the largest value."""
    return np.unravel_index(image.argmax(), image.shape)


def is_inside(place, patch=PATCH):
    """Says whether a place lies in the patch."""
    return all(s.start <= p < s.stop for p, s in zip(place, patch, strict=True))


def rank_correlation(left, right):
    """Returns Spearman's for pairs of maps, the mean."""
    from scipy.stats import spearmanr

    return np.mean(
        [
            spearmanr(a.ravel(), b.ravel()).statistic
            for a, b in zip(left, right, strict=True)
        ]
    )


def snapshot(model):
    """Returns all of a model that an explanation could leave changed."""
    inside = list(model._flatten_layers())
    return (
        [w.tolist() for w in model.get_weights()],
        [layer.trainable for layer in inside],
        [len(layer._inbound_nodes) for layer in inside],
        [len(layer._outbound_nodes) for layer in inside],
        sorted(vars(model)),
        np.asarray(model(patch_images())).tolist(),
    )
