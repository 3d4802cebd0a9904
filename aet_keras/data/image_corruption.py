"""Corrupts training images at random, so that a model learns to bear it."""

import math

import keras
from keras import ops

KINDS = ("noise", "blur", "contrast", "light", "rotation")
_SIDE = 96  # a blur is as strong on images of any size
_MOST_NOISE = 0.2  # standard deviation, of the range
_MOST_BLUR = 2.5
_LEAST_CONTRAST = 0.2
_MOST_LIGHT = 100.0
_MOST_TURN = math.radians(35)
_GREY = 128.0  # what comes in from outside


class RandomCorruption(keras.layers.Layer):
    """Corrupts some images of a batch, each in one way.

    An image stays as it is, or gets noise, a blur, less contrast, more or less
    light, or is turned; the strength is drawn, up to the strongest that
    `evaluation.robustness.measure_robustness` has. What it has besides (JPEG,
    coarse pixels, a colour cast) is left out, so that a model can be measured
    on what it has never seen.

    Args:
        ratio: float, 0 to 1. The share of images that are corrupted.
        kinds: sequence of str, among `KINDS`.
        seed: int >= 0.

    Call arguments:
        inputs: float tensor `(batch, height, width, channels)`, 0 to 255.
        training: bool. Nothing is done if it is false.

    Example:

    >>> from aet_keras.data.image_corruption import RandomCorruption
    >>> layer = RandomCorruption(ratio=1.0, seed=0)
    >>> layer(np.full((2, 8, 8, 3), 9.0), training=True).shape
    TensorShape([2, 8, 8, 3])
    """

    def __init__(self, *, ratio=0.5, kinds=KINDS, seed=0, **arguments):
        super().__init__(**arguments)
        self.ratio = ratio
        self.kinds = tuple(kinds)
        self.seed = seed
        self._generator = keras.random.SeedGenerator(seed)

    def get_config(self):
        return {
            **super().get_config(),
            "ratio": self.ratio,
            "kinds": self.kinds,
            "seed": self.seed,
        }

    def compute_output_shape(self, input_shape):
        return input_shape

    def call(self, inputs, training=False):
        if not training:
            return inputs
        shape = (ops.shape(inputs)[0], 1, 1, 1)
        chosen = self._drawn(shape) * len(self.kinds) / max(self.ratio, 1e-6)
        strength = self._drawn(shape)
        images = inputs
        for place, kind in enumerate(self.kinds):
            changed = _CHANGES[kind](self, inputs, strength)
            is_chosen = ops.logical_and(chosen >= place, chosen < place + 1)
            images = ops.where(is_chosen, changed, images)
        return ops.clip(images, 0.0, 255.0)

    def _drawn(self, shape):
        return keras.random.uniform(shape, seed=self._generator)

    def _noisy(self, images, strength):
        noise = keras.random.normal(ops.shape(images), seed=self._generator)
        return images + noise * strength * (255 * _MOST_NOISE)

    def _blurred(self, images, strength):
        for axis, sum_over in ((1, "brx,bxyc->bryc"), (2, "bry,bxyc->bxrc")):
            side = images.shape[axis]
            places = ops.arange(side, dtype="float32")
            gaps = (places[:, None] - places[None]) ** 2
            width = ops.maximum(
                strength[..., 0] * (_MOST_BLUR * images.shape[2] / _SIDE), 0.05
            )
            spread = ops.exp(-gaps / (2 * width**2))  # (batch, side, side)
            spread = spread / ops.sum(spread, axis=-1, keepdims=True)
            images = ops.einsum(sum_over, spread, images)
        return images

    def _pale(self, images, strength):
        middle = ops.mean(images, axis=(1, 2, 3), keepdims=True)
        kept = 1 - strength * (1 - _LEAST_CONTRAST)
        return middle + (images - middle) * kept

    def _lit(self, images, strength):
        return images + (2 * strength - 1) * _MOST_LIGHT

    def _turned(self, images, strength):
        angles = (2 * strength[:, 0, 0, 0] - 1) * _MOST_TURN
        cosine, sine = ops.cos(angles), ops.sin(angles)
        x, y = (images.shape[2] - 1) / 2, (images.shape[1] - 1) / 2
        nothing = ops.zeros_like(cosine)
        # From a place in what comes out to that in the image, (x, y).
        places = [
            *(cosine, -sine, x - cosine * x + sine * y),
            *(sine, cosine, y - sine * x - cosine * y),
            *(nothing, nothing),
        ]
        return ops.image.affine_transform(
            images,
            ops.stack(places, axis=1),
            fill_mode="constant",
            fill_value=_GREY,
        )


_CHANGES = {
    "noise": RandomCorruption._noisy,
    "blur": RandomCorruption._blurred,
    "contrast": RandomCorruption._pale,
    "light": RandomCorruption._lit,
    "rotation": RandomCorruption._turned,
}
