"""Are encoded images read in the graph as training reads them?"""

import struct

import numpy as np
import pytest
import tensorflow as tf
from image_files import (
    IMAGE_FILES,
    draw_scene,
    encode,
    exif_block,
    jpeg_segment,
    jpeg_with_segments,
    rotated_photo,
)

from aet_keras.data.image_decoding import bombs_refused
from aet_keras.data.image_decoding import decode as decode_bare
from aet_keras.export.image_decoding import decode_images

OWN, SMALL, LARGE = (48, 64), (20, 32), (96, 97)


def decode(image, size):
    """Returns what training reads, which passes over Pillow's warnings."""
    with bombs_refused():
        return decode_bare(image, size)


@pytest.fixture(scope="module")
def read_many():
    """Returns a function from encoded images and a size to their pixels."""
    traced = {
        (size, channels): tf.function(
            lambda x, shape=(*size, channels): decode_images(x, shape),
            input_signature=[tf.TensorSpec((None,), tf.string)],
            autograph=False,
        )
        for size in (OWN, SMALL, LARGE)
        for channels in (1, 3)
    }
    return lambda encoded, size, channels=3: traced[size, channels](
        tf.constant(encoded)
    ).numpy()


@pytest.fixture
def read(read_many):
    """Returns a function from one encoded image and a size to pixels."""
    return lambda encoded, *rest: read_many([encoded], *rest)[0]


@pytest.fixture(scope="module")
def pixels(read_many):
    """Returns the pixels of every kind of file by size, a batch a size."""
    files = [*IMAGE_FILES.values()]
    return {
        size: dict(zip(IMAGE_FILES, read_many(files, size), strict=True))
        for size in (OWN, SMALL, LARGE)
    }


@pytest.mark.parametrize("kind", IMAGE_FILES)
def test_an_image_of_its_own_size_has_the_pixels_of_training(pixels, kind):
    expected, _ = decode(IMAGE_FILES[kind], OWN)

    np.testing.assert_array_equal(pixels[OWN][kind], expected)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["shrunk", "enlarged"])
@pytest.mark.parametrize("kind", IMAGE_FILES)
def test_a_resized_image_has_the_pixels_of_training(pixels, kind, size):
    expected, _ = decode(IMAGE_FILES[kind], size)

    np.testing.assert_array_equal(pixels[size][kind], expected)
    assert expected.std() > 5


def test_any_size_is_resized_to_the_pixels_of_training(read):
    random = np.random.default_rng(0)

    for width, height in random.integers(1, 400, (20, 2)):
        encoded = encode(draw_scene((width, height)), "PNG")
        expected, _ = decode(encoded, SMALL)
        np.testing.assert_array_equal(read(encoded, SMALL), expected)


def test_damaged_exif_turns_an_image_as_in_training(read):
    random = np.random.default_rng(0)
    photo, turns = encode(draw_scene((90, 60)), "JPEG"), 0

    for number in range(60):
        block = bytearray(
            exif_block(1 + number % 8, "<>"[number % 2], before=2)
        )
        block[random.integers(len(block))] = random.integers(256)
        exif_segment = jpeg_segment(0xE1, b"Exif\0\0" + block)
        encoded = jpeg_with_segments(exif_segment, image=photo)
        expected, _ = decode(encoded, SMALL)
        np.testing.assert_array_equal(read(encoded, SMALL), expected)
        turns += (expected != decode(photo, SMALL)[0]).any()

    assert 20 < turns < 60


def test_a_large_photo_is_upright_however_it_was_held(read_many):
    cases = [(code, endian) for code in range(1, 9) for endian in "<>"]
    photos = [rotated_photo(*case) for case in cases]

    read = read_many(photos, SMALL)

    for case, photo, pixels in zip(cases, photos, read, strict=True):
        expected, _ = decode(photo, SMALL)
        np.testing.assert_array_equal(pixels, expected, str(case))


def test_one_channel_is_grey(read):
    expected = np.asarray(draw_scene().convert("L"), int)

    grey = read(IMAGE_FILES["png"], OWN, 1)[..., 0]

    assert np.abs(grey - expected).max() <= 1
    same = read(IMAGE_FILES["grey png"], OWN, 1)[..., 0]
    np.testing.assert_array_equal(same, expected)


def test_images_of_unlike_sizes_go_in_one_batch():
    sizes = [(64, 48), (10, 90), (512, 384)]
    encoded = [encode(draw_scene(size), "PNG") for size in sizes]

    together = decode_images(tf.constant(encoded), (8, 8, 3)).numpy()

    for row, one in zip(together, encoded, strict=True):
        np.testing.assert_array_equal(row, decode(one, (8, 8))[0])


def huge_png():
    """Returns the head of a PNG of a gigabyte, which nobody should make."""
    sizes = struct.pack(">II", 16384, 16384)
    return IMAGE_FILES["png"][:16] + sizes + IMAGE_FILES["png"][24:]


def huge_jpeg():
    sizes = struct.pack(">HH", 48, 64)
    return IMAGE_FILES["jpeg"].replace(
        sizes, struct.pack(">HH", 16384, 16384), 1
    )


REFUSED = {
    "a huge png": (huge_png(), "at most 33554432 pixels"),
    "a huge jpeg": (huge_jpeg(), "at most 89478485 pixels"),
    "nothing": (b"", "JPEG or PNG"),
    "text": (b"a letter", "JPEG or PNG"),
    "gif": (encode(draw_scene(), "GIF"), "JPEG or PNG"),
    "webp": (encode(draw_scene(), "WEBP"), "JPEG or PNG"),
    "first bytes of a png": (IMAGE_FILES["png"][:8], "PNG"),
    "first bytes of a jpeg": (IMAGE_FILES["jpeg"][:3], "JPEG"),
    "half a png": (IMAGE_FILES["png"][:600], "PNG"),
    "half a jpeg": (IMAGE_FILES["jpeg"][:700], "JPEG"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_whole_jpeg_or_png_is_refused(read, case):
    encoded, words = REFUSED[case]

    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        read(encoded, OWN)
