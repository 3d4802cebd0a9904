"""Builds layers that change training images at random."""

import keras

from aet_keras import _check as check
from aet_keras._choices import AUGMENTATIONS
from aet_keras.data.assembly import check_image_size
from aet_keras.data.image_corruption import KINDS, RandomCorruption

# Which corruptions of `evaluation.robustness` an augmentation has shown.
SEEN = {
    "none": (),
    "flip": (),
    "light": ("contrast", "light", "rotation"),
    "strong": ("blur", "contrast", "light", "rotation"),
    "robust": KINDS,
}


def build_augmentation(
    name: str, *, image_size: tuple[int, int], seed: int
) -> keras.Sequential | None:
    """Returns Keras's own layers that change images at random.

    - `"none"`: nothing.
    - `"flip"`: `RandomFlip`, left and right, for half of the images.
    - `"light"`: not mirrored; `RandomTranslation` by up to 10 % of either side;
      `RandomRotation` by up to 15 degrees; `RandomZoom` in or out by up to
      10 %; `RandomContrast` by up to 20 %; `RandomBrightness` by up to 10 %
      of the range. What moves in from outside is mirrored at the edge.
    - `"strong"`: flip, then `RandAugment` with `num_ops=2, factor=0.3`: two
      of eleven changes of shape, colour and sharpness, drawn once a batch,
      with a magnitude for each image.
    - `"robust"`: half of the images stay as they are; each of the others gets
      noise, a blur, less contrast, more or less light, or is turned by up to
      35 degrees, as strongly as is drawn.

    Mirrored letters and digits are other letters: `"flip"` and `"strong"` are
    not for them.

    Args:
        name: `"none"`, `"flip"`, `"light"`, `"strong"` or `"robust"`.
        image_size: `(height, width)` of the images.
        seed: int >= 0. Two augmentations of one seed change alike.

    Returns:
        A `keras.Sequential` from float32 images, 0 to 255, to the same, for
        `make_batches(augment=...)`; or None for `"none"`.

    Raises:
        TypeError: if `image_size` is not a pair of ints, or `seed` no int.
        ValueError: if the name is none of the five.

    Cost: measured at 96 px on two busy CPU cores, images a second: flip
        2,200, light 175, strong 47 (it computes all eleven for each image).

    Example:

    >>> flip = aet_keras.data.build_augmentation(
    ...     "flip", image_size=(8, 8), seed=0
    ... )
    >>> flip(np.zeros((2, 8, 8, 3), "float32"), training=True).shape
    TensorShape([2, 8, 8, 3])

    Reference:
        [Cubuk et al., 2019](https://arxiv.org/abs/1909.13719) for
        `"strong"`. Differs: Keras draws the operations once a batch.
    """
    owner = "build_augmentation"
    check.one_of(owner, name=name, among=AUGMENTATIONS)
    image_size = check_image_size(owner, image_size)
    check.whole(owner, seed=seed)
    if name == "none":
        return None
    layers = _layers(name)
    # Pixels of 0 to 255 lose their last bits in half precision.
    options = [
        {"seed": seed * len(layers) + index, "dtype": "float32"}
        for index in range(len(layers))
    ]
    built = [
        layer(**arguments, **option)
        for (layer, arguments), option in zip(layers, options, strict=True)
    ]
    inputs = keras.Input((*image_size, 3), dtype="float32")
    return keras.Sequential([inputs, *built], name=f"{name}_augmentation")


def _layers(name):
    layers = keras.layers
    flip = (layers.RandomFlip, {"mode": "horizontal"})
    if name == "flip":
        return [flip]
    if name == "robust":
        return [(RandomCorruption, {})]
    if name == "strong":
        return [flip, (layers.RandAugment, {"num_ops": 2, "factor": 0.3})]
    return [
        (layers.RandomTranslation, {"height_factor": 0.1, "width_factor": 0.1}),
        (layers.RandomRotation, {"factor": 15 / 360}),
        (layers.RandomZoom, {"height_factor": 0.1}),
        (layers.RandomContrast, {"factor": 0.2}),
        (layers.RandomBrightness, {"factor": 0.1}),
    ]
