"""Are training images corrupted as is said, each in one way?"""

import numpy as np
import PIL.Image
import pytest
from scipy import ndimage

from aet_keras.data.image_augmentation import SEEN
from aet_keras.data.image_corruption import KINDS, RandomCorruption
from aet_keras.evaluation import robustness


def _images(count=6, side=16):
    random = np.random.default_rng(0)
    return random.integers(60, 190, (count, side, side, 3)).astype("float32")


def _corrupted(images, kind, strength):
    """Returns all images changed in one way, as strongly as is said."""
    layer = RandomCorruption(ratio=1.0, kinds=[kind])
    drawn = iter((0.0, strength))  # which way, and how strongly
    layer._drawn = lambda shape: np.full(
        (len(images), 1, 1, 1), next(drawn), "float32"
    )
    return np.asarray(layer(images, training=True))


def test_light_and_contrast_follow_their_formulas():
    images = _images()
    middle = images.mean(axis=(1, 2, 3), keepdims=True)

    # 2 * 0.25 - 1 = -0.5 of 100; 1 - 0.5 * (1 - 0.2) = 0.6
    darker, paler = images - 50, middle + (images - middle) * 0.6
    np.testing.assert_allclose(_corrupted(images, "light", 0.25), darker)
    np.testing.assert_allclose(
        _corrupted(images, "contrast", 0.5), paler, rtol=1e-5
    )


def test_a_turn_is_that_of_pillow():
    pixels = ndimage.gaussian_filter(_images(2, 32), (0, 2, 2, 0))

    ours = _corrupted(pixels, "rotation", 0.75)

    for image, turned in zip(pixels, ours, strict=True):
        image = PIL.Image.fromarray(image.astype("uint8"))
        # (2 * 0.75 - 1) * 35 degrees
        peer = image.rotate(17.5, PIL.Image.BILINEAR, fillcolor=(128,) * 3)
        gap = np.abs(turned - np.asarray(peer))[4:-4, 4:-4]
        assert gap.mean() < 1.2  # Pillow's pixels are whole numbers


def test_a_blur_is_that_of_scipy():
    images = _images()
    width = (0, 0.6 * 2.5 * 16 / 96, 0.6 * 2.5 * 16 / 96, 0)

    def filtered(values):
        return ndimage.gaussian_filter(
            values.astype(float), width, mode="constant", truncate=30
        )

    by_scipy = filtered(images) / filtered(np.ones_like(images))
    # SciPy's kernel has an end.
    np.testing.assert_allclose(
        _corrupted(images, "blur", 0.6), by_scipy, rtol=1e-4
    )


def test_noise_has_the_spread_that_is_drawn():
    grey = np.full((4, 64, 64, 3), 128, "float32")

    noisy = _corrupted(grey, "noise", 0.5)

    assert abs(noisy.std() / 255 - 0.1) < 0.002


def test_half_of_the_images_stay_and_no_two_are_alike():
    image = np.repeat(_images(1), 400, axis=0)

    changed = np.asarray(RandomCorruption(seed=1)(image, training=True))

    is_same = (changed == image).all(axis=(1, 2, 3))
    assert abs(is_same.mean() - 0.5) < 0.1
    others = changed[~is_same]
    flat = others.reshape(len(others), -1)
    assert len(np.unique(flat, axis=0)) == len(flat)
    same = np.asarray(RandomCorruption(seed=1)(image, training=True))
    np.testing.assert_array_equal(same, changed)
    plain = RandomCorruption(seed=1)(image, training=False)
    np.testing.assert_array_equal(plain, image)


@pytest.mark.parametrize("name", SEEN)
def test_what_is_seen_is_known_and_leaves_something_unseen(name):
    known = set(robustness._CORRUPTIONS)

    assert set(SEEN[name]) <= known
    assert known - set(SEEN[name])
    assert SEEN["robust"] == KINDS
