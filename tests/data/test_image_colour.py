"""Are coloured images told from grey ones by their pixels?"""

import io

import numpy as np
import pytest
from PIL import Image

from aet_keras import data


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, "uint8")


def grey(count=10):
    return np.repeat(noise(count, 16, 16, 1), 3, axis=3)


def as_jpeg(image):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=60)
    return np.asarray(Image.open(buffer))


def test_grey_in_three_channels_is_grey_and_colour_is_colour():
    assert data.image_decoding.coloured_share(grey()) == 0
    assert data.image_decoding.coloured_share(noise(10, 16, 16, 3)) == 1


def test_a_light_tint_and_the_noise_of_a_jpeg_are_no_colour():
    tinted = np.clip(grey().astype(int) + [6, 2, -3], 0, 255).astype("uint8")
    saved = np.stack([as_jpeg(image) for image in grey()])

    assert data.image_decoding.coloured_share(tinted) == 0
    assert data.image_decoding.coloured_share(saved) == 0


@pytest.mark.parametrize("count", [10, 1000])
def test_the_share_is_that_of_the_images(count):
    images = grey(count)
    images[::4, :, :8] = (200, 40, 10)

    assert data.image_decoding.coloured_share(images) == pytest.approx(
        0.25, abs=0.06
    )
