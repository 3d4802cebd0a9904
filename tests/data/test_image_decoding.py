import io

import numpy as np
import pytest
from PIL import Image

from aet_keras.data.image_decoding import conversion_notes, decode

SIZE = (4, 4)


def encoded(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def full(value, mode, dtype="uint8"):
    shape = (4, 4, len(value)) if isinstance(value, tuple) else (4, 4)
    image = Image.fromarray(np.full(shape, value, dtype))
    return image if image.mode == mode else image.convert(mode)


# Half-transparent red on white: 255 - 128 + 255 * 0 = 127 in green and blue.
CASES = {
    "rgb": (full((10, 20, 30), "RGB"), (10, 20, 30), ()),
    "greyscale": (full(99, "L"), (99,) * 3, ("greyscale image",)),
    "one bit": (full(255, "1"), (255,) * 3, ("greyscale image",)),
    "palette": (full((255, 0, 0), "P"), (255, 0, 0), ("palette image",)),
    "alpha": (
        Image.new("RGBA", SIZE, (255, 0, 0, 128)),
        (255, 127, 127),
        ("image with an alpha channel",),
    ),
    "grey with alpha": (
        Image.new("LA", SIZE, (0, 0)),
        (255,) * 3,
        ("image with an alpha channel",),
    ),
    # 32896 = 128 * 257: the middle of 16 bits is the middle of 8.
    "16 bits": (
        full(32896, "I;16", "uint16"),
        (128,) * 3,
        ("16-bit image",),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_kind_becomes_the_rgb_it_shows(case):
    image, expected, conversions = case

    pixels, converted = decode(encoded(image), SIZE)

    assert pixels.shape == (4, 4, 3) and pixels.dtype == np.uint8
    assert pixels[0, 0].tolist() == list(expected)
    assert converted == conversions


def test_cmyk_becomes_rgb():
    image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))  # red

    pixels, converted = decode(encoded(image, "JPEG"), SIZE)

    # JPEG rounds: within 5 of pure red.
    assert np.abs(pixels[0, 0].astype(int) - [255, 0, 0]).max() <= 5
    assert converted == ("CMYK image",)


def test_one_transparent_colour_of_a_palette_becomes_white():
    image = full((0, 0, 255), "P")

    pixels, _ = decode(
        encoded(image, transparency=image.getpixel((0, 0))), SIZE
    )

    assert pixels.min() == 255


def test_float_pixels_are_refused_because_they_have_no_range():
    image = Image.fromarray(np.zeros((4, 4), "float32"))

    with pytest.raises(ValueError, match="no fixed range"):
        decode(encoded(image, "TIFF"), SIZE)


def test_exif_orientation_is_applied():
    image = Image.new("RGB", (16, 8))
    image.paste((255, 255, 255), (0, 0, 8, 8))  # white left half
    exif = image.getexif()
    exif[0x0112] = 6  # shown turned by 90 degrees clockwise: left is up

    pixels, _ = decode(encoded(image, "PNG", exif=exif), (16, 8))

    assert pixels[0].min() == 255 and pixels[-1].max() == 0


def test_the_first_frame_of_an_animation_is_taken():
    frames = [Image.new("RGB", SIZE, colour) for colour in ("red", "blue")]
    file = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])

    pixels, converted = decode(file, SIZE)

    assert pixels[0, 0].tolist() == [255, 0, 0]
    assert converted[0] == "animated image"


def test_shrinking_averages_instead_of_skipping():
    stripes = np.zeros((64, 64, 3), "uint8")
    stripes[:, ::2] = 255

    pixels, _ = decode(encoded(Image.fromarray(stripes)), SIZE)

    # One stripe in two is white: 127.5, but for the triangle's edges.
    assert np.abs(pixels.astype(int) - 127).max() <= 3


def test_a_large_jpeg_decoded_at_a_fraction_shows_the_same():
    ramp = np.linspace(0, 255, 512).astype("uint8")
    image = Image.fromarray(np.tile(ramp[:, None, None], (1, 512, 3)))

    pixels, _ = decode(encoded(image, "JPEG", quality=95), (8, 8))

    plain = np.asarray(image.resize((8, 8), Image.Resampling.BILINEAR))
    assert np.abs(pixels.astype(int) - plain).max() <= 3  # JPEG's own loss


def test_notes_count_in_words():
    notes = conversion_notes({"greyscale image": 3, "CMYK image": 1})

    assert notes == (
        "3 greyscale images were read as RGB.",
        "1 CMYK image was converted to RGB.",
    )
